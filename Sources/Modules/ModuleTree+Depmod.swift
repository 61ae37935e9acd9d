internal import Basics
package import Formats

extension ModuleTree {
  /// What depmod(8) reads when paths are given: these modules alone.
  /// - Parameter files: absolute paths.
  /// - Returns: paths below the tree, or absolute ones of modules elsewhere.
  /// - Throws: `KitError.missing` for one that is not there, `FormatError.io` for one that can't be read.
  package func modules(files: [String]) throws -> [(path: String, facts: ModuleFacts)] {
    let tree = (FileTree.realPath(path) ?? path) + "/"
    return try files.map { file in
      guard ModuleName.isModuleFile(FileTree.name(of: file)) else {
        throw KitError(
          .invalid, "\(file): not a module's file name",
          advice: "give a .ko file, or a compressed one")
      }
      let folder = FileTree.realPath(FileTree.parent(of: file)) ?? FileTree.parent(of: file)
      let real = "\(folder)/\(FileTree.name(of: file))"
      let below = real.hasPrefix(tree) ? String(real.dropFirst(tree.count)) : file
      return (below, try facts(of: below))
    }
  }

  /// The bytes of a module, decompressed.
  /// - Parameter module: its path below the tree, or an absolute one.
  /// - Throws: `FormatError` for what can't be read or decompressed.
  package func contents(of module: String) throws -> [UInt8] {
    let path = module.hasPrefix("/") ? module : "\(path)/\(module)"
    return try inside(path) {
      try Compression.decompress(
        InputFile(path).readAll(limit: Self.sizeLimit), limit: Self.sizeLimit)
    }
  }

  /// Whether modules.dep is newer than every module, and than every folder that one may have gone from.
  /// - Throws: `FormatError` for a folder that can't be read.
  package func isIndexed(_ configuration: DepmodConfiguration) throws -> Bool {
    guard let index = FileTree.status("\(path)/modules.dep", followingLink: true) else {
      return false
    }
    let excluded = configuration.excludedNames.union(ModuleTreePath.sources)
    var walk = ModuleTreeWalk { _, name, _ in excluded.contains(name) }
    var isNewest = true
    for folder in [path] + configuration.externalFolders where FileTree.isDirectory(folder) {
      try walk.forEachEntry(in: folder, prefix: "") { below, isFolder in
        guard isFolder || ModuleTreePath.isModule(below) else { return }
        let status = FileTree.status("\(folder)/\(below)", followingLink: true)
        if let status, status.written > index.written { isNewest = false }
      }
    }
    return isNewest
  }
}

extension ModuleIndex {
  /// Which module needs which other one, and by which symbol first: their paths, in the order of the index.
  package var symbolUses: [(user: String, symbol: String, owner: String)] {
    var uses: [(user: String, symbol: String, owner: String)] = []
    for module in modules {
      var seen: Set<Int> = []
      for symbol in module.facts.needs {
        guard let owner = symbolOwners[symbol], seen.insert(owner).inserted else { continue }
        uses.append((module.path, String(decoding: symbol, as: UTF8.self), modules[owner].path))
      }
    }
    return uses
  }
}
