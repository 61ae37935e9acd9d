internal import CZstd

/// Makes one zstd frame, with a checksum, while its bytes come. RFC 8878.
///
/// `@unchecked Sendable`: whoever makes it may hand it to another thread, which goes on with it.
@safe public final class ZstdEncoder: @unchecked Sendable {
  /// A good one: docs/PERFORMANCE.md, "Levels".
  public static let level: Int32 = 9

  private let context: OpaquePointer
  private var frame: [UInt8] = []

  /// - Parameters:
  ///   - level: the library's.
  ///   - windowSize: how many bytes what repeats may be apart, from 1 MiB to the 128 MiB that Linux decodes
  ///     (lib/zstd, ZSTD_WINDOWSIZE_MAX); made the next power of 2 above.
  public init(level: Int32 = ZstdEncoder.level, windowSize: Int) throws(FormatError) {
    guard let context = unsafe ZSTD_createCCtx() else {
      throw FormatError(.limit, "zstd: no memory")
    }
    unsafe self.context = context
    let windowLog = min(27, max(20, Int.bitWidth - windowSize.leadingZeroBitCount))
    for (parameter, value) in [
      (ZSTD_c_compressionLevel, level), (ZSTD_c_checksumFlag, 1),
      (ZSTD_c_windowLog, Int32(windowLog)),
    ] {
      try Self.check(unsafe ZSTD_CCtx_setParameter(context, parameter, value))
    }
  }

  deinit {
    unsafe ZSTD_freeCCtx(context)
  }

  /// Compresses what comes next, but for the last bytes, which wait for more.
  /// - Throws: `FormatError.limit` without memory.
  public func append(_ bytes: ArraySlice<UInt8>) throws(FormatError) {
    try run(bytes, ZSTD_e_continue)
  }

  /// The whole frame. Where all of it comes at once, its header says how large that is.
  public func finish(_ last: ArraySlice<UInt8> = []) throws(FormatError) -> [UInt8] {
    try run(last, ZSTD_e_end)
    return frame
  }

  private func run(
    _ bytes: ArraySlice<UInt8>, _ directive: ZSTD_EndDirective
  ) throws(FormatError) {
    var taken = 0
    var piece = [UInt8](repeating: 0, count: ZSTD_CStreamOutSize())
    while true {
      var written = 0
      let rest = unsafe bytes.withUnsafeBytes { source in
        unsafe piece.withUnsafeMutableBytes { target in
          var input = unsafe ZSTD_inBuffer(
            src: source.baseAddress, size: source.count, pos: taken)
          var output = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
          let rest = unsafe ZSTD_compressStream2(context, &output, &input, directive)
          (taken, written) = unsafe (input.pos, output.pos)
          return rest
        }
      }
      try Self.check(rest)
      frame += piece[..<written]
      if directive == ZSTD_e_end ? rest == 0 : taken == bytes.count { return }
    }
  }

  private static func check(_ code: Int) throws(FormatError) {
    guard ZSTD_isError(code) == 0 else {
      throw FormatError(.limit, unsafe "zstd: \(String(cString: ZSTD_getErrorName(code)))")
    }
  }
}
