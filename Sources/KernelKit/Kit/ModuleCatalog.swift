internal import Formats

/// The modules of an unpacked kernel: their index, and their bytes.
public struct ModuleCatalog {
  public let index: ModuleIndex
  /// The newest time in the tree, in seconds since 1970.
  public let newest: Int
  /// Nil when the folder has no config-VER.
  public let configuration: KernelConfiguration?
  private let tree: String

  /// - Parameter root: a folder with lib/modules/VER.
  public init(in root: String, _ release: KernelRelease, jobs: Int) throws {
    let collector = ModuleCollector(jobs: jobs)
    var configuration: KernelConfiguration?
    try KernelSource.directory(root, release).forEachEntry(jobs: jobs) { entry, body in
      switch entry.role {
      case .kernel: break
      case .configuration:
        configuration = KernelConfiguration(
          reading: try SourceReader(body).readToEnd(limit: KernelConfiguration.sizeLimit))
      case .moduleTree(_, let below):
        guard !ModuleTreePath.isLeftOut(below) else { return }
        try collector.collect(below, entry, body).forEachPiece { _ in }
      }
    }
    tree = try ModuleTree(root: root, release: release).path
    index = try collector.index()
    newest = collector.newest
    self.configuration = configuration
  }

  /// The bytes of a module, by its path below the tree.
  public func contents(of path: String) throws -> [UInt8] {
    try InputFile("\(tree)/\(path)").readAll(limit: ModuleTree.sizeLimit)
  }
}
