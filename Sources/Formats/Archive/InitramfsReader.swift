/// Reads an initramfs as Linux does: cpio archives one after another, each plain or compressed in any of the
/// forms that Linux knows.
///
/// Linux, Documentation/driver-api/early-userspace/buffer-format.rst. A plain archive begins at a multiple of
/// 4 bytes, a compressed one anywhere; between them there are zeros or nothing. A compressed part is one
/// stream (gzip member, zstd frame), in which any number of archives may be.
package final class InitramfsReader {
  /// The most bytes that one unpacks to: what a machine that boots from it has to have in memory. All
  /// modules of bookworm's full kernel have 0.4 GB.
  package static let contentLimit = 1 << 31
  /// The most parts. An image with microcode has two.
  package static let partLimit = 1 << 10

  /// A plain part, which may hold several archives, or a compressed one.
  package struct Part: Sendable, Hashable {
    package var compression: Compression
    /// Bytes from the start of the file.
    package var offset: Int
    /// Why no kernel unpacks it, whatever its configuration; nil where it may.
    package var obstacle: String?
  }

  package let file: InputFile
  /// Those that were begun.
  package private(set) var parts: [Part] = []
  /// Where the kernel's boot configuration begins, which tools/bootconfig appends; nil for none.
  package let bootConfigurationOffset: Int?

  private let end: Int
  private var offset = 0
  private var reader: NewcReader?
  private var stream: (any DecodedBytes)?
  /// Decompressed bytes, entries and archives of the parts before.
  private var unpacked = 0
  private var count = 0
  private var archive = 0

  /// - Throws: `FormatError.io` for a file that can't be read.
  package init(_ file: InputFile) throws(FormatError) {
    self.file = file
    bootConfigurationOffset = try Self.bootConfiguration(of: file)
    end = bootConfigurationOffset ?? file.size
  }

  /// Goes to the next entry.
  /// - Returns: nil at the end of the last archive.
  /// - Throws: `FormatError` for what Linux does not unpack, `.unsupported` for lzo.
  package func next() throws -> NewcEntry? {
    while true {
      guard let reader else {
        guard try beginPart() else { return nil }
        continue
      }
      if let entry = try inPart({ try reader.next() }) { return entry }
      try inPart { try finishPart(reader) }
    }
  }

  /// The current entry's bytes, once.
  /// - Throws: `FormatError.limit` when there are more than `limit`.
  package func body(limit: Int) throws -> [UInt8] {
    guard let reader else { return [] }
    return try inPart { try reader.body(limit: limit) }
  }

  /// Says which part an error is in, where there are several.
  private func inPart<T>(_ body: () throws -> T) throws -> T {
    guard let part = parts.last, part.offset > 0 else { return try body() }
    return try inside("the archive at byte \(part.offset)", body)
  }

  private func finishPart(_ reader: NewcReader) throws {
    if let stream {
      guard try reader.isAtEnd() else {
        throw FormatError(
          .malformed, "neither a cpio header nor zeros in the compressed archive",
          offset: reader.offset)
      }
      // An empty read may still be due: the stream's own end and checksum.
      offset += stream.offset
    } else {
      offset += reader.offset
    }
    unpacked += reader.offset
    count = reader.entryCount
    archive = reader.archive
    self.reader = nil
    stream = nil
  }

  /// - Returns: false at the end.
  private func beginPart() throws -> Bool {
    try skipZeros()
    guard offset < end else {
      guard !parts.isEmpty else {
        throw FormatError(.malformed, "holds no cpio archive: it is empty or zeros only")
      }
      try file.checkUnchanged()
      return false
    }
    guard parts.count < Self.partLimit else {
      throw FormatError(.limit, "more than \(Self.partLimit) archives", offset: offset)
    }
    let start = try file.read(at: offset, count: min(12, end - offset))
    let source = file.source(offset..<end)
    func limited(_ source: any ByteSource) -> LimitedSource {
      LimitedSource(
        source, limit: Self.contentLimit, compressedSize: file.size, earlier: unpacked)
    }
    if start[0] == UInt8(ascii: "0"), offset % 4 == 0 {
      parts.append(Part(compression: .none, offset: offset))
      reader = NewcReader(limited(source), start: offset, archive: archive, count: count)
      return true
    }
    let compression = try Self.compression(start, at: offset)
    let obstacle = Self.obstacle(compression, start)
    parts.append(Part(compression: compression, offset: offset, obstacle: obstacle))
    let stream = try compression.decodeOneStream(source)
    self.stream = stream
    reader = NewcReader(limited(stream), archive: archive, count: count)
    return true
  }

  private func skipZeros() throws {
    while offset < end {
      let bytes = try file.read(at: offset, count: min(1 << 16, end - offset))
      guard let other = bytes.firstIndex(where: { $0 != 0 }) else {
        offset += bytes.count
        continue
      }
      offset += other
      return
    }
  }

  /// Linux, lib/decompress.c: two bytes tell.
  private static func compression(
    _ start: [UInt8], at offset: Int
  ) throws(FormatError) -> Compression {
    let magics: [(Compression, [UInt8])] = [
      (.gzip, [0x1f, 0x8b]), (.bzip2, [0x42, 0x5a]), (.lzma, [0x5d, 0x00]), (.xz, [0xfd, 0x37]),
      (.lz4, [0x02, 0x21]), (.zstd, [0x28, 0xb5]),
    ]
    if let found = magics.first(where: { start.starts(with: $0.1) }) { return found.0 }
    if start.starts(with: [0x89, 0x4c]) {
      throw FormatError(
        .unsupported, "is compressed with lzo, which minivm can't decompress; use another form",
        offset: offset)
    }
    throw FormatError(
      .malformed,
      start[0] == UInt8(ascii: "0")
        ? "a cpio archive that does not begin at a multiple of 4 bytes"
        : "neither a cpio archive nor compressed in a form that Linux unpacks", offset: offset)
  }

  /// What Linux' decoders lack, however they are configured.
  private static func obstacle(_ compression: Compression, _ start: [UInt8]) -> String? {
    switch compression {
    case .xz where start.count > 7 && start[7] & 0x0f > 1:
      let check = [4: "CRC64", 10: "SHA-256"][Int(start[7] & 0x0f)] ?? "unknown"
      return "its xz data has a \(check) check, and Linux knows CRC32 only"
    case .gzip where start.count > 3 && start[3] & 0x16 != 0:
      return "its gzip header has fields that Linux does not read"
    default: return nil
    }
  }

  /// Linux, Documentation/admin-guide/bootconfig.rst: data, size, checksum, `#BOOTCONFIG` and a line feed.
  private static func bootConfiguration(of file: InputFile) throws(FormatError) -> Int? {
    let magic = Array("#BOOTCONFIG\n".utf8)
    let footer = magic.count + 8
    guard file.size >= footer else { return nil }
    let bytes = try file.read(at: file.size - footer, count: footer)
    guard bytes.suffix(magic.count).elementsEqual(magic) else { return nil }
    var reader = ByteReader(bytes)
    let size = Int(try reader.littleEndian(UInt32.self))
    let checksum = try reader.littleEndian(UInt32.self)
    guard size <= min(file.size - footer, 1 << 15) else { return nil }
    let start = file.size - footer - size
    let sum = try file.read(at: start, count: size).reduce(0 as UInt32) { $0 &+ UInt32($1) }
    return sum == checksum ? start : nil
  }
}
