internal import Formats

extension ModuleIndex {
  /// What is wrong with some modules or lists, one line each. They stand in the index all the same,
  /// as far as they can.
  package var warnings: [String] {
    var warnings: [String] = []
    if let warning = ModuleOrder.warning(of: lists.order) { warnings.append(warning) }
    if lists.builtin == nil { warnings.append("modules.builtin: there is none") }
    if lists.builtinInformation == nil { warnings.append("modules.builtin.modinfo: there is none") }
    warnings += lostNames.map {
      "\($0): is in modules.order, and only a file whose name differs in case is here: was the tree on a file system that ignores case?"
    }
    for position in modules.indices {
      let facts = modules[position].facts
      warnings += facts.problems.map { "\($0.inside(modules[position].path))" }
      if !IndexTrie.takes(modules[position].name.utf8) {
        warnings.append("\(modules[position].path): modprobe cannot look up this name")
      }
      guard Self.isUnusual(facts.information.bytes.span) else { continue }
      for alias in facts.values(of: "alias") where Self.isUnusual(alias.span) {
        let path = modules[position].path
        if ModuleAlias.normalized(alias) == nil {
          warnings.append("\(path): unmatched bracket in alias \(Self.text(alias))")
        } else if !IndexTrie.takes(alias) {
          warnings.append("\(path): modprobe can't look up alias \(Self.text(alias))")
        }
      }
    }
    return warnings
  }

  /// Paths of modules.order that have no file, where one that differs in nothing but case has.
  private var lostNames: [String] {
    guard let order = lists.order else { return [] }
    let found = Set(modules.map { ModuleName.uncompressed($0.path) })
    let missing = Self.lines(order).filter { !found.contains($0) }
    guard !missing.isEmpty else { return [] }
    let folded = Set(found.map { $0.lowercased() })
    return missing.filter { folded.contains($0.lowercased()) }
  }

  /// Whether there are brackets, or what is not ASCII: in most that modules say there is neither.
  private static func isUnusual(_ bytes: Span<UInt8>) -> Bool {
    for index in bytes.indices {
      let byte = bytes[index]
      if byte >= 0x80 || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]") { return true }
    }
    return false
  }

  /// Bytes of a module as text for a terminal.
  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(
      String.UnicodeScalarView(
        bytes.prefix(200).map { (0x20..<0x7f).contains($0) ? Unicode.Scalar($0) : "?" }))
  }
}
