/// Reads the members of gzip data one by one, each with the bytes that it was compressed to.
/// RFC 1952, 2.2.
///
/// For formats that say something of a member's compressed bytes, as Alpine's packages do.
package struct GzipMembers: Sendable {
  package struct Member: Sendable, Hashable {
    /// Where it is in the compressed data, in bytes from its start.
    package var range: Range<Int>
    /// What was compressed.
    package var content: [UInt8]
  }

  private let bytes: [UInt8]
  /// Where the next member begins, in bytes from the start.
  package private(set) var offset = 0

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// The next member.
  /// - Parameter limit: the most bytes that its content may have.
  /// - Returns: nil at the end.
  /// - Throws: `FormatError` for what is no member, and for damage; `.limit` for a larger one.
  package mutating func next(limit: Int) throws -> Member? {
    guard offset < bytes.count else { return nil }
    let start = offset
    let source = DecodingSource(
      MemorySource(bytes, range: start..<bytes.count), try GzipDecoder(), isOneStream: true)
    do {
      let content = try SourceReader(source).readToEnd(limit: limit)
      offset += source.offset
      return Member(range: start..<offset, content: content)
    } catch let error as FormatError {
      // The reader counts what was decompressed, the source from the member's start.
      throw FormatError(error.kind, error.reason, offset: start)
    }
  }

  /// What all members from `offset` on hold together, a piece at a time. There has to be one.
  package func rest() throws(FormatError) -> any ByteSource {
    try Compression.gzip.decode(MemorySource(bytes, range: offset..<bytes.count))
  }
}
