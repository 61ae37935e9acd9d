internal import CLz4

/// Decompresses single blocks of a squashfs, of data or of metadata.
struct SquashfsDecompressor {
  private let compressor: SquashfsFormat.Compressor

  /// - Parameter number: what the superblock says.
  /// - Throws: `FormatError.unsupported` for a method that is not read here.
  init(_ number: UInt16) throws(FormatError) {
    guard let compressor = SquashfsFormat.Compressor(rawValue: number) else {
      throw FormatError(.malformed, "is compressed by an unknown method, number \(number)")
    }
    guard compressor != .lzo, compressor != .lzma else {
      throw FormatError(
        .unsupported,
        "is compressed by \(compressor), which is not read here (zstd, xz, gzip and lz4 are)")
    }
    self.compressor = compressor
  }

  /// - Parameter limit: the most bytes that the block has.
  /// - Throws: `FormatError` for a damaged block, and for a larger one.
  func decompress(_ bytes: [UInt8], limit: Int) throws -> [UInt8] {
    let source: any ByteSource
    switch compressor {
    case .gzip: source = DecodingSource(MemorySource(bytes), try GzipDecoder(isZlib: true))
    case .xz: source = try Compression.xz.decode(MemorySource(bytes))
    case .zstd: source = try Compression.zstd.decode(MemorySource(bytes))
    case .lz4: return try lz4(bytes, limit: limit)
    case .lzma, .lzo: return []
    }
    return try SourceReader(source).readToEnd(limit: limit)
  }

  private func lz4(_ bytes: [UInt8], limit: Int) throws(FormatError) -> [UInt8] {
    var written: Int32 = -1
    let block = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      unsafe bytes.withUnsafeBytes { source in
        unsafe buffer.withMemoryRebound(to: CChar.self) { target in
          written = unsafe LZ4_decompress_safe(
            source.baseAddress?.assumingMemoryBound(to: CChar.self), target.baseAddress,
            Int32(bytes.count), Int32(limit))
        }
      }
      count = max(0, Int(written))
    }
    guard written >= 0 else { throw FormatError(.malformed, "a damaged lz4 block") }
    return block
  }
}
