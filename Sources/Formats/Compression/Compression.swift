/// How bytes are compressed.
package enum Compression: String, Codable, Sendable, Hashable, CaseIterable {
  case none, gzip, xz, lzma, zstd, bzip2, lz4

  /// What the first bytes of some data say. `.lzma` has no magic number and is not detected.
  package static func detect(_ bytes: some Collection<UInt8>) -> Compression {
    let start = Array(bytes.prefix(6))
    let magics: [(Compression, [UInt8])] = [
      (.gzip, [0x1f, 0x8b]),
      (.xz, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]),
      (.zstd, [0x28, 0xb5, 0x2f, 0xfd]),
      (.bzip2, [0x42, 0x5a, 0x68]),
      (.lz4, [0x02, 0x21, 0x4c, 0x18]),
    ]
    return magics.first { start.starts(with: $0.1) }?.0 ?? .none
  }

  /// The decompressed bytes of `source`.
  /// - Parameter jobs: cores that the decoder may use, where the format allows it.
  /// - Throws: `FormatError.unsupported` where this program can't decode the format.
  package func decode(_ source: any ByteSource, jobs: Int = 1) throws(FormatError) -> any ByteSource
  {
    switch self {
    case .none: return source
    case .gzip: return DecodingSource(source, try GzipDecoder())
    case .xz: return DecodingSource(source, try XZDecoder(isXZ: true, jobs: jobs))
    case .lzma: return DecodingSource(source, try XZDecoder(isXZ: false, jobs: 1))
    case .zstd: return DecodingSource(source, try ZstdDecoder())
    case .bzip2:
      #if HAS_BZIP2
        return DecodingSource(source, try Bzip2Decoder())
      #else
        throw FormatError(.unsupported, "bzip2: this minivm was built without libbz2")
      #endif
    case .lz4: return LegacyLZ4Source(source)
    }
  }

  /// The decompressed bytes of the first stream (member, frame) in `source`, whatever follows it.
  /// - Throws: `FormatError.unsupported` where this program can't decode the format.
  func decodeOneStream(_ source: any ByteSource) throws(FormatError) -> any DecodedBytes {
    switch self {
    case .none: throw FormatError(.unsupported, "not compressed")
    case .gzip: return DecodingSource(source, try GzipDecoder(), isOneStream: true)
    case .xz, .lzma:
      let decoder = try XZDecoder(isXZ: self == .xz, jobs: 1, isOneStream: true)
      return DecodingSource(source, decoder, isOneStream: true)
    case .zstd: return DecodingSource(source, try ZstdDecoder(), isOneStream: true)
    case .bzip2:
      #if HAS_BZIP2
        return DecodingSource(source, try Bzip2Decoder(), isOneStream: true)
      #else
        throw FormatError(.unsupported, "bzip2: this minivm was built without libbz2")
      #endif
    case .lz4: return LegacyLZ4Source(source, isOneStream: true)
    }
  }

  /// Decompresses what is in memory; bytes that are not compressed come back as they are.
  /// - Throws: `FormatError.limit` when the result is larger than `limit` bytes, or a bomb's
  ///   (`LimitedSource`).
  package static func decompress(_ bytes: [UInt8], limit: Int) throws -> [UInt8] {
    let compression = detect(bytes)
    if compression == .none { return bytes }
    let source = try compression.decode(MemorySource(bytes))
    return try SourceReader(
      LimitedSource(source, limit: limit, compressedSize: bytes.count)
    ).readToEnd(limit: limit)
  }
}
