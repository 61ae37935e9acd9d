internal import Formats

/// The files of one kernel in a folder, by whatever command they were made.
public struct Kit: Sendable {
  public let folder: String
  public let release: KernelRelease
  public let architecture: MachineModel.Architecture
  public let kernel: String
  /// The kernel unpacked; nil when the kit was built without.
  public let vmlinux: String?
  public let initramfs: String
  /// Nil when there is none: a kernel may be booted with its RAM disk alone.
  public let modulesDisk: MachineDisk?

  /// Finds the files `vmlinuz-VER`, `initramfs-VER` and `modules-VER.qcow2` or `.raw`.
  /// - Parameter release: which kernel, in a folder with more than one.
  /// - Throws: `KitError.missing` when there is none, `.usage` when there are several.
  public init(folder: String, release wanted: KernelRelease? = nil) throws {
    guard FileTree.isDirectory(folder) else {
      throw KitError(
        .missing, "\(folder): there is no such folder", advice: "make a kit with `minivm build`")
    }
    let names = try FileTree.names(in: folder)
    let prefix = "initramfs-"
    let found = names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
      .filter { names.contains("vmlinuz-\($0)") && wanted?.description ?? $0 == $0 }
    guard let first = found.first else {
      let missing =
        wanted.map { "vmlinuz-\($0) and initramfs-\($0)" } ?? "vmlinuz-VER and initramfs-VER"
      throw KitError(
        .missing, "\(folder): there is no \(missing) in it", advice: "make them with `minivm build`"
      )
    }
    guard found.count == 1 else {
      throw KitError(
        .usage, "\(folder): holds more than one kernel: \(found.joined(separator: ", "))",
        advice: "choose one: with --kernel, or by its manifest-VER.json where a command takes that")
    }
    self.folder = folder
    release = try KernelRelease(first)
    let kernel = "\(folder)/vmlinuz-\(first)"
    self.kernel = kernel
    let vmlinux = "\(folder)/vmlinux-\(first)"
    self.vmlinux = FileTree.status(vmlinux, followingLink: true) == nil ? nil : vmlinux
    initramfs = "\(folder)/initramfs-\(first)"
    modulesDisk = MachineDisk.Format.allCases
      .map {
        MachineDisk("\(folder)/modules-\(first).\($0.rawValue)", format: $0, access: .unchanged)
      }
      .first { FileTree.status($0.path, followingLink: true) != nil }
    architecture = try KernelFolder.architecture(ofKernel: kernel)
  }

  /// A kit by its folder, or by the manifest in it: a folder may have several kernels.
  /// - Parameter path: `FOLDER` or `FOLDER/manifest-VER.json`.
  public init(_ path: String) throws {
    let (folder, release) = try Self.place(path)
    try self.init(folder: folder, release: release)
  }

  /// The folder, and the kernel where it is named.
  static func place(_ path: String) throws -> (folder: String, release: KernelRelease?) {
    guard FileTree.status(path, followingLink: true)?.kind == .file else { return (path, nil) }
    let name = FileTree.name(of: path)
    guard name.hasPrefix("manifest-"), name.hasSuffix(".json"),
      let release = try? KernelRelease(name.dropFirst("manifest-".count).dropLast(".json".count))
    else {
      throw KitError(
        .usage, "\(path): is no manifest-VER.json",
        advice: "give a kit's folder, or that file in it")
    }
    return (FileTree.parent(of: path), release)
  }

  /// - Throws: `KitError.missing` when the kit was built without this form.
  public func kernel(_ format: KernelFormat) throws(KitError) -> String {
    guard format == .vmlinux else { return kernel }
    guard let vmlinux else {
      throw KitError(
        .missing, "\(folder): there is no vmlinux-\(release) in it",
        advice: "build the kit with --kernel-format vmlinux")
    }
    return vmlinux
  }
}

/// The forms of a kernel in a kit.
public enum KernelFormat: String, Sendable, Hashable, CaseIterable {
  /// As the package has it.
  case vmlinuz
  /// Unpacked: an ELF file on amd64, an Image on arm64 and riscv64.
  case vmlinux
}

extension MachineModel.Architecture {
  init(_ machine: KernelImage.Machine) {
    self =
      switch machine {
      case .x86: .amd64
      case .arm64: .arm64
      case .riscv64: .riscv64
      }
  }
}
