internal import Formats

/// The modules of a kernel in a folder, before they are looked into.
public struct ModuleListing {
  /// The newest time in the tree, in seconds since 1970.
  public let newest: Int
  /// Nil when the folder has no config-VER.
  public let configuration: KernelConfiguration?
  private let tree: ModuleTree
  /// Paths below the tree.
  private let modules: [String]

  /// - Parameter root: a folder with lib/modules/VER.
  /// - Throws: `KitError.missing` when there is no such tree, `FormatError` for what can't be read.
  public init(in root: String, _ release: KernelRelease) throws {
    tree = try ModuleTree(root: root, release: release)
    var newest = 0
    var configuration: KernelConfiguration?
    var modules: [String] = []
    for (path, role) in try KernelSource.paths(ofFolder: root, release) {
      switch role {
      case .kernel: break
      case .configuration:
        configuration = KernelConfiguration(
          reading: try InputFile(path).readAll(limit: KernelConfiguration.sizeLimit))
      case .moduleTree(_, let below):
        guard !ModuleTreePath.isLeftOut(below) else { continue }
        let entry = try KernelSource.entry(at: path, role)
        // That of the tree itself tells when depmod was run.
        if !below.isEmpty { newest = max(newest, entry.modified) }
        if entry.kind == .file, ModuleTreePath.isModule(below) { modules.append(below) }
      }
    }
    (self.newest, self.configuration, self.modules) = (newest, configuration, modules)
  }

  /// Looks into the modules.
  /// - Throws: `KitError.invalid` for modules that need each other in a circle, `FormatError` for what can't
  ///   be read.
  public func catalog(jobs: Int) throws -> ModuleCatalog {
    ModuleCatalog(
      index: try ModuleIndex(
        collect(jobs: jobs, isWhole: true), lists: tree.lists(), jobs: jobs),
      configuration: configuration, read: read)
  }

  /// What a RAM disk is made of. Where all modules are of the kernel's own build, what they say in `.modinfo` is
  /// enough to know which need which; the symbols of those that were chosen are looked at later. Of compressed
  /// modules all has to be decompressed in any case.
  /// - Throws: as `catalog`.
  public func modules(jobs: Int) throws -> KernelModules {
    if modules.allSatisfy({ $0.hasSuffix(ModuleName.suffixes[0]) }),
      let index = try ModuleIndex(
        byName: collect(jobs: jobs, isWhole: false), lists: tree.lists())
    {
      return KernelModules(index: index, isWhole: false, contents: read)
    }
    return try catalog(jobs: jobs).modules
  }

  private func collect(
    jobs: Int, isWhole: Bool
  ) throws -> [(path: String, facts: ModuleFacts)] {
    let collector = ModuleCollector(jobs: jobs, isWhole: isWhole)
    for below in modules { try collector.collect(below, file: "\(tree.path)/\(below)") }
    return try collector.modules()
  }

  private func read(_ below: String) throws -> [UInt8] {
    try InputFile("\(tree.path)/\(below)").readAll(limit: ModuleTree.sizeLimit)
  }
}
