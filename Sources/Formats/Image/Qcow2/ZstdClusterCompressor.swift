internal import CZstd

/// A cluster as one zstd frame.
///
/// `@unchecked Sendable`: the context is used by one thread at a time, the one that took this object
/// from `ClusterCodec`.
@safe final class ZstdClusterCompressor: ClusterCompressor, @unchecked Sendable {
  private let context: OpaquePointer
  private let level: Int32

  init(level: Int32) throws(FormatError) {
    guard let context = unsafe ZSTD_createCCtx() else {
      throw FormatError(.limit, "no memory for zstd")
    }
    unsafe self.context = context
    self.level = level
  }

  deinit {
    unsafe ZSTD_freeCCtx(context)
  }

  func compress(_ cluster: [UInt8]) throws(FormatError) -> [UInt8]? {
    let room = cluster.count - 1
    guard room > 0 else { return nil }
    let result = unsafe [UInt8](unsafeUninitializedCapacity: room) { output, count in
      let size = unsafe cluster.withUnsafeBytes { input in
        unsafe ZSTD_compressCCtx(
          context, output.baseAddress, room, input.baseAddress, input.count, level)
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
