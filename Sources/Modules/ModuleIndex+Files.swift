internal import Formats

extension ModuleIndex {
  /// One of the files that depmod writes into a module tree.
  package struct File: Sendable {
    /// The file's name, such as `modules.dep`.
    package let name: String
    /// The whole file.
    package let bytes: [UInt8]
  }

  /// All files of a module tree, byte for byte as kmod 30 writes them; modules.weakdep as kmod 34.
  /// - Parameter jobs: how many are made at once.
  /// - Throws: `FormatError.limit` when an index would be larger than its format allows.
  package func files(jobs: Int = 1) throws -> [File] {
    // What takes longest begins first. In the result files stand as in `fileNames`.
    let groups: [@Sendable () throws -> [File]] = [
      { [File(name: "modules.alias.bin", bytes: try aliasIndex())] },
      symbolFiles,
      dependencyFiles,
      { [File(name: "modules.alias", bytes: aliasText())] },
      { [File(name: "modules.softdep", bytes: relationText("softdep", "Soft dependencies"))] },
      { [File(name: "modules.weakdep", bytes: relationText("weakdep", "Weak dependencies"))] },
      { [File(name: "modules.builtin.bin", bytes: try builtinIndex())] },
      { [File(name: "modules.builtin.alias.bin", bytes: try builtinAliasIndex())] },
      { [File(name: "modules.devname", bytes: deviceText())] },
    ]
    let files = try OrderedWork.map(groups, jobs: jobs) { try $0() }.joined()
    return Self.fileNames.compactMap { name in files.first { $0.name == name } }
  }

  /// The names of the files that depmod makes.
  static let fileNames = [
    "modules.dep", "modules.dep.bin", "modules.alias", "modules.alias.bin", "modules.softdep",
    "modules.weakdep", "modules.symbols", "modules.symbols.bin", "modules.builtin.bin",
    "modules.builtin.alias.bin", "modules.devname",
  ]

  private static func joined(_ lines: [[UInt8]]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(lines.reduce(0) { $0 + $1.count + 1 })
    for line in lines {
      text += line
      text.append(UInt8(ascii: "\n"))
    }
    return text
  }

  /// `path: path…` of each module and all that it needs.
  private func dependencyLines() throws(FormatError) -> [[UInt8]] {
    let paths = modules.map { Array($0.path.utf8) }
    var walk = DependencyWalk(modules)
    var lines: [[UInt8]] = []
    var size = 0
    for position in modules.indices {
      var line = paths[position]
      line.append(UInt8(ascii: ":"))
      for dependency in walk.closure(of: position) {
        line.append(UInt8(ascii: " "))
        line += paths[dependency]
      }
      size += line.count
      guard size < 1 << 29, walk.steps < 1 << 31 else {
        throw FormatError(.limit, "too many module dependencies", path: ["modules.dep"])
      }
      lines.append(line)
    }
    return lines
  }

  @Sendable private func dependencyFiles() throws -> [File] {
    let lines = try dependencyLines()
    var trie = IndexTrie()
    for (position, module) in modules.enumerated() {
      trie.insert(Array(module.name.utf8)[...], lines[position][...], priority: position)
    }
    return [
      File(name: "modules.dep", bytes: Self.joined(lines)),
      File(name: "modules.dep.bin", bytes: try trie.bytes()),
    ]
  }

  private func aliasText() -> [UInt8] {
    var text = Array("# Aliases extracted from modules themselves.\n".utf8)
    for position in modules.indices {
      let end = Array(" \(modules[position].name)\n".utf8)
      for alias in modules[position].facts.values(of: "alias") {
        text += "alias ".utf8
        text += alias
        text += end
      }
    }
    return text
  }

  private func aliasIndex() throws(FormatError) -> [UInt8] {
    var trie = IndexTrie()
    for position in modules.indices {
      let name = Array(modules[position].name.utf8)
      for alias in modules[position].facts.values(of: "alias") {
        guard let key = ModuleAlias.normalized(alias) else { continue }
        trie.insert(key[...], name[...], priority: position)
      }
    }
    return try trie.bytes()
  }

  private func relationText(_ key: StaticString, _ title: String) -> [UInt8] {
    var text = Array("# \(title) extracted from modules themselves.\n".utf8)
    for position in modules.indices {
      for value in modules[position].facts.values(of: key) {
        text += "\(key) \(modules[position].name) ".utf8
        text += value
        text.append(UInt8(ascii: "\n"))
      }
    }
    return text
  }

  @Sendable private func symbolFiles() throws -> [File] {
    let names = modules.map { Array($0.name.utf8) }
    let prefix = Array("symbol:".utf8)
    let (symbols, owners) = (symbolOwners.keys, symbolOwners.values)
    let order = symbols.sortedPositions()
    var trie = IndexTrie()
    for symbol in order {
      let owner = owners[symbol]
      trie.insert(prefix: prefix, symbols[symbol], names[owner][...], priority: owner)
    }
    var text = Array("# Aliases for symbols, used by symbol_request().\n".utf8)
    for symbol in Self.inHashOrder(order, of: symbols) {
      text += "alias symbol:".utf8
      text += symbols[symbol]
      text.append(UInt8(ascii: " "))
      text += names[owners[symbol]]
      text.append(UInt8(ascii: "\n"))
    }
    return [
      File(name: "modules.symbols", bytes: text),
      File(name: "modules.symbols.bin", bytes: try trie.bytes()),
    ]
  }

  /// Symbols as kmod's table of 2048 buckets has them.
  /// - Parameter order: their positions, in the order of their bytes.
  private static func inHashOrder(_ order: [Int], of symbols: ByteStrings) -> [Int] {
    let buckets = order.map { Int(ModuleName.hash(symbols[$0]) % 2048) }
    var ends = [Int](repeating: 0, count: 2048)
    for bucket in buckets { ends[bucket] += 1 }
    for bucket in ends.indices.dropFirst() { ends[bucket] += ends[bucket - 1] }
    var sorted = [Int](repeating: 0, count: order.count)
    for (symbol, bucket) in zip(order, buckets).reversed() {
      ends[bucket] -= 1
      sorted[ends[bucket]] = symbol
    }
    return sorted
  }

  /// Lines of modules.builtin: paths of what would be modules.
  private func builtinIndex() throws(FormatError) -> [UInt8] {
    guard let list = lists.builtin else { return [] }
    var trie = IndexTrie()
    for line in Self.lines(list) {
      trie.insert(Array(ModuleName.name(ofPath: line).utf8)[...], [], priority: 0)
    }
    return try trie.bytes()
  }

  private func builtinAliasIndex() throws(FormatError) -> [UInt8] {
    guard lists.builtinInformation != nil else { return [] }
    var trie = IndexTrie()
    for (module, alias) in lists.builtInAliases {
      guard let key = ModuleAlias.normalized(alias) else { continue }
      trie.insert(key[...], module, priority: 0)
    }
    return try trie.bytes()
  }
}
