internal import Machines
package import Modules

extension Kit {
  /// All modules of the kernel: those of the modules disk, or of the folder lib/modules/VER that stands beside it.
  /// - Returns: nil when there is neither.
  /// - Throws: as `DiskModuleStore` and `FolderModuleStore`.
  package func modules(jobs: Int) throws -> (any ModuleStore)? {
    if let modulesDisk { return try DiskModuleStore(modulesDisk.path, release, jobs: jobs) }
    guard ModuleTree.releases(in: folder).contains(release) else { return nil }
    return try FolderModuleStore(in: folder, release, jobs: jobs)
  }
}
