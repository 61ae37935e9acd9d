#if !hasFeature(Embedded)
  import Formats
#endif

/// Disk controllers that QEMU's pc and q35 have whether there is a disk at them or not. Nothing can be
/// plugged into them later, and the drivers of an empty one take as long as those of all else that a
/// light VM has: libata, two drivers more, and 0.15 s of waiting for an answer to a reset.
///
/// Only QEMU's are looked at, which are known by their subsystem; of what they don't tell plainly, or
/// where the kernel is locked down, they count as not empty.
enum EmptyController {
  /// - Parameters:
  ///   - device: its folder in sysfs.
  ///   - alias: its modalias.
  static func isEmpty(_ device: [UInt8], alias: [UInt8]) -> Bool {
    if alias.startsWithText("pci:v00008086d00007010sv00001AF4sd00001100") { return isIDEEmpty }
    if alias.startsWithText("pci:v00008086d00002922sv00001AF4sd00001100") {
      return isAHCIEmpty(device)
    }
    return false
  }

  /// PIIX3: both channels at their fixed ports. Of a channel without a drive QEMU gives zeros; with one,
  /// bits 7 and 5 of the device register are set (ATA-6, 7.7).
  private static var isIDEEmpty: Bool {
    // Sector count, LBA low, mid and high, device, status.
    [0x1f2, 0x172].allSatisfy { System.ports(from: $0, count: 6) == [0, 0, 0, 0, 0, 0] }
  }

  /// ICH9: registers of Serial ATA AHCI 1.3.1, 3.1.4 (ports implemented) and 3.3.10 (a port's SATA
  /// status, whose lowest four bits are 0 where no device was detected).
  private static func isAHCIEmpty(_ device: [UInt8]) -> Bool {
    guard let registers = MappedFile(device + "/resource5"),
      let implemented = registers.register(at: 0x0c), implemented != 0, implemented != .max
    else { return false }
    for port in 0..<32 where implemented & (1 << port) != 0 {
      guard let status = registers.register(at: 0x128 + port * 0x80), status & 0xf == 0 else {
        return false
      }
    }
    return true
  }
}
