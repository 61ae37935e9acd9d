package import Basics
package import Formats

/// The modules of one kernel on a disk: `ROOT/lib/modules/VER` or `ROOT/usr/lib/modules/VER`.
package struct ModuleTree: Sendable {
  /// Larger files are no modules. The largest of bookworm's full kernel has 19.5 MB.
  package static let sizeLimit = 1 << 28
  /// The most modules of a kernel. Bookworm's full one has 4,023.
  package static let countLimit = 1 << 16

  /// The kernel whose modules they are.
  package let release: KernelRelease
  /// The folder that holds `kernel/` and modules.order.
  package let path: String
  /// The folder that it is in, below the root.
  private let folder: String

  /// - Parameters:
  ///   - root: a folder with `lib/modules` or `usr/lib/modules` in it.
  ///   - folder: another folder in it that has the modules; nil for these two.
  /// - Throws: `KitError.missing` when there is no tree of this kernel.
  package init(
    root: String, release: KernelRelease, folder: String? = nil
  ) throws(KitError) {
    let parents = folder.map { [Self.path($0, in: root)] } ?? Self.parents(in: root)
    let candidates = parents.map { "\($0)/\(release)" }
    guard let path = candidates.first(where: FileTree.isDirectory) else {
      let others = Self.releases(in: root).map(\.description).joined(separator: ", ")
      throw KitError(
        .missing, "\(candidates[0]): no such folder",
        advice: others.isEmpty
          ? "make it with `minivm unpack linux-image-*.deb`" : "there is \(others)")
    }
    self.release = release
    self.path = path
    self.folder = folder ?? "lib/modules"
  }

  private static func path(_ folder: String, in root: String) -> String {
    let isSeparated = root.isEmpty || root.hasSuffix("/") || folder.hasPrefix("/")
    return FileTree.withoutSlash(root + (isSeparated ? "" : "/") + folder)
  }

  /// The place of the same tree in another folder.
  package func path(below root: String) -> String { "\(Self.path(folder, in: root))/\(release)" }

  /// The kernels whose modules are below `root`, in the order of their names' bytes.
  package static func releases(in root: String) -> [KernelRelease] {
    let names = parents(in: root).flatMap { folder in
      ((try? FileTree.names(in: folder)) ?? []).filter { FileTree.isDirectory("\(folder)/\($0)") }
    }
    return Set(names).sorted().compactMap { try? KernelRelease($0) }
  }

  /// Folders of a tree that a kernel's own packages do not fill.
  private static let additions: Set<String> = [
    "build", "source", "updates", "extra", "weak-updates", "misc",
  ]

  /// What a tree consists of that an earlier kernel has left: modules that were built for it (DKMS), links of its
  /// headers, or nothing.
  /// - Returns: what is in it, `only updates`; nil for a tree with modules or lists of a kernel's own build.
  /// - Throws: `FormatError` for a folder that can't be read.
  package func leftovers() throws(FormatError) -> String? {
    let names = try FileTree.names(in: path).filter { !$0.hasPrefix("modules.") }
    let lists = ["modules.order", "modules.builtin"].map { FileTree.status("\(path)/\($0)") }
    guard Self.additions.isSuperset(of: names), lists.allSatisfy({ $0 == nil }) else { return nil }
    return names.isEmpty ? "no modules" : "only \(names.sorted().joined(separator: ", "))"
  }

  private static func parents(in root: String) -> [String] {
    let root = root.isEmpty || root.hasSuffix("/") ? root : root + "/"
    return ["\(root)lib/modules", "\(root)usr/lib/modules"]
  }

  /// What the kernel's build left beside the modules.
  /// - Throws: `FormatError` for a file that can't be read, or is too large.
  package func lists() throws(FormatError) -> ModuleIndex.BuildLists {
    ModuleIndex.BuildLists(
      order: try list("modules.order"), builtin: try list("modules.builtin"),
      builtinInformation: try list("modules.builtin.modinfo"))
  }

  private func list(_ name: String) throws(FormatError) -> [UInt8]? {
    let path = "\(path)/\(name)"
    guard FileTree.status(path, followingLink: true)?.kind == .file else { return nil }
    return try InputFile(path).readAll(limit: Self.sizeLimit)
  }

  /// The modules and what they say of themselves, in no order. They are looked into while others are found.
  /// - Parameters:
  ///   - jobs: how many are read at once.
  ///   - warn: takes what was left out, one line each.
  /// - Returns: paths below the tree, or absolute ones in external folders.
  package func modules(
    _ configuration: DepmodConfiguration = DepmodConfiguration(), jobs: Int,
    warn: (String) -> Void = { _ in }
  ) throws -> [(path: String, facts: ModuleFacts)] {
    let builder = ModuleIndexBuilder(jobs: jobs, reading: .tolerant)
    func add(_ path: String, isFolder: Bool) throws {
      guard !isFolder, ModuleName.isModuleFile(Substring(FileTree.name(of: path))) else { return }
      try builder.collect(path, file: path.hasPrefix("/") ? path : "\(self.path)/\(path)")
    }
    let excluded = configuration.excludedNames.union(ModuleTreePath.sources)
    var walk = ModuleTreeWalk { _, name, _ in excluded.contains(name) }
    do {
      try walk.forEachEntry(in: path, prefix: "", add)
      for folder in configuration.externalFolders {
        guard FileTree.isDirectory(folder) else {
          warn("\(folder): no such folder of external modules")
          continue
        }
        try walk.forEachEntry(in: folder, prefix: folder + "/", add)
      }
    } catch {
      // What is wrong with a module that was found before comes first, however fast it is looked into.
      _ = try builder.modules()
      throw error
    }
    let modules = try builder.modules()
    walk.warnings.forEach(warn)
    return modules
  }

  /// Hands on what the tree of a kernel's own build or package has, in the byte order of whole paths, with links
  /// followed; without what that was built in.
  /// - Returns: what was left out, one line each.
  /// - Throws: `FormatError` for a folder that can't be read, and what `receive` throws.
  package func forEachEntry(
    _ receive: (_ below: String, _ isFolder: Bool) throws -> Void
  ) throws -> [String] {
    // Links of these names lead to all that the kernel was built in.
    var walk = ModuleTreeWalk { below, name, isLink in
      ModuleTreePath.sources.contains(name) && (isLink || below == name)
    }
    try walk.forEachEntry(in: path, prefix: "", receive)
    return walk.warnings
  }

  /// - Parameter count: of the modules up to this one.
  /// - Throws: `FormatError.limit` for more than a kernel has.
  package static func check(count: Int, _ path: String) throws(FormatError) {
    guard count <= countLimit else {
      throw FormatError(.limit, "is one of more than \(countLimit) modules", path: [path])
    }
  }

  func facts(of modulePath: String) throws -> ModuleFacts {
    let path = modulePath.hasPrefix("/") ? modulePath : "\(path)/\(modulePath)"
    let facts = ModuleFacts(readingFile: try InputFile(path), limit: Self.sizeLimit)
    // A disk that fails is no property of the module.
    if let failure = facts.problems.first(where: { $0.kind == .io }) { throw failure }
    return facts
  }
}
