/// Reads of bytes that nobody vouches for: what is outside of them is nil, and nothing traps.
extension Span where Element == UInt8 {
  @inlinable
  func byte(at offset: Int) -> UInt8? {
    littleEndian(at: offset)
  }

  @inlinable
  func littleEndian<T: FixedWidthInteger>(at offset: Int, as type: T.Type = T.self) -> T? {
    let width = T.bitWidth / 8
    guard offset >= 0, offset <= count - width else { return nil }
    var value: T = 0
    for index in 0..<width {
      value |= T(truncatingIfNeeded: self[offset + index]) << T(truncatingIfNeeded: 8 * index)
    }
    return value
  }

  @inlinable
  func bigEndian<T: FixedWidthInteger>(at offset: Int, as type: T.Type = T.self) -> T? {
    littleEndian(at: offset, as: type)?.byteSwapped
  }

  /// Exactly `count` bytes.
  func bytes(at offset: Int, count: Int) -> [UInt8]? {
    guard offset >= 0, count >= 0, offset <= self.count, count <= self.count - offset else {
      return nil
    }
    var result: [UInt8] = []
    result.reserveCapacity(count)
    for index in offset..<offset + count { result.append(byte(at: index) ?? 0) }
    return result
  }

  /// Where the next zero byte is, in bytes from the start.
  func endOfString(at offset: Int) -> Int? {
    guard offset >= 0 else { return nil }
    var end = offset
    while let byte = byte(at: end) {
      if byte == 0 { return end }
      end += 1
    }
    return nil
  }

  /// Whether `text` stands at `offset`.
  func has(_ text: StaticString, at offset: Int) -> Bool {
    guard offset >= 0, offset <= count - text.utf8CodeUnitCount else { return false }
    for index in 0..<text.utf8CodeUnitCount {
      let expected = unsafe text.utf8Start[index]
      guard self[offset + index] == expected else { return false }
    }
    return true
  }
}
