internal import Formats

extension ModuleIndex {
  /// Files that depmod made, and those of the kernel's build that stand beside them.
  public struct Texts: Sendable {
    public var dependencies: [UInt8] = []
    public var aliases: [UInt8] = []
    public var softDependencies: [UInt8] = []
    public var weakDependencies: [UInt8] = []
    public var lists = BuildLists()

    public init() {}

    /// - Parameter file: the bytes of a file of the module tree; nil when there is none.
    public init(_ file: (String) throws -> [UInt8]?) rethrows {
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
  public init(reading texts: Texts) throws {
    var facts: [String: ModuleFacts] = [:]
    var found: [(path: String, name: String)] = []
    for line in Self.lines(texts.dependencies) {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let path = String(line[..<colon])
      let name = ModuleName.name(ofPath: path)
      guard facts[name] == nil else { continue }
      var own = ModuleFacts()
      // Each module has one symbol, its name, which others use that need it.
      own.exports.append(name.utf8)
      for needed in line[colon...].dropFirst().split(separator: " ") {
        own.needs.append(ModuleName.name(ofPath: needed).utf8)
      }
      facts[name] = own
      found.append((path, name))
    }
    func add(_ key: String, _ name: Substring, _ value: some StringProtocol) {
      facts[ModuleName.normalized(name)]?.information.append("\(key)=\(value)".utf8)
    }
    for line in Self.lines(texts.aliases) where line.hasPrefix("alias ") {
      // Values may have blanks, names have none.
      let rest = line.dropFirst(6)
      guard let blank = rest.lastIndex(of: " ") else { continue }
      add("alias", rest[rest.index(after: blank)...], rest[..<blank])
    }
    for (key, text) in [("softdep", texts.softDependencies), ("weakdep", texts.weakDependencies)] {
      for line in Self.lines(text) where line.hasPrefix("\(key) ") {
        let words = line.split(separator: " ", maxSplits: 2)
        if words.count == 3 { add(key, words[1], words[2]) }
      }
    }
    try self.init(
      found.map { ($0.path, facts[$0.name] ?? ModuleFacts()) }, lists: texts.lists)
  }
}
