/// Reads cpio archives in the "newc" form, one after another, in one pass: what Linux takes for one
/// uncompressed part of an initramfs.
///
/// Linux, Documentation/driver-api/early-userspace/buffer-format.rst. Between two entries there may be any
/// number of zeros; each begins at a multiple of 4 bytes.
package final class NewcReader {
  /// The most entries that are read. Bookworm's full kernel has 4,941 files.
  package static let entryLimit = 1 << 17
  private static let headerSize = 110

  private let reader: SourceReader
  /// Where the source begins, in bytes: alignment counts from there.
  private let start: Int
  private var bodyLeft = 0
  private var padding = 0
  /// What the current entry's bytes have to add up to, and do so far; nil where nothing is said.
  private var checksum: (wanted: UInt32, sum: UInt32)?
  private var count = 0
  /// Whether entries came since the last trailer.
  private var isInArchive = false
  /// How many trailers came.
  package private(set) var archive: Int

  /// - Parameters:
  ///   - start: where the source begins in what it is a part of, in bytes.
  ///   - archive: how many archives were read before.
  ///   - count: how many entries were read before.
  package init(_ source: any ByteSource, start: Int = 0, archive: Int = 0, count: Int = 0) {
    reader = SourceReader(source)
    self.start = start
    self.archive = archive
    self.count = count
  }

  /// Bytes that were read.
  package var offset: Int { reader.offset }
  /// How many entries there were, those before this reader included.
  package var entryCount: Int { count }

  /// Whether nothing follows.
  package func isAtEnd() throws -> Bool { try reader.isAtEnd() }

  /// Goes to the next entry, past what is left of the last one's body.
  /// - Returns: nil at the end, and before what is neither an entry nor zeros.
  /// - Throws: `FormatError.malformed` for what Linux does not unpack, `.truncated` for an archive without
  ///   its trailer.
  package func next() throws -> NewcEntry? {
    while true {
      try finishBody()
      try reader.skip { $0 == 0 }
      guard try reader.peek() == UInt8(ascii: "0") else {
        guard !isInArchive else {
          throw FormatError(
            .truncated, "the cpio archive ends without its trailer", offset: reader.offset)
        }
        return nil
      }
      if let entry = try readEntry() { return entry }
      archive += 1
      isInArchive = false
    }
  }

  /// - Returns: nil for a trailer.
  private func readEntry() throws -> NewcEntry? {
    let offset = reader.offset
    guard (start + offset) % 4 == 0 else {
      throw FormatError(
        .malformed, "a cpio header that does not begin at a multiple of 4 bytes", offset: offset)
    }
    let (fields, hasChecksum) = try header()
    let nameSize = fields[11]
    guard (1...ArchivePath.lengthLimit + 1).contains(nameSize) else {
      throw FormatError(.limit, "a name of \(nameSize) bytes", offset: offset)
    }
    let name = try reader.read(exactly: nameSize)
    guard name.last == 0 else {
      throw FormatError(.malformed, "a name that does not end with a NUL", offset: offset)
    }
    padding = (4 - (Self.headerSize + nameSize) % 4) % 4
    if name.dropLast().elementsEqual("TRAILER!!!".utf8) {
      bodyLeft = fields[6]
      return nil
    }
    isInArchive = true
    count += 1
    guard count <= Self.entryLimit else {
      throw FormatError(.limit, "more than \(Self.entryLimit) files", offset: offset)
    }
    var entry = NewcEntry(
      path: try Self.path(name.dropLast(), at: offset), mode: UInt32(fields[1]), size: fields[6],
      modified: fields[5], owner: fields[2], group: fields[3], device: Array(fields[9...10]),
      archive: archive)
    if fields[4] > 1, !entry.isDirectory, !entry.isSymbolicLink {
      entry.identity = FileIdentity(
        device: UInt64(fields[7]) << 32 | UInt64(fields[8]), inode: UInt64(fields[0]))
    }
    try reader.skip(padding)
    bodyLeft = fields[6]
    padding = (4 - bodyLeft % 4) % 4
    checksum = hasChecksum && entry.isFile ? (UInt32(fields[12]), 0) : nil
    return entry
  }

  private func header() throws -> (fields: [Int], hasChecksum: Bool) {
    let offset = reader.offset
    var header = ByteReader(try reader.read(exactly: Self.headerSize))
    let magic = String(decoding: try header.bytes(6), as: UTF8.self)
    guard ["070701", "070702"].contains(magic) else {
      throw FormatError(
        .malformed,
        magic == "070707"
          ? "a cpio archive in the old form, which Linux does not unpack (cpio -H newc makes its)"
          : "not a newc header", offset: offset)
    }
    var fields: [Int] = []
    for number in 0..<13 {
      // Eight digits and nothing else: no sign, no blanks, no 0x.
      var value = 0
      for byte in try header.bytes(8) {
        guard let digit = Character(UnicodeScalar(byte)).hexDigitValue, byte < 0x80 else {
          throw FormatError(
            .malformed, "not a newc header: a number that is not eight hexadecimal digits",
            offset: offset + 6 + 8 * number)
        }
        value = value << 4 | digit
      }
      fields.append(value)
    }
    return (fields, magic == "070702")
  }

  /// As Linux has it: `/init` and `./init` are `init`.
  private static func path(_ name: ArraySlice<UInt8>, at offset: Int) throws(FormatError) -> String
  {
    do {
      return try ArchivePath.normalize(name.drop { $0 == UInt8(ascii: "/") })
    } catch {
      throw FormatError(error.kind, error.reason, offset: offset)
    }
  }

  private func finishBody() throws {
    try forEachPiece { _ in }
    // The last one's padding may be missing.
    try reader.skip(upTo: padding)
    padding = 0
    if let checksum, checksum.wanted != checksum.sum {
      throw FormatError(
        .malformed, "a file whose bytes are not those of its checksum", offset: reader.offset)
    }
    checksum = nil
  }

  private func forEachPiece(_ receive: (ArraySlice<UInt8>) throws -> Void) throws {
    let count = bodyLeft
    bodyLeft = 0
    try reader.forEachPiece(of: count) { piece in
      if checksum != nil { checksum?.sum &+= piece.reduce(0) { $0 &+ UInt32($1) } }
      try receive(piece)
    }
  }

  /// The current entry's bytes, once.
  /// - Throws: `FormatError.limit` when there are more than `limit`.
  package func body(limit: Int) throws -> [UInt8] {
    guard bodyLeft <= limit else {
      throw FormatError(.limit, "a file of \(bodyLeft) bytes", offset: reader.offset)
    }
    var bytes: [UInt8] = []
    // An announced size is a claim until the bytes are there.
    bytes.reserveCapacity(min(bodyLeft, 1 << 20))
    try forEachPiece { bytes += $0 }
    return bytes
  }
}
