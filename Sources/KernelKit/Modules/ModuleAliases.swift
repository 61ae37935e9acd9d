internal import Formats

/// Finds modules by what modprobe can be asked for: a name, or an alias, whose pattern matches.
struct ModuleAliases {
  private let index: ModuleIndex
  private var exact: [ByteString: [Int]] = [:]
  private var patterns: [(pattern: GlobPattern, first: UInt8, position: Int)] = []

  init(_ index: ModuleIndex) {
    self.index = index
    for (position, module) in index.modules.enumerated() {
      for alias in module.facts.values(of: "alias") {
        guard let key = ModuleAlias.normalized(alias), let first = key.first else { continue }
        let pattern = GlobPattern(key, isPath: false)
        if pattern.isLiteral {
          exact[ByteString(key[...]), default: []].append(position)
        } else {
          patterns.append((pattern, first, position))
        }
      }
    }
  }

  /// Positions of the module of that name, or else of all with such an alias, in the index's order.
  func positions(of name: String) -> [Int] {
    if let position = index.position(of: name) { return [position] }
    let name = Array(ModuleName.normalized(name).utf8)
    var found = Set(exact[ByteString(name[...])] ?? [])
    let wildcards: [UInt8] = [UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "[")]
    for (pattern, first, position) in patterns
    where (first == name.first || wildcards.contains(first)) && pattern.matches(name[...]) {
      found.insert(position)
    }
    return found.sorted()
  }
}
