package import Basics
package import Formats
package import Machines
package import Modules

/// The files of one kernel in a folder, by whatever command they were made.
package struct Kit: Sendable {
  /// The kit's folder.
  package let folder: String
  /// The kernel's release.
  package let release: KernelRelease
  /// The kernel's architecture.
  package let architecture: Architecture
  /// Path of the kernel.
  package let kernel: String
  /// The kernel unpacked; nil when the kit was built without.
  package let vmlinux: String?
  /// Path of the initramfs.
  package let initramfs: String
  /// Nil when there is none: a kernel may be booted with its RAM disk alone.
  package let modulesDisk: MachineDisk?

  /// Finds the files `vmlinuz-VER`, `initramfs-VER` and `modules-VER.qcow2` or `.raw`.
  /// - Parameter release: which kernel, in a folder with more than one; the beginning of its name will do.
  /// - Throws: `KitError.missing` when there is none, `.usage` when there are several.
  package init(folder: String, release wanted: KernelRelease? = nil) throws {
    guard FileTree.isDirectory(folder) else {
      throw KitError(
        .missing, "\(folder): no such folder", advice: "make a kit with `minivm build`")
    }
    let names = try FileTree.textNames(in: folder)
    let prefix = Part.initramfs.prefix
    let found = KernelRelease.chosen(
      from: names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        .filter { names.contains(Part.vmlinuz.prefix + $0) }, by: wanted)
    guard let first = found.first else {
      let missing =
        wanted.map { "vmlinuz-\($0) and initramfs-\($0)" } ?? "vmlinuz-VER and initramfs-VER"
      throw KitError(
        .missing, "\(folder): has no \(missing)", advice: "make them with `minivm build`"
      )
    }
    guard found.count == 1 else {
      throw KitError(
        severalKernels: found, in: folder,
        advice: "choose one: with --kernel, or by its manifest-VER.json where a command takes that")
    }
    let release = try KernelRelease(first)
    func path(_ part: Part, format: MachineDisk.Format = .qcow2) -> String {
      "\(folder)/\(part.fileName(release, format: format))"
    }
    func exists(_ path: String) -> Bool { FileTree.status(path, followingLink: true) != nil }
    (self.folder, self.release) = (folder, release)
    kernel = path(.vmlinuz)
    vmlinux = exists(path(.vmlinux)) ? path(.vmlinux) : nil
    initramfs = path(.initramfs)
    modulesDisk = MachineDisk.Format.allCases
      .map { MachineDisk(path(.modulesDisk, format: $0), format: $0, access: .unchanged) }
      .first { exists($0.path) }
    architecture = try Architecture(ofKernel: kernel)
  }

  /// A kit by its folder, or by the manifest in it: a folder may have several kernels.
  /// - Parameter path: `FOLDER` or `FOLDER/manifest-VER.json`.
  package init(_ path: String) throws {
    try self.init(path, release: nil)
  }

  /// A kit by its folder, or by the manifest in it.
  /// - Parameter release: as in `init(folder:release:)`; nil for a folder with one kernel.
  /// - Throws: `KitError.usage` for a manifest of another kernel than `release`.
  package init(_ path: String, release wanted: KernelRelease?) throws {
    let (folder, release) = try Self.place(path)
    if let release, let wanted,
      KernelRelease.chosen(from: [release.description], by: wanted).isEmpty
    {
      throw KitError(
        .usage, "\(path): is the kit of kernel \(release), not of \(wanted)",
        advice: "leave --kernel out")
    }
    try self.init(folder: folder, release: release ?? wanted)
  }

  /// The folder, and the kernel where it is named.
  static func place(_ path: String) throws -> (folder: String, release: KernelRelease?) {
    guard FileTree.status(path, followingLink: true)?.kind == .file else { return (path, nil) }
    guard let version = version(ofManifest: FileTree.name(of: path)),
      let release = try? KernelRelease(version)
    else {
      throw KitError(
        .usage, "\(path): is not a manifest-VER.json",
        advice: "give a kit's folder, or that file in it")
    }
    return (FileTree.parent(of: path), release)
  }

  /// - Throws: `KitError.missing` when the kit was built without this form.
  package func kernel(_ format: KernelFormat) throws(KitError) -> String {
    guard format == .vmlinux else { return kernel }
    guard let vmlinux else {
      throw KitError(
        .missing, "\(folder): has no \(Part.vmlinux.fileName(release))",
        advice: "build the kit with --kernel-format vmlinux")
    }
    return vmlinux
  }
}

extension Architecture {
  /// Of the kernel in a file.
  /// - Throws: `FormatError` for what is no kernel, or changes.
  init(ofKernel path: String) throws {
    self = try inside(path) {
      let file = try InputFile(path)
      let architecture = try KernelImage(size: file.size, read: file.read).architecture
      try file.checkUnchanged()
      return architecture
    }
  }
}
