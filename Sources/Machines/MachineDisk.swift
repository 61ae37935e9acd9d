internal import Basics
internal import Formats

/// A disk that a machine is given.
package struct MachineDisk: Sendable, Hashable {
  /// The format of a disk's image.
  package enum Format: String, Sendable, Hashable, CaseIterable, Codable {
    case qcow2, raw
  }

  /// How a disk is attached.
  package enum Bus: String, Sendable, Hashable, CaseIterable {
    case virtioBlk = "virtio-blk"
    case virtioSCSI = "virtio-scsi"
    case ide, ahci, nvme

    /// The guest's name of the first disk.
    package var firstDevice: String {
      switch self {
      case .virtioBlk: "/dev/vda"
      case .virtioSCSI, .ide, .ahci: "/dev/sda"
      case .nvme: "/dev/nvme0n1"
      }
    }
  }

  /// What a guest's writes do to the image.
  package enum Access: Sendable, Hashable {
    case readWrite
    /// Nothing that the guest does changes the file.
    case unchanged
    /// The guest writes to a temporary file of QEMU's, which is gone at the end.
    case snapshot
  }

  /// Path of the image, or of a block device.
  package var path: String
  /// The format that the monitor is told, so that it never guesses.
  package var format: Format
  /// What the guest's writes do to the image.
  package var access: Access
  /// By which a guest knows a virtio-blk disk: 20 bytes at most; nil for none.
  package var serial: String?

  /// Makes a disk without a serial number.
  package init(_ path: String, format: Format, access: Access) {
    self.path = path
    self.format = format
    self.access = access
  }

  /// A disk of the user's, whose format its first bytes tell; a block device is raw.
  ///
  /// The guest may have written them: an image that has QEMU open other files of the host is not taken.
  /// - Throws: `KitError.invalid` for such an image.
  package init(detecting path: String, access: Access) throws {
    if FileTree.isBlockDevice(path) {
      self.init(path, format: .raw, access: access)
      return
    }
    let isQcow2 = try DiskImage.isQcow2(InputFile(path))
    self.init(path, format: isQcow2 ? .qcow2 : .raw, access: access)
    try checkIsWhole(
      advice:
        "give --root-format qcow2 if you made it so, or --root-format raw if a guest wrote this to a raw disk"
    )
  }

  /// - Throws: `KitError.invalid` for a qcow2 image of which a part is in another file.
  package func checkIsWhole(advice: String) throws {
    guard format == .qcow2 else { return }
    let needsAnother = try inside(path) { try DiskImage.needsAnotherFile(InputFile(path)) }
    if needsAnother {
      throw KitError(
        .invalid, "\(path): is a qcow2 image that takes a part of the disk from another file",
        advice: advice)
    }
  }
}
