/// What one call of a decoder did.
struct DecoderStep {
  /// Bytes taken from the input.
  var consumed: Int
  /// Bytes put into the output.
  var produced: Int
  /// The compressed stream (a gzip member, a zstd frame) is complete.
  var isComplete: Bool
}

/// One compression library's streaming decoder, as `DecodingSource` drives it.
protocol StreamDecoder: AnyObject {
  /// Decodes from `input` into `output`, either of which may be empty.
  /// - Parameter isLast: nothing comes after `input`.
  /// - Throws: `FormatError.malformed` for damaged data, `.limit` for data that needs too much memory.
  func decode(
    _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, isLast: Bool
  ) throws(FormatError) -> DecoderStep

  /// Gets ready for another stream after a complete one: formats may be concatenated.
  func restart() throws(FormatError)
}

/// Decompressed bytes that know how many compressed ones they came of.
protocol DecodedBytes: ByteSource {
  /// Compressed bytes consumed.
  var offset: Int { get }
}

/// Decompressed bytes of a compressed source.
final class DecodingSource: DecodedBytes {
  private static let pieceSize = 1 << 18

  private let source: any ByteSource
  private let decoder: any StreamDecoder
  private let isOneStream: Bool
  private var input: [UInt8] = []
  private var position = 0
  private var inputEnded = false
  /// Between two streams, or after the last.
  private var isComplete = false
  /// Compressed bytes consumed.
  private(set) var offset = 0

  /// - Parameter isOneStream: ends with the first stream, whatever follows it.
  init(_ source: any ByteSource, _ decoder: any StreamDecoder, isOneStream: Bool = false) {
    self.source = source
    self.decoder = decoder
    self.isOneStream = isOneStream
  }

  func next() throws -> [UInt8] {
    var failure: (any Error)?
    let piece = unsafe [UInt8](unsafeUninitializedCapacity: Self.pieceSize) { buffer, count in
      do {
        while count == 0, try prepareInput() {
          count = try unsafe step(into: UnsafeMutableRawBufferPointer(buffer))
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return piece
  }

  /// - Returns: false at the end of all streams.
  private func prepareInput() throws -> Bool {
    if isComplete, isOneStream { return false }
    if position == input.count, !inputEnded {
      input = try source.next()
      position = 0
      inputEnded = input.isEmpty
    }
    guard isComplete else { return true }
    if position == input.count { return false }
    try decoder.restart()
    isComplete = false
    return true
  }

  private func step(into output: UnsafeMutableRawBufferPointer) throws -> Int {
    let step = try unsafe input.withUnsafeBytes { bytes in
      do {
        return try unsafe decoder.decode(
          UnsafeRawBufferPointer(rebasing: bytes[position...]), into: output, isLast: inputEnded)
      } catch let error as FormatError {
        throw FormatError(error.kind, error.reason, offset: offset)
      }
    }
    position += step.consumed
    offset += step.consumed
    isComplete = step.isComplete
    if !isComplete, inputEnded, step.consumed == 0, step.produced == 0 {
      throw FormatError(.truncated, "the compressed data ends early", offset: offset)
    }
    return step.produced
  }
}
