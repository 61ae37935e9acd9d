internal import Basics
internal import Formats

/// The modules of a folder with lib/modules/VER.
package final class FolderModuleStore: ModuleStore {
  /// The newest time in the tree, in seconds since 1970.
  package let newest: Int
  private let tree: ModuleTree
  /// Paths below the tree.
  private let modules: [String]
  /// Of all that is in the tree, but for what depmod makes.
  private let paths: [String]
  private let jobs: Int
  private let warn: (String) -> Void
  private var warned: Set<String> = []
  /// What was found out before.
  private var known: ModuleIndex?

  /// - Parameters:
  ///   - root: a folder with lib/modules/VER.
  ///   - warn: takes what was left out, and what is wrong with some modules, one line each.
  /// - Throws: `KitError.missing` when there is no such tree, `FormatError` for what can't be read.
  package init(
    in root: String, _ release: KernelRelease, jobs: Int,
    warn: @escaping (String) -> Void = { _ in }
  ) throws {
    let tree = try ModuleTree(root: root, release: release)
    var newest = 0
    var modules: [String] = []
    var paths: [String] = []
    let omissions = try tree.forEachEntry { below, isFolder in
      guard !ModuleTreePath.isLeftOut(below), !ModuleTreePath.isOfKernel(below) else { return }
      let path = "\(tree.path)/\(below)"
      guard let status = FileTree.status(path, followingLink: true) else {
        throw FormatError.system("can't be examined", path: path)
      }
      newest = max(newest, status.modified)
      paths.append(path)
      if !isFolder, ModuleTreePath.isModule(below) { modules.append(below) }
    }
    (self.tree, self.newest, self.modules, self.paths) = (tree, newest, modules, paths)
    (self.jobs, self.warn) = (jobs, warn)
    omissions.forEach(warn)
  }

  /// Where all modules are of the kernel's own build, what they say in `.modinfo` is enough to know which need which.
  /// Of compressed modules all would have to be decompressed: there depmod's own indexes tell, if nothing has changed
  /// since.
  /// - Throws: `KitError.invalid` for modules that need each other in a circle, `FormatError` for what can't be read.
  package func index() throws -> ModuleIndex {
    if let known { return known }
    let isPlain = modules.allSatisfy { $0.hasSuffix(ModuleName.suffixes[0]) }
    var index = isPlain ? nil : indexed()
    if index == nil {
      let lists = try tree.lists()
      // Where one is not of the kernel's build, all are to be read whole, so not twice.
      if modules.allSatisfy(ModuleOrder(lists.order).lists) {
        index = try ModuleIndex(byName: collect(.information), lists: lists)
      }
    }
    guard let index else { return try wholeIndex() }
    return keep(index)
  }

  /// Returns the index of all that the modules say, which are read for it.
  /// - Throws: `KitError.invalid` for modules that need each other in a circle, `FormatError` for what can't be read.
  package func wholeIndex() throws -> ModuleIndex {
    if let known, known.isWhole { return known }
    return keep(try ModuleIndex(collect(.whole), lists: tree.lists(), jobs: jobs))
  }

  /// Returns the bytes of a module.
  /// - Throws: `FormatError` when there is none or it can't be read.
  package func contents(of path: String) throws -> [UInt8] {
    try InputFile("\(tree.path)/\(path)").readAll(limit: ModuleTree.sizeLimit)
  }

  private func keep(_ index: ModuleIndex) -> ModuleIndex {
    index.warnings.filter { warned.insert($0).inserted }.forEach(warn)
    known = index
    return index
  }

  private func collect(
    _ reading: ModuleIndexBuilder.Reading
  ) throws -> [(path: String, facts: ModuleFacts)] {
    let builder = ModuleIndexBuilder(jobs: jobs, reading: reading)
    for below in modules { try builder.collect(below, file: "\(tree.path)/\(below)") }
    return try builder.modules()
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
}
