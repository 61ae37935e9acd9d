internal import Formats
package import Modules

/// The modules of a kernel in a folder, before they are looked into.
package struct ModuleListing {
  /// The newest time in the tree, in seconds since 1970.
  package let newest: Int
  /// Nil when the folder has no config-VER.
  package let configuration: KernelConfiguration?
  private let tree: ModuleTree
  /// Paths below the tree.
  private let modules: [String]
  /// Of all that is in the tree, but for what depmod makes.
  private let paths: [String]
  /// What was left out, one line each.
  private let omissions: [String]

  /// - Parameter root: a folder with lib/modules/VER.
  /// - Throws: `KitError.missing` when there is no such tree, `FormatError` for what can't be read.
  package init(in root: String, _ release: KernelRelease) throws {
    tree = try ModuleTree(root: root, release: release)
    var newest = 0
    var configuration: KernelConfiguration?
    var modules: [String] = []
    var paths: [String] = []
    var omissions: [String] = []
    let found = try KernelSource.paths(ofFolder: root, release) { omissions.append($0) }
    for (path, role) in found {
      switch role {
      case .kernel: break
      case .configuration:
        configuration = KernelConfiguration(
          reading: try InputFile(path).readAll(limit: KernelConfiguration.sizeLimit))
      case .moduleTree(_, let below):
        guard !ModuleTreePath.isLeftOut(below) else { continue }
        let entry = try KernelSource.entry(at: path, role)
        // That of the tree itself tells when depmod was run.
        if !below.isEmpty {
          newest = max(newest, entry.modified)
          paths.append(path)
        }
        if entry.kind == .file, ModuleTreePath.isModule(below) { modules.append(below) }
      }
    }
    (self.newest, self.configuration) = (newest, configuration)
    (self.modules, self.paths, self.omissions) = (modules, paths, omissions)
  }

  /// Looks into the modules.
  /// - Throws: `KitError.invalid` for modules that need each other in a circle, `FormatError` for what can't
  ///   be read.
  package func catalog(jobs: Int) throws -> ModuleCatalog {
    ModuleCatalog(
      index: try ModuleIndex(
        collect(jobs: jobs, isWhole: true), lists: tree.lists(), jobs: jobs),
      configuration: configuration, read: read)
  }

  /// What a RAM disk is made of. Where all modules are of the kernel's own build, what they say in `.modinfo` is
  /// enough to know which need which; the symbols of those that were chosen are looked at later. Of compressed
  /// modules all would have to be decompressed: there depmod's own indexes tell, if nothing has changed since.
  /// - Parameter warn: takes what is wrong with some modules, one line each.
  /// - Throws: as `catalog`.
  package func modules(
    jobs: Int, warn: @escaping (String) -> Void
  ) throws -> KernelModules {
    omissions.forEach(warn)
    let isPlain = modules.allSatisfy { $0.hasSuffix(ModuleName.suffixes[0]) }
    var index = isPlain ? nil : indexed()
    if index == nil {
      let lists = try tree.lists()
      // Where one is not of the kernel's build, all are to be read whole, so not twice.
      if modules.allSatisfy(ModuleOrder(lists.order).lists) {
        index = try ModuleIndex(byName: collect(jobs: jobs, isWhole: false), lists: lists)
      }
    }
    let known = index?.warnings ?? []
    known.forEach(warn)
    let whole = {
      let modules = try catalog(jobs: jobs).modules
      modules.index.warnings.filter { !known.contains($0) }.forEach(warn)
      return modules
    }
    return try index.map { KernelModules(index: $0, whole: whole, contents: read) } ?? whole()
  }

  /// What depmod has found out.
  /// - Returns: nil where it was not run, or anything was written or came to its place since then; or where its
  ///   modules are not the ones that are there: it may have been told to look elsewhere, and of two with one name
  ///   it took one.
  private func indexed() -> ModuleIndex? {
    let lock = FolderLock(tree.path, isShared: true)
    defer { lock.unlock() }
    // Before kmod 33 there is no modules.weakdep.
    let files = ["modules.dep", "modules.alias", "modules.softdep"].map {
      FileTree.status("\(tree.path)/\($0)")
    }
    // In a tree that was copied, `changed` tells when that was, and `written` what was before.
    guard files.allSatisfy({ $0?.kind == .file }),
      let changed = files.compactMap(\.?.changed).min(),
      let written = files.compactMap(\.?.written).min(),
      paths.allSatisfy({ path in
        // Neither a link nor what it leads to.
        [FileTree.status(path), FileTree.status(path, followingLink: true)].allSatisfy {
          $0.map { $0.changed < changed && $0.written <= written } == true
        }
      }),
      let texts = try? ModuleIndex.Texts({ name in
        let path = "\(tree.path)/\(name)"
        guard FileTree.status(path) != nil else { return nil }
        return try InputFile(path).readAll(limit: Self.indexLimit)
      }),
      let index = try? ModuleIndex(reading: texts),
      Set(index.modules.map(\.path)) == Set(modules)
    else { return nil }
    return index
  }

  /// The most bytes of one of depmod's texts; modules.alias of trixie's full kernel has 1.4 MB.
  private static let indexLimit = 1 << 26

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
