public import Formats

/// The modules of one kernel on a disk: `ROOT/lib/modules/VER` or `ROOT/usr/lib/modules/VER`.
public struct ModuleTree: Sendable {
  /// Larger files are no modules. The largest of bookworm's full kernel has 19.5 MB.
  public static let sizeLimit = 1 << 28
  /// The most modules of a kernel. Bookworm's full one has 4,023.
  public static let countLimit = 1 << 16

  public let release: KernelRelease
  /// The folder that holds `kernel/` and modules.order.
  public let path: String

  /// - Parameter root: a folder with `lib/modules` or `usr/lib/modules` in it.
  /// - Throws: `KitError.missing` when there is no tree of this kernel.
  public init(root: String, release: KernelRelease) throws(KitError) {
    let candidates = Self.parents(in: root).map { "\($0)/\(release)" }
    guard let path = candidates.first(where: FileTree.isDirectory) else {
      let others = Self.releases(in: root).map(\.description).joined(separator: ", ")
      throw KitError(
        .missing, "\(candidates[0]): there is no such folder",
        advice: others.isEmpty
          ? "make it with `minivm unpack linux-image-*.deb`" : "there is \(others)")
    }
    self.release = release
    self.path = path
  }

  /// The kernels whose modules are below `root`, in the order of their names' bytes.
  public static func releases(in root: String) -> [KernelRelease] {
    let names = parents(in: root).flatMap { folder in
      ((try? FileTree.names(in: folder)) ?? []).filter { FileTree.isDirectory("\(folder)/\($0)") }
    }
    return Set(names).sorted().compactMap { try? KernelRelease($0) }
  }

  private static func parents(in root: String) -> [String] {
    let root = root.isEmpty || root.hasSuffix("/") ? root : root + "/"
    return ["\(root)lib/modules", "\(root)usr/lib/modules"]
  }

  /// What the kernel's build left beside the modules.
  public func lists() throws(FormatError) -> ModuleIndex.BuildLists {
    ModuleIndex.BuildLists(
      order: try list("modules.order"), builtin: try list("modules.builtin"),
      builtinInformation: try list("modules.builtin.modinfo"))
  }

  private func list(_ name: String) throws(FormatError) -> [UInt8]? {
    let path = "\(path)/\(name)"
    guard FileTree.status(path, followingLink: true)?.kind == .file else { return nil }
    return try InputFile(path).readAll(limit: Self.sizeLimit)
  }

  /// Paths of the modules, below the tree or absolute in external folders, in byte order.
  public func modulePaths(
    _ configuration: DepmodConfiguration = DepmodConfiguration()
  ) throws(FormatError) -> [String] {
    var found: [String] = []
    var walk = ModuleTreeWalk(excluded: configuration.excludedNames.union(ModuleTreePath.sources))
    try walk.collect(path, prefix: "", into: &found)
    for folder in configuration.externalFolders where FileTree.isDirectory(folder) {
      try walk.collect(folder, prefix: folder + "/", into: &found)
    }
    return found
  }

  /// Reads the modules at `paths` and what they say of themselves.
  /// - Parameter jobs: how many are read at once.
  public func facts(
    of paths: [String], jobs: Int
  ) throws -> [(path: String, facts: ModuleFacts)] {
    // Some at once: handing over a single one costs about as much as looking into it.
    let parts = stride(from: 0, to: paths.count, by: 32).map { start in
      paths[start..<min(start + 32, paths.count)]
    }
    return try OrderedWork.map(parts, jobs: jobs) { part in
      try part.map { (path: $0, facts: try facts(of: $0)) }
    }.flatMap { $0 }
  }

  private func facts(of modulePath: String) throws -> ModuleFacts {
    let path = modulePath.hasPrefix("/") ? modulePath : "\(path)/\(modulePath)"
    let facts = ModuleFacts(readingFile: try InputFile(path), limit: Self.sizeLimit)
    // A disk that fails is no property of the module.
    if let failure = facts.problems.first(where: { $0.kind == .io }) { throw failure }
    return facts
  }
}
