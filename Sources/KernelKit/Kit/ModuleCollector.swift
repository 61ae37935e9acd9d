internal import Formats
internal import Synchronization

/// Gathers what depmod needs while a module tree streams by: modules are looked into on all cores.
final class ModuleCollector {
  private typealias Module = (path: String, bytes: [UInt8])

  /// Results, which arrive on other threads.
  private final class Found: Sendable {
    let modules = Mutex<[(path: String, facts: ModuleFacts)]>([])
  }

  private let found = Found()
  private let work: OrderedWork<Module, (path: String, facts: ModuleFacts)>
  private var module: Module?
  private var lists = ModuleIndex.BuildLists()
  /// The newest time of the tree, in seconds since 1970.
  private(set) var newest = 0

  init(jobs: Int) {
    let found = found
    work = OrderedWork(
      jobs: jobs,
      work: { module in
        let bytes = try inside(module.path) {
          try Compression.decompress(module.bytes, limit: ModuleTree.sizeLimit)
        }
        return (module.path, ModuleFacts(reading: bytes))
      },
      commit: { result in found.modules.withLock { $0.append(result) } })
  }

  /// Takes note of a path of the tree.
  /// - Returns: the path's bytes, which are to be read before the next call.
  func collect(
    _ below: String, _ entry: KernelSource.Entry, _ body: any ByteSource
  ) throws -> any ByteSource {
    try finishModule()
    newest = max(newest, entry.modified)
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
