/// A bounds-checked cursor over bytes in memory. Every read names its byte order.
///
/// The input is hostile: no read goes outside `range`, and none traps.
package struct ByteReader: Sendable {
  package let bytes: [UInt8]
  /// The part of `bytes` that may be read, in bytes from the start of `bytes`.
  package let range: Range<Int>
  /// Where the next read begins, in bytes from the start of `bytes`.
  package private(set) var offset: Int

  @inlinable
  package init(_ bytes: [UInt8]) {
    self.init(unchecked: bytes, range: 0..<bytes.count)
  }

  @usableFromInline
  init(unchecked bytes: [UInt8], range: Range<Int>) {
    self.bytes = bytes
    self.range = range
    self.offset = range.lowerBound
  }

  package var remaining: Int { range.upperBound - offset }
  package var isAtEnd: Bool { offset == range.upperBound }

  /// Moves to `offset`, in bytes from the start of `bytes`.
  package mutating func seek(to offset: Int) throws(FormatError) {
    guard offset >= range.lowerBound, offset <= range.upperBound else {
      throw FormatError(.truncated, "offset \(offset) is outside \(range)", offset: offset)
    }
    self.offset = offset
  }

  package mutating func skip(_ count: Int) throws(FormatError) {
    try require(count)
    offset += count
  }

  package mutating func bytes(_ count: Int) throws(FormatError) -> ArraySlice<UInt8> {
    try require(count)
    defer { offset += count }
    return bytes[offset..<offset + count]
  }

  /// A reader of the next `count` bytes, which this one then skips.
  package mutating func slice(_ count: Int) throws(FormatError) -> ByteReader {
    try require(count)
    defer { offset += count }
    return ByteReader(unchecked: bytes, range: offset..<offset + count)
  }

  package mutating func byte() throws(FormatError) -> UInt8 {
    try require(1)
    defer { offset += 1 }
    return bytes[offset]
  }

  package mutating func littleEndian<T: FixedWidthInteger>(
    _ type: T.Type = T.self
  ) throws(FormatError) -> T {
    try integer(littleEndian: true)
  }

  package mutating func bigEndian<T: FixedWidthInteger>(
    _ type: T.Type = T.self
  ) throws(FormatError) -> T {
    try integer(littleEndian: false)
  }

  /// The bytes up to the next `terminator`, which is consumed and not returned; nil when there is none.
  package mutating func bytes(upTo terminator: UInt8) -> ArraySlice<UInt8>? {
    guard let end = bytes[offset..<range.upperBound].firstIndex(of: terminator) else { return nil }
    defer { offset = end + 1 }
    return bytes[offset..<end]
  }

  @usableFromInline
  mutating func integer<T: FixedWidthInteger>(littleEndian: Bool) throws(FormatError) -> T {
    let width = T.bitWidth / 8
    try require(width)
    var value: T = 0
    for index in 0..<width {
      let byte = T(truncatingIfNeeded: bytes[offset + index])
      value |= byte << T(truncatingIfNeeded: 8 * (littleEndian ? index : width - 1 - index))
    }
    offset += width
    return value
  }

  private func require(_ count: Int) throws(FormatError) {
    guard count >= 0, count <= remaining else {
      throw FormatError(
        .truncated, "\(count) bytes are needed, \(remaining) are left", offset: offset)
    }
  }
}
