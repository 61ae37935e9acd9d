internal import Basics
internal import Formats
package import Machines
package import Modules

/// The modules of an unpacked kernel: their index, and their bytes.
package struct ModuleCatalog {
  package let index: ModuleIndex
  /// Nil when the folder has no config-VER.
  package let configuration: KernelConfiguration?
  private let read: (String) throws -> [UInt8]

  init(
    index: ModuleIndex, configuration: KernelConfiguration?,
    read: @escaping (String) throws -> [UInt8]
  ) {
    self.index = index
    self.configuration = configuration
    self.read = read
  }

  /// - Parameter root: a folder with lib/modules/VER.
  /// - Throws: as `ModuleListing`.
  package init(in root: String, _ release: KernelRelease, jobs: Int) throws {
    self = try ModuleListing(in: root, release).catalog(jobs: jobs)
  }

  /// Of a kit's modules disk.
  /// - Parameter isWhole: whether every module is looked into, as depmod does. Otherwise the disk's own
  ///   indexes are read, which takes some milliseconds and is enough to look something up, but not to
  ///   make other indexes.
  /// - Throws: `FormatError` for a disk that can't be read, `KitError.invalid` for one without the kernel's
  ///   modules or with modules that need each other in a circle.
  package init(of disk: MachineDisk, in kit: Kit, isWhole: Bool, jobs: Int) throws {
    let image = try inside(disk.path) { try Ext4Reader(DiskImage.open(InputFile(disk.path))) }
    let release = kit.release
    read = { path in
      try inside(disk.path) {
        guard
          let bytes = try image.contents(of: "\(release)/\(path)", limit: ModuleTree.sizeLimit)
        else { throw FormatError(.malformed, "has no file \(path.quoted)") }
        return bytes
      }
    }
    let summary = try ModuleIndex(
      reading: ModuleIndex.Texts { name in
        try inside(disk.path) {
          try image.contents(of: "\(release)/\(name)", limit: ModuleTree.sizeLimit)
        }
      })
    guard !summary.modules.isEmpty else {
      throw KitError(
        .invalid, "\(disk.path): has no modules of \(release)", advice: "build the kit again")
    }
    configuration = try kit.configuration()
    if isWhole {
      let collector = ModuleCollector(jobs: jobs)
      for module in summary.modules {
        try collector.collect(module.path, bytes: read(module.path))
      }
      index = try collector.index(lists: summary.lists)
    } else {
      index = summary
    }
  }

  /// All modules of a kit's kernel: those of its modules disk, or of the folder lib/modules/VER that
  /// stands beside it; nil when there is neither.
  package static func of(_ kit: Kit, isWhole: Bool = false, jobs: Int) throws -> ModuleCatalog? {
    if let disk = kit.modulesDisk {
      return try ModuleCatalog(of: disk, in: kit, isWhole: isWhole, jobs: jobs)
    }
    guard ModuleTree.releases(in: kit.folder).contains(kit.release) else { return nil }
    return try ModuleCatalog(in: kit.folder, kit.release, jobs: jobs)
  }

  /// The bytes of a module, as its file has them, by its path below the tree.
  /// - Throws: `FormatError` when there is none or it can't be read.
  package func contents(of path: String) throws -> [UInt8] {
    try read(path)
  }

  var modules: KernelModules { KernelModules(index: index, contents: read) }

  /// What a RAM disk is made of.
  /// - Parameter timestamp: seconds since 1970, for everything in it.
  package func kernel(timestamp: Int) -> RamDisk.Kernel {
    RamDisk.Kernel(timestamp: timestamp, configuration: configuration) { modules }
  }
}
