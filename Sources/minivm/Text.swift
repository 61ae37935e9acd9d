/// A number of bytes, as people read it.
struct ByteCount: CustomStringConvertible {
  var bytes: Int

  init(_ bytes: Int) {
    self.bytes = bytes
  }

  var description: String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where bytes >= 1 << shift {
      // What was said of a file that nobody has seen may be any number: ten times as much may be none.
      let tenths = (bytes >> shift) * 10 + ((bytes & (1 << shift - 1)) * 10) >> shift
      return "\(tenths / 10).\(tenths % 10) \(unit)"
    }
    return "\(bytes) bytes"
  }
}

/// A time as people read it, in tenths of a second.
struct Seconds: CustomStringConvertible {
  private let thousandths: Int64

  init(_ duration: Duration) {
    thousandths =
      duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
  }

  var description: String { "\(thousandths / 1000).\(thousandths / 100 % 10)" }

  /// The same in hundredths.
  var hundredths: String {
    "\(thousandths / 1000).\(thousandths / 100 % 10)\(thousandths / 10 % 10)"
  }
}

extension String {
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }

  /// At the right of a column.
  func aligned(to width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }
}
