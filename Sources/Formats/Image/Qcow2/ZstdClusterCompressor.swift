internal import CZstd

/// A cluster as one zstd frame.
///
/// `@unchecked Sendable`: the context is used by one thread at a time, the one that took this object
/// from `ClusterCodec`.
@safe final class ZstdClusterCompressor: ClusterCompressor, @unchecked Sendable {
  /// Levels that look for matches in rows of hashes (strategies greedy, lazy and lazy2). In 64 KiB, chains
  /// with a table as large as the cluster find as much in nine tenths of the time.
  private static let levelsWithRows: ClosedRange<Int32> = 5...12
  /// ZSTD_c_useRowMatchFinder, 2 for no: of libzstd 1.5.2 and later. One that does not know it has its own way.
  private static let useRowMatchFinder = ZSTD_cParameter(rawValue: 1011)

  private let context: OpaquePointer

  init(level: Int32) throws(FormatError) {
    guard let context = unsafe ZSTD_createCCtx() else {
      throw FormatError(.limit, "no memory for zstd")
    }
    unsafe self.context = context
    _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
    if Self.levelsWithRows.contains(level) {
      _ = unsafe ZSTD_CCtx_setParameter(context, Self.useRowMatchFinder, 2)
      _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, 16)
    }
  }

  deinit {
    unsafe ZSTD_freeCCtx(context)
  }

  func compress(_ cluster: [UInt8]) throws(FormatError) -> [UInt8]? {
    let room = cluster.count - 1
    guard room > 0 else { return nil }
    let result = unsafe [UInt8](unsafeUninitializedCapacity: room) { output, count in
      let size = unsafe cluster.withUnsafeBytes { input in
        unsafe ZSTD_compress2(
          context, output.baseAddress, room, input.baseAddress, input.count)
      }
      // The only error that valid arguments leave is that the output has too little room.
      count = ZSTD_isError(size) == 0 ? size : 0
    }
    return result.isEmpty ? nil : result
  }

  static func decompress(_ bytes: [UInt8]) throws(FormatError) -> [UInt8] {
    let result = unsafe [UInt8](unsafeUninitializedCapacity: DiskImage.clusterSize) {
      output, count in
      count = unsafe bytes.withUnsafeBytes { input in
        let frame = unsafe ZSTD_findFrameCompressedSize(input.baseAddress, input.count)
        guard ZSTD_isError(frame) == 0 else { return 0 }
        let size = unsafe ZSTD_decompress(
          output.baseAddress, DiskImage.clusterSize, input.baseAddress, frame)
        return ZSTD_isError(size) == 0 ? size : 0
      }
    }
    guard !result.isEmpty else { throw FormatError(.malformed, "a zstd cluster is damaged") }
    return result
  }
}
