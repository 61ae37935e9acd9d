internal import CLzma

/// .xz and .lzma over liblzma, whose blocks decode on several cores.
///
/// The .xz file format 1.2; a Debian data.tar.xz has blocks of 24 MiB with their sizes in the headers.
@safe
final class XZDecoder: StreamDecoder {
  /// Decoding threads share this much: two blocks of the full kernel, whose modules are compressed
  /// already, take 114 MiB with what they decode to.
  private static let memory: UInt64 = 120 << 20
  /// A dictionary that needs more is refused.
  private static let limit: UInt64 = 288 << 20

  private let stream: UnsafeMutablePointer<lzma_stream>
  private let isXZ: Bool

  /// - Parameters:
  ///   - isXZ: false for the older .lzma.
  ///   - isOneStream: of several .xz streams only the first is decoded.
  init(isXZ: Bool, jobs: Int, isOneStream: Bool = false) throws(FormatError) {
    self.isXZ = isXZ
    unsafe stream = UnsafeMutablePointer<lzma_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: lzma_stream())
    let result =
      unsafe isXZ && isOneStream
      ? lzma_stream_decoder(stream, Self.limit, 0)
      : isXZ
        ? minivm_xz_decoder(stream, UInt32(clamping: max(1, jobs)), Self.memory, Self.limit)
        : lzma_alone_decoder(stream, Self.limit)
    guard result == LZMA_OK else { throw FormatError(.limit, "xz: no memory") }
  }

  deinit {
    unsafe lzma_end(stream)
    unsafe stream.deallocate()
  }

  func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, isLast: Bool
  ) throws(FormatError) -> DecoderStep {
    unsafe stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
    unsafe stream.pointee.avail_in = input.count
    unsafe stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    unsafe stream.pointee.avail_out = output.count
    let result = unsafe lzma_code(stream, isLast ? LZMA_FINISH : LZMA_RUN)
    let step = unsafe DecoderStep(
      consumed: input.count - stream.pointee.avail_in,
      produced: output.count - stream.pointee.avail_out,
      isComplete: result == LZMA_STREAM_END)
    switch result {
    case LZMA_OK, LZMA_STREAM_END, LZMA_BUF_ERROR: return step
    case LZMA_FORMAT_ERROR: throw FormatError(.malformed, "not xz data")
    case LZMA_OPTIONS_ERROR: throw FormatError(.unsupported, "xz with an unknown option")
    case LZMA_MEM_ERROR: throw FormatError(.limit, "xz: no memory")
    case LZMA_MEMLIMIT_ERROR:
      throw FormatError(
        .limit, "xz data that needs more than \(Self.limit >> 20) MiB to decode")
    default: throw FormatError(.malformed, "damaged xz data")
    }
  }

  /// liblzma itself goes on from one .xz stream to the next; .lzma has one only.
  func restart() throws(FormatError) {
    throw FormatError(.malformed, "bytes after the end of the xz data")
  }
}
