#if !hasFeature(Embedded)
  import Formats
#endif

/// lib/modules/VER of the RAM disk, and what is said of its modules: which file a request leads to,
/// what it needs, and with which arguments it is loaded.
struct ModuleTree {
  /// A file of modules.dep, and those that have to be loaded before it.
  struct Entry {
    /// Below the tree's folder, or absolute, as depmod(8) has modules of other folders.
    var path: [UInt8]
    /// In the order in which they are loaded.
    var needed: [[UInt8]]
  }

  /// A module, and the alias that led to it, for which there may be options.
  struct Request {
    var name: [UInt8]
    var alias: [UInt8]?
  }

  let folder: [UInt8]
  let configuration: ModprobeConfiguration
  private let dependencies: MappedFile
  private let aliases: MappedFile?
  private let builtin: MappedFile?

  /// - Parameter base: the file system's root; empty for the one that this program sees.
  /// - Returns: nil when there are no indexes of the form that is known.
  init?(base: [UInt8], release: [UInt8]) {
    folder = base + "/lib/modules/" + release
    guard let dependencies = MappedFile(folder + "/modules.dep.bin"),
      dependencies.withBytes({ IndexTrieReader.isIndex($0) })
    else { return nil }
    self.dependencies = dependencies
    aliases = MappedFile(folder + "/modules.alias.bin")
    builtin = MappedFile(folder + "/modules.builtin.bin")
    var configuration = ModprobeConfiguration()
    for path in Self.settings(base, folder) {
      if let file = System.contents(path) { configuration.add(file: file) }
    }
    if let line = System.contents(base + "/proc/cmdline") { configuration.add(commandLine: line) }
    self.configuration = configuration
  }

  /// The files that say something of modules, in the order of their names: modules.softdep is one of them,
  /// as kmod has it.
  private static func settings(_ base: [UInt8], _ folder: [UInt8]) -> [[UInt8]] {
    let softdeps = [UInt8]("modules.softdep")
    let settings = base + "/etc/modprobe.d"
    let names = System.names(in: settings).filter {
      $0.first != UInt8(ascii: ".") && ($0.hasEnd(".conf") || $0.hasEnd(".alias"))
    }
    return (names + [softdeps]).sorted { $0.lexicographicallyPrecedes($1) }.map { name in
      (name == softdeps ? folder : settings) + "/" + name
    }
  }

  /// The modules that a device's alias leads to. modprobe.d(5): a line of the configuration goes before what
  /// modules say of themselves.
  func requests(forAlias alias: [UInt8]) -> [Request] {
    guard let alias = ModuleAlias.normalized(alias) else { return [] }
    var requests: [Request] = []
    for (pattern, module) in configuration.aliases where ModuleAlias.matches(pattern, alias) {
      requests.append(Request(name: module, alias: pattern))
    }
    if requests.isEmpty {
      for value in aliases?.withBytes({ IndexTrieReader.matches(alias, in: $0) }) ?? [] {
        requests.append(Request(name: value.bytes, alias: alias))
      }
    }
    requests.removeAll { configuration.isBlacklisted($0.name) }
    return requests
  }

  /// The modules that somebody asks for by name or alias.
  func requests(for word: [UInt8]) -> [Request] {
    guard let name = ModuleAlias.normalized(word) else { return [] }
    for (pattern, _) in configuration.aliases where ModuleAlias.matches(pattern, name) {
      return requests(forAlias: name)
    }
    return entry(name) == nil ? requests(forAlias: name) : [Request(name: name)]
  }

  func entry(_ name: [UInt8]) -> Entry? {
    guard
      let line = dependencies.withBytes({ IndexTrieReader.values(of: name, in: $0) }).first?.bytes,
      let colon = line.firstIndex(of: UInt8(ascii: ":"))
    else { return nil }
    var words = ByteWords(Array(line[(colon + 1)...]))
    var needed: [[UInt8]] = []
    while let word = words.next() { needed.append(word) }
    return Entry(path: Array(line[..<colon]), needed: needed.reversed())
  }

  /// Where the file of an entry is.
  func file(_ path: [UInt8]) -> [UInt8] {
    path.first == UInt8(ascii: "/") ? path : folder + "/" + path
  }

  /// Whether the kernel has it without a module.
  func isBuiltin(_ name: [UInt8]) -> Bool {
    guard let builtin else { return false }
    return builtin.withBytes { !IndexTrieReader.values(of: name.withUnderscores, in: $0).isEmpty }
  }

  /// Whether a module may have devices: not file systems, ciphers and checksums.
  func isDriver(_ path: [UInt8]) -> Bool {
    // An absolute path may lead into the tree, too.
    let start = folder + "/"
    let path = path.starts(with: start) ? Array(path[start.count...]) : path
    return !["kernel/fs/", "kernel/crypto/", "kernel/lib/", "kernel/arch/"].contains {
      path.startsWithText($0)
    }
  }

  /// Whether it is a driver of buttons and keys, on which no disk depends.
  static func isForLater(_ path: [UInt8]) -> Bool {
    path.startsWithText("kernel/drivers/input/")
      || path.startsWithText("kernel/drivers/acpi/button.")
  }

  /// A module's name for its file: up to the first dot, with underscores for dashes.
  static func name(ofPath path: [UInt8]) -> [UInt8] {
    Array(path.lastPathPart.prefix { $0 != UInt8(ascii: ".") }).withUnderscores
  }
}

extension [UInt8] {
  func hasEnd(_ text: StaticString) -> Bool {
    span.has(text, at: count - text.utf8CodeUnitCount)
  }
}
