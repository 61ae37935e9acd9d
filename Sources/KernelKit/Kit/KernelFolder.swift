internal import Formats

/// A kernel and its modules in a folder: a kit, or what `minivm unpack` leaves.
public struct KernelFolder: Sendable {
  public let release: KernelRelease
  public let architecture: MachineModel.Architecture
  /// Paths.
  public let kernel: String
  /// Nil where there is no kit.
  public let initramfs: String?
  public let modulesDisk: MachineDisk?
  private let kit: Kit?
  private let folder: String

  /// - Throws: `KitError.missing` when there is no kernel in it, `.usage` when there are several.
  public init(_ folder: String, release wanted: KernelRelease? = nil) throws {
    self.folder = folder
    do {
      let kit = try Kit(folder: folder, release: wanted)
      self.kit = kit
      (release, architecture, kernel) = (kit.release, kit.architecture, kit.kernel)
      (initramfs, modulesDisk) = (kit.initramfs, kit.modulesDisk)
    } catch let error as KitError where error.code == .missing {
      kit = nil
      let releases = ModuleTree.releases(in: folder).filter { wanted == nil || $0 == wanted }
      guard let first = releases.first else { throw error }
      guard releases.count == 1 else {
        throw KitError(
          .usage,
          "\(folder): holds more than one kernel: \(releases.map(\.description).joined(separator: ", "))",
          advice: "choose one with --kernel")
      }
      let candidates = ["", "boot/"].flatMap { below in
        ["vmlinuz", "vmlinux"].map { "\(folder)/\(below)\($0)-\(first)" }
      }
      guard let path = candidates.first(where: { FileTree.status($0, followingLink: true) != nil })
      else {
        throw KitError(
          .missing, "\(folder): there is no vmlinuz-\(first) in it",
          advice: "make it with `minivm unpack linux-image-*.deb`")
      }
      (release, kernel) = (first, path)
      architecture = try inside(path) {
        let file = try InputFile(path)
        return MachineModel.Architecture(try KernelImage(size: file.size, read: file.read).machine)
      }
      (initramfs, modulesDisk) = (nil, nil)
    }
  }

  /// All modules, each looked into.
  public func catalog(jobs: Int) throws -> ModuleCatalog {
    if let kit {
      guard let catalog = try ModuleCatalog.of(kit, isWhole: true, jobs: jobs) else {
        throw KitError(
          .missing, "\(folder): has neither modules-\(release).qcow2 nor lib/modules/\(release)",
          advice: "build the kit again")
      }
      return catalog
    }
    return try ModuleCatalog(in: folder, release, jobs: jobs)
  }
}
