/// Appends fields in a named byte order. The counterpart of `ByteReader`.
package struct ByteWriter: Sendable {
  package private(set) var bytes: [UInt8]

  @inlinable
  package init(capacity: Int = 0) {
    self.init(empty: capacity)
  }

  @usableFromInline
  init(empty capacity: Int) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  package var count: Int { bytes.count }

  package mutating func byte(_ value: UInt8) {
    bytes.append(value)
  }

  package mutating func append(_ more: some Sequence<UInt8>) {
    bytes.append(contentsOf: more)
  }

  package mutating func littleEndian<T: FixedWidthInteger>(_ value: T) {
    for index in 0..<T.bitWidth / 8 {
      bytes.append(UInt8(truncatingIfNeeded: value >> T(truncatingIfNeeded: 8 * index)))
    }
  }

  package mutating func bigEndian<T: FixedWidthInteger>(_ value: T) {
    for index in (0..<T.bitWidth / 8).reversed() {
      bytes.append(UInt8(truncatingIfNeeded: value >> T(truncatingIfNeeded: 8 * index)))
    }
  }

  package mutating func zeros(_ count: Int) {
    bytes.append(contentsOf: repeatElement(0, count: count))
  }

  /// Zeros up to the next multiple of `alignment` bytes.
  package mutating func pad(to alignment: Int) {
    let rest = bytes.count % alignment
    if rest != 0 { zeros(alignment - rest) }
  }

  /// Puts a value over what was written at `offset`, which must have been written before.
  package mutating func overwrite<T: FixedWidthInteger>(littleEndian value: T, at offset: Int) {
    for index in 0..<T.bitWidth / 8 {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> T(truncatingIfNeeded: 8 * index))
    }
  }
}
