internal import Formats

/// A disk that a machine is given.
public struct MachineDisk: Sendable, Hashable {
  public enum Format: String, Sendable, Hashable, CaseIterable, Codable {
    case qcow2, raw
  }

  /// How a disk is attached.
  public enum Bus: String, Sendable, Hashable, CaseIterable {
    case virtioBlk = "virtio-blk"
    case virtioSCSI = "virtio-scsi"
    case ide, ahci, nvme

    /// The guest's name of the first disk.
    public var firstDevice: String {
      switch self {
      case .virtioBlk: "/dev/vda"
      case .virtioSCSI, .ide, .ahci: "/dev/sda"
      case .nvme: "/dev/nvme0n1"
      }
    }
  }

  public enum Access: Sendable, Hashable {
    case readWrite
    /// Nothing that the guest does changes the file.
    case unchanged
  }

  public var path: String
  public var format: Format
  public var access: Access

  public init(_ path: String, format: Format, access: Access) {
    self.path = path
    self.format = format
    self.access = access
  }

  /// A disk of the user's, whose format its first bytes tell.
  public init(detecting path: String, access: Access) throws {
    let start = try InputFile(path).read(at: 0, count: 4)
    let isQcow2 = start == [0x51, 0x46, 0x49, 0xfb]
    self.init(path, format: isQcow2 ? .qcow2 : .raw, access: access)
  }

  func driveArgument(id: String, _ bus: Bus) -> String {
    // In QEMU's option lists a comma is written twice.
    let file = path.replacing(",", with: ",,")
    var argument = "file=\(file),if=none,id=\(id),format=\(format.rawValue)"
    if access == .unchanged {
      // ATA disks can't be read-only: what is written to them goes to a temporary file instead.
      argument += bus == .ide || bus == .ahci ? ",snapshot=on" : ",readonly=on"
    }
    return argument
  }
}
