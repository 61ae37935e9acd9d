internal import CZlib

/// A cluster as raw deflate with a window of 4 KiB: some readers of qcow2 have no larger one.
///
/// `@unchecked Sendable`: the stream is used by one thread at a time, the one that took this object
/// from `ClusterCodec`.
@safe final class DeflateClusterCompressor: ClusterCompressor, @unchecked Sendable {
  private static let windowBits: Int32 = -12
  /// zlib keeps the address of its stream, so it must not move.
  private let stream: UnsafeMutablePointer<z_stream>

  init(level: Int32) throws(FormatError) {
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    let result = unsafe deflateInit2_(
      stream, level, Z_DEFLATED, Self.windowBits, 9, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    guard result == Z_OK else {
      // The stream goes in deinit.
      throw FormatError(.limit, "zlib can't compress at level \(level)")
    }
  }

  deinit {
    unsafe deflateEnd(stream)
    unsafe stream.deallocate()
  }

  func compress(_ cluster: [UInt8]) throws(FormatError) -> [UInt8]? {
    let room = cluster.count - 1
    guard room > 0, unsafe deflateReset(stream) == Z_OK else { return nil }
    var input = cluster
    let result = unsafe [UInt8](unsafeUninitializedCapacity: room) { output, count in
      count = unsafe input.withUnsafeMutableBufferPointer { input in
        unsafe stream.pointee.next_in = input.baseAddress
        unsafe stream.pointee.avail_in = UInt32(input.count)
        unsafe stream.pointee.next_out = output.baseAddress
        unsafe stream.pointee.avail_out = UInt32(room)
        let isWhole = unsafe deflate(stream, Z_FINISH) == Z_STREAM_END
        return unsafe isWhole ? room - Int(stream.pointee.avail_out) : 0
      }
    }
    return result.isEmpty ? nil : result
  }

  static func decompress(_ bytes: [UInt8]) throws(FormatError) -> [UInt8] {
    var input = bytes
    let result = unsafe [UInt8](unsafeUninitializedCapacity: DiskImage.clusterSize) {
      output, count in
      count = unsafe input.withUnsafeMutableBufferPointer { input in
        var stream = unsafe z_stream()  // used and ended in this call, so it stays where it is
        let started = unsafe inflateInit2_(
          &stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard started == Z_OK else { return 0 }
        defer { unsafe inflateEnd(&stream) }
        unsafe stream.next_in = input.baseAddress
        unsafe stream.avail_in = UInt32(input.count)
        unsafe stream.next_out = output.baseAddress
        unsafe stream.avail_out = UInt32(DiskImage.clusterSize)
        let isWhole = unsafe inflate(&stream, Z_FINISH) == Z_STREAM_END
        return unsafe isWhole ? DiskImage.clusterSize - Int(stream.avail_out) : 0
      }
    }
    guard !result.isEmpty else { throw FormatError(.malformed, "a deflate cluster is damaged") }
    return result
  }
}
