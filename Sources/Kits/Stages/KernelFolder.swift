package import Basics
package import Formats
package import Machines
package import Modules

/// A kernel and its modules in a folder: a kit, or what `minivm unpack` leaves.
package struct KernelFolder: Sendable {
  /// The kernel's release.
  package let release: KernelRelease
  /// The kernel's architecture.
  package let architecture: Architecture
  /// Paths.
  package let kernel: String
  /// Nil where there is no kit.
  package let initramfs: String?
  /// The modules disk of a kit; nil for another folder, and for a kernel without modules.
  package let modulesDisk: MachineDisk?
  private let kit: Kit?
  private let folder: String

  /// - Parameters:
  ///   - path: the folder, or the manifest of a kit in it.
  ///   - release: which kernel, in a folder with several; the beginning of its name will do.
  /// - Throws: `KitError.missing` when there is no kernel in it, `.usage` when there are several.
  package init(_ path: String, release: KernelRelease? = nil) throws {
    let place = try Kit.place(path)
    let (folder, wanted) = (place.folder, place.release ?? release)
    self.folder = folder
    do {
      let kit = try Kit(folder: folder, release: wanted)
      self.kit = kit
      (self.release, architecture, kernel) = (kit.release, kit.architecture, kit.kernel)
      (initramfs, modulesDisk) = (kit.initramfs, kit.modulesDisk)
    } catch let error as KitError where error.code == .missing {
      kit = nil
      let all = ModuleTree.releases(in: folder)
      let leftovers = try wanted == nil ? Self.leftovers(in: folder) : [:]
      let names = KernelRelease.chosen(
        from: all.filter { leftovers[$0] == nil }.map(\.description), by: wanted)
      let releases = all.filter { names.contains($0.description) }
      guard let first = releases.first else {
        throw Self.failure(ofLeftovers: leftovers, in: folder) ?? error
      }
      guard releases.count == 1 else {
        throw KitError(
          severalKernels: releases.map(\.description), in: folder,
          advice: "choose one with --kernel")
      }
      guard let path = Self.file(Self.kernelNames, of: first, in: folder) else {
        throw KitError(
          .missing, "\(folder): has no vmlinuz-\(first)",
          advice: "put it there or into boot, or make it with `minivm unpack linux-image-*.deb`")
      }
      (self.release, kernel) = (first, path)
      architecture = try Architecture(ofKernel: path)
      (initramfs, modulesDisk) = (nil, nil)
    }
  }

  /// What kernels are called, the likeliest first.
  static let kernelNames = ["vmlinuz", "vmlinux", "Image"]

  /// A file `NAME-VER` in the folder or its `boot`, or `NAME` in lib/modules/VER: the first of `names`
  /// that is there.
  static func file(_ names: [String], of release: KernelRelease, in folder: String) -> String? {
    let tree = (try? ModuleTree(root: folder, release: release))?.path
    return names.flatMap { name in
      ["\(folder)/\(name)-\(release)", "\(folder)/boot/\(name)-\(release)"]
        + (tree.map { ["\($0)/\(name)"] } ?? [])
    }.first { FileTree.status($0, followingLink: true)?.kind == .file }
  }

  /// Folders lib/modules/VER that earlier kernels have left, with what is in each: `only updates`. That of a kernel
  /// that is there is none.
  /// - Throws: `FormatError.io` for what can't be read.
  package static func leftovers(in folder: String) throws -> [KernelRelease: String] {
    var found: [KernelRelease: String] = [:]
    for release in ModuleTree.releases(in: folder)
    where file(kernelNames, of: release, in: folder) == nil {
      found[release] = try ModuleTree(root: folder, release: release).leftovers()
    }
    return found
  }

  /// What to say of a folder that has nothing but leftovers.
  package static func failure(
    ofLeftovers leftovers: [KernelRelease: String], in folder: String
  ) -> KitError? {
    guard let (release, text) = leftovers.min(by: { $0.key.description < $1.key.description })
    else { return nil }
    return KitError(
      .missing,
      "\(folder): lib/modules/\(release) has \(text), left by an earlier kernel, and no kernel",
      advice: "put a kernel there with `minivm unpack linux-image-*.deb --out \(folder)`")
  }

  /// The kernels of a folder that have no lib/modules/VER there, and a config-VER that says that they were built
  /// without modules, in the order of their names' bytes.
  /// - Throws: `FormatError.io` for what can't be read.
  package static func releasesWithoutModules(in folder: String) throws -> [KernelRelease] {
    let prefix = Kit.Part.vmlinuz.prefix
    let names = [folder, "\(folder)/boot"].flatMap { (try? FileTree.textNames(in: $0)) ?? [] }
    return try Set(names.filter { $0.hasPrefix(prefix) }).sorted()
      .compactMap { try? KernelRelease($0.dropFirst(prefix.count)) }
      .filter { release in
        guard (try? ModuleTree(root: folder, release: release)) == nil else { return false }
        return try configuration(of: release, in: folder)?.hasNoModules == true
      }
  }

  /// What the kernel of a folder with lib/modules/VER runs on; nil when it is not there.
  package static func architecture(
    of release: KernelRelease, in folder: String
  ) throws -> Architecture? {
    try file(kernelNames, of: release, in: folder).map(Architecture.init(ofKernel:))
  }

  /// All of its modules.
  /// - Throws: `KitError.invalid` for a kernel that has none, `.missing` where they are not there; as `Kit.modules`.
  package func modules(jobs: Int) throws -> any ModuleStore {
    guard let kit else { return try FolderModuleStore(in: folder, release, jobs: jobs) }
    if let modules = try kit.modules(jobs: jobs) { return modules }
    if try kit.hasNoModules {
      throw KitError(
        .invalid, "kernel \(release) has no modules: its drivers are built in",
        advice: "boot it with `minivm boot`, or predict with `minivm check`")
    }
    throw KitError(
      .missing,
      "\(folder): has neither \(Kit.Part.modulesDisk.fileName(release)) nor lib/modules/\(release)",
      advice: "build the kit again")
  }

  /// What the kernel was configured with; nil where that is not there.
  /// - Throws: `FormatError.io` for what can't be read.
  package func configuration() throws -> KernelConfiguration? {
    try kit.map { try $0.configuration() } ?? Self.configuration(of: release, in: folder)
  }

  /// What a kernel in a folder was configured with; nil where that is not there.
  /// - Throws: `FormatError.io` for what can't be read.
  package static func configuration(
    of release: KernelRelease, in folder: String
  ) throws -> KernelConfiguration? {
    try file([ModuleTreePath.configurationName], of: release, in: folder).map {
      KernelConfiguration(reading: try InputFile($0).readAll(limit: KernelConfiguration.sizeLimit))
    }
  }
}
