/// Bytes that can be read at any place, in memory or in a file, so that a reader of a few of them does
/// not need all.
public protocol RandomAccessBytes {
  /// How many there are.
  var byteCount: Int { get }

  /// The bytes of a range that is inside `0..<byteCount`.
  func bytes(in range: Range<Int>) throws(FormatError) -> ArraySlice<UInt8>
}

extension [UInt8]: RandomAccessBytes {
  public var byteCount: Int { count }
  public func bytes(in range: Range<Int>) -> ArraySlice<UInt8> { self[range] }
}

extension InputFile: RandomAccessBytes {
  public var byteCount: Int { size }

  /// - Throws: `FormatError.io`, also when the file has become shorter than it was.
  public func bytes(in range: Range<Int>) throws(FormatError) -> ArraySlice<UInt8> {
    try read(at: range.lowerBound, count: range.count)[...]
  }
}
