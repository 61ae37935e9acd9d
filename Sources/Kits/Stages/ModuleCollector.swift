internal import Formats
internal import Modules
internal import Synchronization

/// Gathers what depmod needs while a module tree streams by: modules are looked into on all cores.
final class ModuleCollector {
  private struct Module: Sendable {
    enum Content: Sendable {
      case bytes([UInt8])
      case file(path: String)
    }

    var path: String
    var content: Content
  }

  /// Bytes that all modules of a tree may unpack to; those of bookworm's full kernel have 0.4 GB.
  static let unpackedLimit = 1 << 32

  /// Bytes that the modules up to now unpack to.
  final class Unpacked: Sendable {
    private let bytes = Mutex(0)
    private let limit: Int

    init(limit: Int = ModuleCollector.unpackedLimit) {
      self.limit = limit
    }

    func count(_ bytes: Int, of path: String) throws {
      try FoundModules.add(bytes, to: self.bytes, limit: limit, path, "unpack to")
    }
  }

  private let found: FoundModules
  private let work: OrderedWork<[Module], [(path: String, facts: ModuleFacts)]>
  /// The one that is being read.
  private var module: (path: String, bytes: [UInt8])?
  /// Files that are looked into together: handing over a single one costs about as much as looking into one
  /// that is not compressed.
  private var files: [Module] = []
  private var moduleCount = 0
  /// Modules that are other names of earlier ones.
  private var links: [(path: String, earlier: String)] = []
  private var lists = ModuleIndex.BuildLists()
  /// The newest time of the entries that were handed over, in seconds since 1970; that of the tree itself
  /// tells when depmod was run.
  private(set) var newest = 0

  /// - Parameter isWhole: whether symbols are looked at, not only what modules say in `.modinfo`.
  init(
    jobs: Int, isWhole: Bool = true, unpackedLimit: Int = ModuleCollector.unpackedLimit,
    factsLimit: Int = FoundModules.factsLimit
  ) {
    let found = FoundModules(factsLimit: factsLimit)
    let unpacked = Unpacked(limit: unpackedLimit)
    self.found = found
    work = OrderedWork(
      jobs: jobs,
      work: { modules in
        try modules.map { module in
          let facts =
            switch module.content {
            case .bytes(let bytes):
              try Self.facts(ofModule: bytes, module.path, isWhole, unpacked)
            case .file(let path):
              try Self.facts(of: InputFile(path), module.path, isWhole, unpacked)
            }
          try found.count(facts, of: module.path)
          return (module.path, facts)
        }
      },
      commit: found.add)
  }

  /// Takes note of a path of the tree.
  /// - Returns: the path's bytes, which are to be read before the next call.
  func collect(
    _ below: String, _ entry: KernelSource.Entry, _ body: any ByteSource
  ) throws -> any ByteSource {
    try finishModule()
    if !below.isEmpty { newest = max(newest, entry.modified) }
    guard entry.kind == .file else { return body }
    let list: WritableKeyPath<ModuleIndex.BuildLists, [UInt8]?>? =
      switch below {
      case "modules.order": \.order
      case "modules.builtin": \.builtin
      case "modules.builtin.modinfo": \.builtinInformation
      default: nil
      }
    guard list != nil || ModuleTreePath.isModule(below) else { return body }
    try Self.check(size: entry.size, of: below)
    if let list {
      lists[keyPath: list] = []
      return ObservedSource(body) { [self] in lists[keyPath: list]?.append(contentsOf: $0) }
    }
    try countModule(below)
    module = (below, [])
    return ObservedSource(body) { [self] in module?.bytes += $0 }
  }

  /// Takes note of a module of the tree that is a file. Of one that is not compressed only what it says of
  /// itself is read.
  /// - Parameter path: where it is.
  func collect(_ below: String, file path: String) throws {
    try countModule(below)
    files.append(Module(path: below, content: .file(path: path)))
    // One that is compressed takes as long as many that are not.
    if files.count == 32 || !below.hasSuffix(ModuleName.suffixes[0]) { try finishFiles() }
  }

  private func finishFiles() throws {
    try work.submit(files)
    files = []
  }

  /// Takes note of a module whose bytes are at hand.
  func collect(_ below: String, bytes: [UInt8]) throws {
    try finishModule()
    try countModule(below)
    try work.submit([Module(path: below, content: .bytes(bytes))])
  }

  /// Takes note of another name of a file that was collected.
  func collect(_ below: String, linkedTo earlier: String) throws {
    guard ModuleTreePath.isModule(below) else { return }
    try countModule(below)
    links.append((below, earlier))
  }

  private func countModule(_ path: String) throws(FormatError) {
    moduleCount += 1
    try ModuleTree.check(count: moduleCount, path)
  }

  private static func check(size: Int, of path: String) throws(FormatError) {
    guard size <= ModuleTree.sizeLimit else {
      throw FormatError(
        .limit, "\(size) bytes are more than \(ModuleTree.sizeLimit)", path: [path])
    }
  }

  private static func facts(
    ofModule bytes: [UInt8], _ path: String, _ isWhole: Bool, _ unpacked: Unpacked
  ) throws -> ModuleFacts {
    // A module that says nothing would be one that nobody needs: RAM disks would lack it.
    let bytes = try inside(path) {
      try Compression.decompress(bytes, limit: ModuleTree.sizeLimit)
    }
    try unpacked.count(bytes.count, of: path)
    return facts(reading: bytes, isWhole)
  }

  private static func facts(
    of file: InputFile, _ path: String, _ isWhole: Bool, _ unpacked: Unpacked
  ) throws -> ModuleFacts {
    try check(size: file.size, of: path)
    let begun = try BegunBytes(file)
    guard Compression.detect(begun.start) == .none else {
      let bytes = Array(try begun.bytes(in: 0..<begun.byteCount))
      try file.checkUnchanged()
      return try facts(ofModule: bytes, path, isWhole, unpacked)
    }
    try unpacked.count(file.size, of: path)
    let facts = facts(reading: begun, isWhole)
    // A disk that fails is no property of the module.
    if let failure = facts.problems.first(where: { $0.kind == .io }) { throw failure }
    try file.checkUnchanged()
    return facts
  }

  private static func facts(
    reading bytes: some RandomAccessBytes, _ isWhole: Bool
  ) -> ModuleFacts {
    isWhole ? ModuleFacts(reading: bytes) : ModuleFacts(readingInformation: bytes)
  }

  /// The module that is being read has passed: it is looked into.
  private func finishModule() throws {
    guard let complete = module else { return }
    module = nil
    try work.submit([Module(path: complete.path, content: .bytes(complete.bytes))])
  }

  /// The index of all that was collected.
  /// - Parameter given: instead of the tree's own lists.
  func index(lists given: ModuleIndex.BuildLists? = nil) throws -> ModuleIndex {
    try ModuleIndex(modules(), lists: given ?? lists)
  }

  /// All that were collected, by path.
  func modules() throws -> [(path: String, facts: ModuleFacts)] {
    try finishModule()
    try finishFiles()
    try work.finish()
    var modules = found.all
    if !links.isEmpty {
      var facts = Dictionary(modules, uniquingKeysWith: { first, _ in first })
      for link in links {
        guard let linked = facts[link.earlier] else { continue }
        facts[link.path] = linked
        modules.append((link.path, linked))
      }
    }
    return modules
  }
}
