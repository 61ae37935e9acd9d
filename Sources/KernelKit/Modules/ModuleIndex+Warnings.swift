internal import Formats

extension ModuleIndex {
  /// What is wrong with some modules or lists, one line each. They stand in the index all the same,
  /// as far as they can.
  public var warnings: [String] {
    var warnings: [String] = []
    if let warning = ModuleOrder(lists.order).warning { warnings.append(warning) }
    if lists.builtin == nil { warnings.append("modules.builtin: there is none") }
    if lists.builtinInformation == nil { warnings.append("modules.builtin.modinfo: there is none") }
    for module in modules {
      warnings += module.facts.problems.map { "\($0.inside(module.path))" }
      if !IndexTrie.takes(module.name.utf8) {
        warnings.append("\(module.path): a name that modprobe can't look up")
      }
      for alias in module.facts.values(of: "alias") where Self.isUnusual(alias) {
        if ModuleAlias.normalized(alias) == nil {
          warnings.append("\(module.path): a bracket without partner in alias \(Self.text(alias))")
        } else if !IndexTrie.takes(alias) {
          warnings.append("\(module.path): modprobe can't look up alias \(Self.text(alias))")
        }
      }
    }
    return warnings
  }

  /// Whether there are brackets in it, or what is not ASCII: in most there is neither.
  private static func isUnusual(_ alias: ArraySlice<UInt8>) -> Bool {
    let bytes = alias.span
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
