internal import Formats

extension ModuleIndex {
  /// Files that depmod made, and those of the kernel's build that stand beside them.
  package struct Texts: Sendable {
    /// modules.dep.
    package var dependencies: [UInt8] = []
    /// modules.alias.
    package var aliases: [UInt8] = []
    /// modules.softdep.
    package var softDependencies: [UInt8] = []
    /// modules.weakdep.
    package var weakDependencies: [UInt8] = []
    /// The files of the kernel's build.
    package var lists = BuildLists()

    /// Makes the texts of a tree without any of the files.
    package init() {}

    /// - Parameter file: the bytes of a file of the module tree; nil when there is none.
    package init(_ file: (String) throws -> [UInt8]?) rethrows {
      dependencies = try file("modules.dep") ?? []
      aliases = try file("modules.alias") ?? []
      softDependencies = try file("modules.softdep") ?? []
      weakDependencies = try file("modules.weakdep") ?? []
      lists = BuildLists(
        order: try file("modules.order"), builtin: try file("modules.builtin"),
        builtinInformation: try file("modules.builtin.modinfo"))
    }
  }

  /// What modprobe knows of a tree: the modules' paths, aliases and relations, without their symbols.
  /// `dependencies` holds all that a module needs, directly or not.
  /// - Throws: `KitError.invalid` for texts that contradict each other.
  package init(reading texts: Texts) throws {
    var found: [(path: String, facts: ModuleFacts)] = []
    var positions = ByteStringMap()
    for line in Self.byteLines(texts.dependencies) {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
      let name = ModuleName.name(ofPath: line[..<colon])
      guard positions[name[...]] == nil else { continue }
      positions.set(name[...], found.count)
      var own = ModuleFacts()
      // Each module has one symbol, its name, which others use that need it.
      own.exports.append(name)
      for needed in line[colon...].dropFirst().split(separator: UInt8(ascii: " ")) {
        own.needs.append(ModuleName.name(ofPath: needed))
      }
      found.append((String(decoding: line[..<colon], as: UTF8.self), own))
    }
    func add(_ key: [UInt8], _ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
      guard let position = positions[ModuleName.normalized(name)[...]] else { return }
      found[position].facts.information.append(key, value)
    }
    for line in Self.byteLines(texts.aliases) where line.starts(with: "alias ".utf8) {
      // Values may have blanks, names have none.
      let rest = line.dropFirst(6)
      guard let blank = rest.lastIndex(of: UInt8(ascii: " ")) else { continue }
      add(Array("alias=".utf8), rest[(blank + 1)...], rest[..<blank])
    }
    for (key, text) in [("softdep", texts.softDependencies), ("weakdep", texts.weakDependencies)] {
      for line in Self.byteLines(text) where line.starts(with: "\(key) ".utf8) {
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
        if words.count == 3 { add(Array("\(key)=".utf8), words[1], words[2]) }
      }
    }
    try self.init(found, lists: texts.lists)
    isWhole = false
  }
}
