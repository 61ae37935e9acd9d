internal import Formats
internal import Synchronization

/// Gathers what depmod needs while a module tree streams by: modules are looked into on all cores.
final class ModuleCollector {
  private typealias Module = (path: String, bytes: [UInt8])

  /// Bytes that all modules of a tree may unpack to; those of bookworm's full kernel have 0.4 GB.
  static let unpackedLimit = 1 << 32
  /// Bytes that modules may say of themselves, which is kept of all.
  static let factsLimit = 1 << 28

  /// Results, which arrive on other threads.
  private final class Found: Sendable {
    let modules = Mutex<[(path: String, facts: ModuleFacts)]>([])
    private let unpacked = Mutex(0)
    private let facts = Mutex(0)
    private let unpackedLimit: Int
    private let factsLimit: Int

    init(unpackedLimit: Int, factsLimit: Int) {
      (self.unpackedLimit, self.factsLimit) = (unpackedLimit, factsLimit)
    }

    func count(unpacked bytes: [UInt8], of path: String) throws {
      try Self.add(bytes.count, to: unpacked, limit: unpackedLimit, path, "unpack to")
    }

    func count(_ found: ModuleFacts, of path: String) throws {
      try Self.add(found.byteCount, to: facts, limit: factsLimit, path, "say of themselves")
    }

    private static func add(
      _ count: Int, to sum: borrowing Mutex<Int>, limit: Int, _ path: String, _ doing: String
    ) throws {
      let sum = sum.withLock {
        $0 += count
        return $0
      }
      guard sum <= limit else {
        throw FormatError(
          .limit, "the modules up to this one \(doing) more than \(limit) bytes", path: [path])
      }
    }
  }

  private let found: Found
  private let work: OrderedWork<Module, (path: String, facts: ModuleFacts)>
  private var module: Module?
  private var moduleCount = 0
  private var lists = ModuleIndex.BuildLists()
  /// The newest time in the tree, in seconds since 1970; that of the tree itself tells when depmod was
  /// run.
  private(set) var newest = 0

  init(
    jobs: Int, unpackedLimit: Int = ModuleCollector.unpackedLimit,
    factsLimit: Int = ModuleCollector.factsLimit
  ) {
    let found = Found(unpackedLimit: unpackedLimit, factsLimit: factsLimit)
    self.found = found
    work = OrderedWork(
      jobs: jobs,
      work: { module in
        let bytes = try inside(module.path) {
          try Compression.decompress(module.bytes, limit: ModuleTree.sizeLimit)
        }
        try found.count(unpacked: bytes, of: module.path)
        let facts = ModuleFacts(reading: bytes)
        try found.count(facts, of: module.path)
        return (module.path, facts)
      },
      commit: { result in found.modules.withLock { $0.append(result) } })
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
    guard list != nil || ModuleName.isModuleFile(FileTree.name(of: below)) else { return body }
    guard entry.size <= ModuleTree.sizeLimit else {
      throw FormatError(
        .limit, "\(entry.size) bytes are more than \(ModuleTree.sizeLimit)", path: [below])
    }
    if let list {
      lists[keyPath: list] = []
      return ObservedSource(body) { [self] in lists[keyPath: list]?.append(contentsOf: $0) }
    }
    moduleCount += 1
    guard moduleCount <= ModuleTree.countLimit else {
      throw FormatError(
        .limit, "is one of more than \(ModuleTree.countLimit) modules", path: [below])
    }
    module = (below, [])
    return ObservedSource(body) { [self] in module?.bytes += $0 }
  }

  /// The module that is being read has passed: it is looked into.
  private func finishModule() throws {
    guard let complete = module else { return }
    module = nil
    try work.submit(complete)
  }

  /// The index of all that was collected.
  func index() throws -> ModuleIndex {
    try finishModule()
    try work.finish()
    return try ModuleIndex(found.modules.withLock { $0 }, lists: lists)
  }
}
