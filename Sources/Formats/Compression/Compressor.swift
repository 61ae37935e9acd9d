internal import CDeflate
internal import CLz4
internal import CLzma
internal import CZlib
internal import CZstd

extension Compression {
  /// Those of the libraries that compress: another one may write other bytes.
  package static var libraryVersions: String {
    let zlib = unsafe String(cString: zlibVersion())
    return "zstd \(ZSTD_versionNumber()), lzma \(lzma_version_number()), "
      + "lz4 \(LZ4_versionNumber()), zlib \(zlib), deflate \(LIBDEFLATE_VERSION_STRING)"
  }

  /// Compresses in one call what is in memory, in the form that the kernel's own decoders read.
  ///
  /// - Parameter level: the library's; nil for a good one.
  /// - Throws: `FormatError.unsupported` for formats that are only read.
  package func compress(_ bytes: [UInt8], level: Int32? = nil) throws(FormatError) -> [UInt8] {
    switch self {
    case .none: return bytes
    case .gzip: return try Self.gzip(bytes, level: level ?? 9)
    case .zstd: return try Self.zstd(bytes, level: level ?? ZstdFrame.level)
    case .xz: return try Self.xz(bytes, level: level ?? 6)
    case .lz4: return try Self.legacyLZ4(bytes, level: level ?? 9)
    case .bzip2, .lzma: throw FormatError(.unsupported, "\(rawValue) is read, not written")
    }
  }

  /// Compresses at the library's highest level, whatever it takes.
  /// - Parameter hasX86Filter: xz only: whether to run code through the filter for x86, which makes
  ///   programs smaller, and kernel modules larger.
  package func compressSmallest(
    _ bytes: [UInt8], hasX86Filter: Bool = false
  ) throws(FormatError) -> [UInt8] {
    switch self {
    case .xz: return try Self.smallestXZ(bytes, hasX86Filter: hasX86Filter)
    case .zstd: return try Self.zstd(bytes, level: ZSTD_maxCLevel())
    // libdeflate's and LZ4_HC's highest.
    case .none, .gzip, .lz4, .bzip2, .lzma: return try compress(bytes, level: 12)
    }
  }

  /// One gzip member without name or time (RFC 1952).
  private static func gzip(_ bytes: [UInt8], level: Int32) throws(FormatError) -> [UInt8] {
    guard let compressor = unsafe libdeflate_alloc_compressor(level) else {
      throw FormatError(.limit, "gzip: no memory")
    }
    defer { unsafe libdeflate_free_compressor(compressor) }
    let bound = unsafe libdeflate_gzip_compress_bound(compressor, bytes.count)
    return unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      count = unsafe libdeflate_gzip_compress(
        compressor, bytes, bytes.count, buffer.baseAddress, buffer.count)
    }
  }

  /// One frame whose window is as large as the data.
  private static func zstd(_ bytes: [UInt8], level: Int32) throws(FormatError) -> [UInt8] {
    try ZstdFrame(windowSize: bytes.count).compress(bytes[...], level: level)
  }

  /// With CRC32: the kernel's decoder does not know CRC64. Linux, Documentation/staging/xz.rst.
  private static func xz(_ bytes: [UInt8], level: Int32) throws(FormatError) -> [UInt8] {
    let bound = lzma_stream_buffer_bound(bytes.count)
    var failed = false
    let result = unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      failed =
        unsafe lzma_easy_buffer_encode(
          UInt32(clamping: level), LZMA_CHECK_CRC32, nil, bytes, bytes.count,
          buffer.baseAddress, &count, buffer.count) != LZMA_OK
    }
    if failed { throw FormatError(.limit, "xz: no memory") }
    return result
  }

  private static func smallestXZ(
    _ bytes: [UInt8], hasX86Filter: Bool
  ) throws(FormatError) -> [UInt8] {
    var failed = false
    let bound = lzma_stream_buffer_bound(bytes.count)
    let result = unsafe [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      failed =
        unsafe minivm_xz_smallest(
          hasX86Filter ? 1 : 0, bytes, bytes.count, buffer.baseAddress, &count, buffer.count)
        != LZMA_OK
    }
    if failed { throw FormatError(.limit, "xz: no memory") }
    return result
  }

  /// The only lz4 form the kernel reads: "LZ4 Frame Format Description", Legacy frame.
  private static func legacyLZ4(_ bytes: [UInt8], level: Int32) throws(FormatError) -> [UInt8] {
    let blockSize = 8 << 20
    var writer = ByteWriter()
    writer.littleEndian(0x184C_2102 as UInt32)
    for start in stride(from: 0, to: bytes.count, by: blockSize) {
      let block = Array(bytes[start..<min(bytes.count, start + blockSize)])
      let bound = LZ4_compressBound(Int32(block.count))
      let compressed = unsafe [UInt8](unsafeUninitializedCapacity: Int(bound)) { buffer, count in
        count = unsafe block.withUnsafeBytes { source in
          unsafe buffer.withMemoryRebound(to: CChar.self) { target in
            Int(
              unsafe LZ4_compress_HC(
                source.baseAddress?.assumingMemoryBound(to: CChar.self), target.baseAddress,
                Int32(block.count), bound, level))
          }
        }
      }
      guard !compressed.isEmpty else { throw FormatError(.limit, "lz4: no memory") }
      writer.littleEndian(UInt32(compressed.count))
      writer.append(compressed)
    }
    return writer.bytes
  }
}
