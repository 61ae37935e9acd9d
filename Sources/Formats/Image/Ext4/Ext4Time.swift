/// A time as ext4 keeps it: from 1901 to 2446, in nanoseconds.
package struct Ext4Time: Sendable, Hashable {
  /// Seconds since 1970.
  package let seconds: Int
  package let nanoseconds: Int

  /// - Throws: `FormatError.overflow` for a time that an inode can't hold.
  package init(seconds: Int, nanoseconds: Int = 0) throws(FormatError) {
    guard (-(1 << 31)..<(3 << 32 + 1 << 31)).contains(seconds) else {
      throw FormatError(.overflow, "ext4 has no time \(seconds) seconds from 1970")
    }
    guard (0..<1_000_000_000).contains(nanoseconds) else {
      throw FormatError(.overflow, "\(nanoseconds) nanoseconds")
    }
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// The nearest time that an inode can hold.
  package init(nearest time: FileTime) {
    let range = -(1 << 31)..<(3 << 32 + 1 << 31)
    seconds = min(max(time.seconds, range.lowerBound), range.upperBound - 1)
    nanoseconds = seconds == time.seconds ? Int(min(time.nanoseconds, 999_999_999)) : 0
  }

  /// What the two fields of an inode say.
  /// - Throws: `FormatError.overflow` for a second of more nanoseconds than it has.
  init(low: UInt32, extra: UInt32) throws(FormatError) {
    try self.init(
      seconds: Int(Int32(bitPattern: low)) + Int(extra & 3) << 32, nanoseconds: Int(extra >> 2))
  }

  /// The field that every ext2 has: the signed low 32 bits.
  var low: UInt32 { UInt32(truncatingIfNeeded: seconds) }

  /// Nanoseconds and the two bits above `low`: ext4 documentation, "Inode Timestamps".
  var extra: UInt32 {
    let signed = Int(Int32(truncatingIfNeeded: seconds))
    return UInt32(nanoseconds) << 2 | UInt32(truncatingIfNeeded: (seconds - signed) >> 32 & 3)
  }
}
