/// Reads a tar archive in one pass: POSIX ustar and pax, GNU's long names and sparse files.
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
  /// Of the current entry.
  private var sparse: SparseMap?

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
  /// - Throws: `FormatError` also for what no package has: names that are not UTF-8, absolute ones, sparse files.
  package func next() throws -> TarEntry? {
    try nextRaw { member throws(FormatError) in
      guard sparse == nil else { throw FormatError(.unsupported, "a sparse file") }
      return try TarEntry(member)
    }
  }

  /// Goes to the next entry of an archive with a root, past what is left of the last one's body.
  /// - Returns: nil at the end of the archive.
  package func nextMember() throws -> TarMember? {
    try nextRaw { member throws(FormatError) in
      var member = member
      member.path = try ArchivePath.rootPath(member.path)
      if case .hardLink(let target) = member.kind {
        member.kind = .hardLink(target: try ArchivePath.rootPath(target))
      }
      return member
    }
  }

  private func nextRaw<T>(_ convert: (TarMember) throws(FormatError) -> T) throws -> T? {
    var header = globalHeader
    while true {
      try reader.skip(bodyLeft + padding)
      bodyLeft = 0
      padding = 0
      sparse = nil
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
          var member = try raw.member(header)
          bodyLeft = member.size
          padding = Self.padding(member.size)
          if case .node(.file) = member.kind { try readSparseMap(raw, header, &member) }
          return try convert(member)
        }
      } catch let error as FormatError where error.kind != .io {
        throw FormatError(error.kind, error.reason, offset: offset)
      }
    }
  }

  /// Finds out where the pieces of a sparse file are, and gives it its own name and size.
  private func readSparseMap(
    _ raw: TarHeader, _ header: PaxHeader, _ member: inout TarMember
  ) throws {
    let map: SparseMap
    if raw.type == UInt8(ascii: "S") {
      var pieces = try raw.oldSparseMap.pieces()
      var isExtended = raw.oldSparseMap.isExtended
      while isExtended {
        let block = try reader.read(exactly: Self.blockSize)
        pieces += try OldSparseMap.pieces(block[...], count: OldSparseMap.piecesInBlock)
        isExtended = block[504] != 0
        guard pieces.count <= SparseMap.pieceLimit else { throw PaxSparseFile.malformed }
      }
      map = try SparseMap(pieces, size: raw.oldSparseMap.size())
    } else if let size = header.sparse.size {
      if let name = header.sparse.name { member.path = name }
      let pieces =
        header.sparse.hasMapInContent ? try readSparseMapInContent() : header.sparse.pieces
      map = try SparseMap(pieces, size: size)
    } else {
      return
    }
    guard map.stored == bodyLeft else { throw PaxSparseFile.malformed }
    sparse = map
    member.kind = .node(.file(size: map.size))
  }

  /// Decimal numbers, each with a newline, in whole blocks: how many pieces, then offset and size of each.
  private func readSparseMapInContent() throws -> [(offset: Int, count: Int)] {
    var digits: [UInt8] = []
    var block: ArraySlice<UInt8> = []
    func number() throws -> Int {
      digits = []
      while true {
        if block.isEmpty {
          guard bodyLeft >= Self.blockSize else { throw PaxSparseFile.malformed }
          block = try reader.read(exactly: Self.blockSize)[...]
          bodyLeft -= Self.blockSize
        }
        guard let byte = block.popFirst(), digits.count < 20 else { throw PaxSparseFile.malformed }
        if byte == 0x0a { return try PaxSparseFile.number(digits[...]) }
        digits.append(byte)
      }
    }
    let count = try number()
    guard count <= SparseMap.pieceLimit else { throw PaxSparseFile.malformed }
    var pieces: [(offset: Int, count: Int)] = []
    for _ in 0..<count { pieces.append((try number(), try number())) }
    return pieces
  }

  /// Where the current entry's bytes begin, in bytes from the archive's start, until they are asked for.
  package var bodyOffset: Int { reader.offset }

  /// The current entry's bytes, until the next entry is asked for.
  package var body: any ByteSource {
    guard let sparse else { return Body(self) }
    return TarSparseBody(sparse) { [self] in try nextPiece(upTo: $0) }
  }

  private final class Body: ByteSource {
    private let tar: TarReader

    init(_ tar: TarReader) {
      self.tar = tar
    }

    func next() throws -> [UInt8] {
      try Array(tar.nextPiece(upTo: .max))
    }
  }

  private func nextPiece(upTo limit: Int) throws -> ArraySlice<UInt8> {
    guard bodyLeft > 0 else { return [] }
    let part = try reader.read(upTo: min(bodyLeft, limit))
    guard !part.isEmpty else {
      throw FormatError(.truncated, "the archive ends inside a file", offset: reader.offset)
    }
    bodyLeft -= part.count
    return part
  }

  /// The current entry's bytes.
  /// - Throws: `FormatError.limit` when there are more than `limit`.
  package func body(limit: Int) throws -> [UInt8] {
    let size = sparse?.size ?? bodyLeft
    guard size <= limit else {
      throw FormatError(
        .limit, "a file of \(size) bytes, at most \(limit) are read", offset: reader.offset)
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
