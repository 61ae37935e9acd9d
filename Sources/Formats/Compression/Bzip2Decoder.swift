#if HAS_BZIP2
  internal import CBzip2

  /// bzip2 over libbz2; streams may follow each other.
  @safe
  final class Bzip2Decoder: StreamDecoder {
    private let stream: UnsafeMutablePointer<bz_stream>

    init() throws(FormatError) {
      unsafe stream = UnsafeMutablePointer<bz_stream>.allocate(capacity: 1)
      unsafe stream.initialize(to: bz_stream())
      guard unsafe BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK else {
        throw FormatError(.limit, "bzip2: no memory")
      }
    }

    deinit {
      unsafe BZ2_bzDecompressEnd(stream)
      unsafe stream.deallocate()
    }

    func decode(
      _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, isLast: Bool
    ) throws(FormatError) -> DecoderStep {
      unsafe stream.pointee.next_in = UnsafeMutablePointer(
        mutating: input.baseAddress?.assumingMemoryBound(to: CChar.self))
      unsafe stream.pointee.avail_in = UInt32(clamping: input.count)
      unsafe stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: CChar.self)
      unsafe stream.pointee.avail_out = UInt32(clamping: output.count)
      let result = unsafe BZ2_bzDecompress(stream)
      guard result == BZ_OK || result == BZ_STREAM_END else {
        throw FormatError(.malformed, "damaged bzip2 data")
      }
      return unsafe DecoderStep(
        consumed: input.count - Int(stream.pointee.avail_in),
        produced: output.count - Int(stream.pointee.avail_out),
        isComplete: result == BZ_STREAM_END)
    }

    func restart() throws(FormatError) {
      unsafe BZ2_bzDecompressEnd(stream)
      unsafe stream.pointee = bz_stream()
      guard unsafe BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK else {
        throw FormatError(.limit, "bzip2: no memory")
      }
    }
  }
#endif
