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

  /// Takes note of a path of the tree, and hands its bytes on.
  func collect(
    _ below: String, _ entry: KernelSource.Entry, _ body: KernelSource.Body,
    handOn: (KernelSource.Body) throws -> Void
  ) throws {
    newest = max(newest, entry.modified)
    let name = FileTree.name(of: below)
    let isList = ["modules.order", "modules.builtin", "modules.builtin.modinfo"].contains(below)
    guard entry.kind == .file, isList || ModuleName.isModuleFile(name) else {
      return try handOn(body)
    }
    guard entry.size <= ModuleTree.sizeLimit else {
      throw FormatError(.limit, "a module of \(entry.size) bytes", path: [below])
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(entry.size, 1 << 22))
    try handOn { receive in
      try body { piece in
        bytes.append(contentsOf: piece)
        try receive(piece)
      }
    }
    switch below {
    case "modules.order": lists.order = bytes
    case "modules.builtin": lists.builtin = bytes
    case "modules.builtin.modinfo": lists.builtinInformation = bytes
    default: try work.submit((below, bytes))
    }
  }

  /// The index of all that was collected.
  func index() throws -> ModuleIndex {
    try work.finish()
    return try ModuleIndex(found.modules.withLock { $0 }, lists: lists)
  }
}
