internal import CZstd

/// Zstandard (RFC 8878) over libzstd.
@safe
final class ZstdDecoder: StreamDecoder {
  private let context: OpaquePointer

  init() throws(FormatError) {
    guard let context = unsafe ZSTD_createDCtx() else {
      throw FormatError(.limit, "zstd: no memory")
    }
    unsafe self.context = context
    // 128 MiB, the most that `zstd` itself decodes without being told.
    _ = unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 27)
  }

  deinit {
    unsafe ZSTD_freeDCtx(context)
  }

  func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, isLast: Bool
  ) throws(FormatError) -> DecoderStep {
    var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    var target = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    let result = unsafe ZSTD_decompressStream(context, &target, &source)
    guard ZSTD_isError(result) == 0 else {
      let reason = unsafe String(cString: ZSTD_getErrorName(result))
      throw FormatError(.malformed, "damaged zstd data: \(reason)")
    }
    return unsafe DecoderStep(consumed: source.pos, produced: target.pos, isComplete: result == 0)
  }

  func restart() {}
}
