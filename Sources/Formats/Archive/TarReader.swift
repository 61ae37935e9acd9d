/// Reads a tar archive in one pass: POSIX ustar and pax, and GNU's long names.
///
/// POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
package final class TarReader {
  private static let blockSize = 512
  /// The most bytes of a long name or a pax header.
  private static let extensionLimit = 1 << 20

  private let reader: SourceReader
  private var bodyLeft = 0
  private var padding = 0
  private var globalHeader = PaxHeader()

  package init(_ source: any ByteSource) {
    reader = SourceReader(source)
  }

  /// Whether an archive can begin with these bytes: they are a header with the right checksum.
  package static func isArchive(_ start: [UInt8]) -> Bool {
    guard start.count >= blockSize else { return false }
    return (try? TarHeader(reading: Array(start.prefix(blockSize)))) != nil
  }

  /// Goes to the next entry, past what is left of the last one's body.
  /// - Returns: nil at the end of the archive.
  package func next() throws -> TarEntry? {
    var header = globalHeader
    while true {
      try reader.skip(bodyLeft + padding)
      bodyLeft = 0
      padding = 0
      if try reader.isAtEnd() { return nil }
      let offset = reader.offset
      let block = try reader.read(exactly: Self.blockSize)
      if block.allSatisfy({ $0 == 0 }) {
        try readPastEnd()
        return nil
      }
      do {
        let raw = try TarHeader(reading: block)
        switch raw.type {
        case UInt8(ascii: "L"): header.path = try extensionText(raw)
        case UInt8(ascii: "K"): header.linkTarget = try extensionText(raw)
        case UInt8(ascii: "x"): try header.merge(extensionBytes(raw))
        case UInt8(ascii: "g"):
          try globalHeader.merge(extensionBytes(raw))
          header = globalHeader
        default:
          let entry = try raw.entry(header)
          bodyLeft = entry.size
          padding = Self.padding(entry.size)
          return entry
        }
      } catch let error as FormatError where error.kind != .io {
        throw FormatError(error.kind, error.reason, offset: offset)
      }
    }
  }

  /// The current entry's bytes, until the next entry is asked for.
  package var body: any ByteSource { Body(self) }

  private final class Body: ByteSource {
    private let tar: TarReader

    init(_ tar: TarReader) {
      self.tar = tar
    }

    func next() throws -> [UInt8] {
      try Array(tar.nextPiece())
    }
  }

  private func nextPiece() throws -> ArraySlice<UInt8> {
    guard bodyLeft > 0 else { return [] }
    let part = try reader.read(upTo: bodyLeft)
    guard !part.isEmpty else {
      throw FormatError(.truncated, "the archive ends inside a file", offset: reader.offset)
    }
    bodyLeft -= part.count
    return part
  }

  /// The current entry's bytes.
  /// - Throws: `FormatError.limit` when there are more than `limit`.
  package func body(limit: Int) throws -> [UInt8] {
    guard bodyLeft <= limit else {
      throw FormatError(
        .limit, "a file of \(bodyLeft) bytes, at most \(limit) are read", offset: reader.offset)
    }
    return try SourceReader(body).readToEnd(limit: limit)
  }

  /// What follows the end of the archive is nobody's, but it is read: a damaged end is an error too.
  private func readPastEnd() throws {
    while try !reader.read(upTo: 1 << 18).isEmpty {}
  }

  private static func padding(_ size: Int) -> Int {
    size % blockSize == 0 ? 0 : blockSize - size % blockSize
  }

  private func extensionBytes(_ header: TarHeader) throws -> [UInt8] {
    guard header.size <= Self.extensionLimit else {
      throw FormatError(.limit, "an extended header of \(header.size) bytes")
    }
    let bytes = try reader.read(exactly: header.size)
    try reader.skip(Self.padding(header.size))
    return bytes
  }

  private func extensionText(_ header: TarHeader) throws -> [UInt8] {
    let bytes = try extensionBytes(header)
    return Array(bytes.prefix { $0 != 0 })
  }
}
