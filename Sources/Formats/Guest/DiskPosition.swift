/// A disk that is named by its position among its kind: `/dev/sdb2` is the second partition of the second
/// SCSI or ATA disk, `/dev/nvme1n1` the first namespace of the second NVMe controller.
package struct DiskPosition: Equatable, Sendable {
  package enum Kind: Sendable {
    /// A SCSI or ATA disk.
    case scsi
    /// An NVMe controller.
    case nvme
  }

  package let kind: Kind
  /// From 0.
  package let index: Int
  /// What follows in the name: a partition's number, or `n1p2` of an NVMe controller.
  package let rest: [UInt8]

  /// - Parameter path: of a device below /dev.
  /// - Returns: nil for a path of anything else.
  package init?(_ path: [UInt8]) {
    if path.startsWithText("/dev/sd") {
      let name = path[7...]
      let letters = name.prefix { (0x61...0x7a).contains($0) }
      let number = name[letters.endIndex...]
      guard (1...4).contains(letters.count), Self.isNumber(number, orEmpty: true) else {
        return nil
      }
      kind = .scsi
      // a to z, aa to zz, and so on.
      index = letters.reduce(0) { $0 * 26 + Int($1) - 0x60 } - 1
      rest = Array(number)
    } else if path.startsWithText("/dev/nvme") {
      let name = path[9...]
      let digits = name.prefix { (0x30...0x39).contains($0) }
      let end = name[digits.endIndex...]
      guard Self.isNumber(digits, orEmpty: false), end.first == UInt8(ascii: "n") else {
        return nil
      }
      kind = .nvme
      index = digits.reduce(0) { $0 * 10 + Int($1) - 0x30 }
      rest = Array(end)
    } else {
      return nil
    }
  }

  private static func isNumber(_ digits: ArraySlice<UInt8>, orEmpty: Bool) -> Bool {
    digits.isEmpty ? orEmpty : digits.count < 6 && digits.allSatisfy { (0x30...0x39).contains($0) }
  }
}
