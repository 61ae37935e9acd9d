internal import Formats

/// The files of one kernel in a folder, by whatever command they were made.
public struct Kit: Sendable {
  public let folder: String
  public let release: KernelRelease
  public let architecture: MachineModel.Architecture
  public let kernel: String
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
        advice: "choose one with --kernel")
    }
    self.folder = folder
    release = try KernelRelease(first)
    kernel = "\(folder)/vmlinuz-\(first)"
    initramfs = "\(folder)/initramfs-\(first)"
    modulesDisk = MachineDisk.Format.allCases
      .map {
        MachineDisk("\(folder)/modules-\(first).\($0.rawValue)", format: $0, access: .unchanged)
      }
      .first { FileTree.status($0.path, followingLink: true) != nil }
    architecture = try Self.architecture(
      ofKernel: InputFile(kernel).read(at: 0, count: 0x400), path: kernel)
  }

  /// Linux, Documentation/arch/x86/boot.rst, arm64/booting.rst, riscv/boot-image-header.rst.
  /// - Parameter start: the first KiB of the kernel's image.
  static func architecture(
    ofKernel start: [UInt8], path: String
  ) throws(KitError) -> MachineModel.Architecture {
    func has(_ magic: String, at offset: Int) -> Bool {
      start.dropFirst(offset).starts(with: magic.utf8)
    }
    if has("HdrS", at: 0x202) { return .amd64 }
    if has("ARM\u{64}", at: 56) { return .arm64 }
    if has("RSC\u{5}", at: 56) { return .riscv64 }
    throw KitError(
      .invalid, "\(path): is not a Linux kernel of amd64, arm64 or riscv64",
      advice: "build the kit again")
  }
}

extension MachineDisk {
  /// A disk of the user's, whose format its first bytes tell.
  public init(detecting path: String, access: Access) throws {
    let start = try InputFile(path).read(at: 0, count: 4)
    let isQcow2 = start == [0x51, 0x46, 0x49, 0xfb]
    self.init(path, format: isQcow2 ? .qcow2 : .raw, access: access)
  }
}
