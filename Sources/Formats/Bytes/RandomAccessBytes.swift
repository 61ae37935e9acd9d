/// Bytes that can be read at any place, in memory or in a file, so that a reader of a few of them does
/// not need all.
package protocol RandomAccessBytes {
  /// How many there are.
  var byteCount: Int { get }

  /// The bytes of a range that is inside `0..<byteCount`.
  func bytes(in range: Range<Int>) throws(FormatError) -> ArraySlice<UInt8>
}

extension [UInt8]: RandomAccessBytes {
  package var byteCount: Int { count }
  package func bytes(in range: Range<Int>) -> ArraySlice<UInt8> { self[range] }
}

extension InputFile: RandomAccessBytes {
  package var byteCount: Int { size }

  /// - Throws: `FormatError.io`, also when the file has become shorter than it was.
  package func bytes(in range: Range<Int>) throws(FormatError) -> ArraySlice<UInt8> {
    try read(at: range.lowerBound, count: range.count)[...]
  }
}

/// Bytes whose first ones were read before, so that they are not read again.
package struct BegunBytes<Rest: RandomAccessBytes>: RandomAccessBytes {
  /// To ask for this much of a file takes no longer than to ask for some pieces of it.
  private static var sizeToReadWhole: Int { 1 << 15 }

  /// 64, or all of a few.
  package let start: ArraySlice<UInt8>
  private let rest: Rest

  package init(_ rest: Rest) throws(FormatError) {
    let isSmall = rest.byteCount <= Self.sizeToReadWhole
    start = try rest.bytes(in: 0..<(isSmall ? rest.byteCount : 64))
    self.rest = rest
  }

  package var byteCount: Int { rest.byteCount }

  package func bytes(in range: Range<Int>) throws(FormatError) -> ArraySlice<UInt8> {
    guard range.upperBound <= start.count else { return try rest.bytes(in: range) }
    return start.dropFirst(range.lowerBound).prefix(range.count)
  }
}
