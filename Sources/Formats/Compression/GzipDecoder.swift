internal import CZlib

/// gzip (RFC 1952) over zlib; members may follow each other. Also zlib's own format (RFC 1950).
@safe
final class GzipDecoder: StreamDecoder {
  private let stream: UnsafeMutablePointer<z_stream>

  init(isZlib: Bool = false) throws(FormatError) {
    unsafe stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    // 15: the largest window; 16 more: a gzip header is expected.
    let result = unsafe inflateInit2_(
      stream, isZlib ? 15 : 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard result == Z_OK else { throw FormatError(.limit, "gzip: no memory") }
  }

  deinit {
    unsafe inflateEnd(stream)
    unsafe stream.deallocate()
  }

  func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, isLast: Bool
  ) throws(FormatError) -> DecoderStep {
    // Pieces are far below 4 GiB (ByteSource), which zlib counts to.
    unsafe stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    unsafe stream.pointee.avail_in = UInt32(clamping: input.count)
    unsafe stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    unsafe stream.pointee.avail_out = UInt32(clamping: output.count)
    let result = unsafe inflate(stream, Z_NO_FLUSH)
    guard [Z_OK, Z_STREAM_END, Z_BUF_ERROR].contains(result) else {
      let detail = unsafe stream.pointee.msg.map { unsafe ": " + String(cString: $0) } ?? ""
      throw FormatError(.malformed, "damaged gzip data\(detail)")
    }
    return unsafe DecoderStep(
      consumed: input.count - Int(stream.pointee.avail_in),
      produced: output.count - Int(stream.pointee.avail_out),
      isComplete: result == Z_STREAM_END)
  }

  func restart() throws(FormatError) {
    guard unsafe inflateReset(stream) == Z_OK else {
      throw FormatError(.malformed, "damaged gzip data")
    }
  }
}
