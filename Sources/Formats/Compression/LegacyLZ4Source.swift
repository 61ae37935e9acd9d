internal import CLz4

/// What the kernel's form of lz4 decodes to: "LZ4 Frame Format Description", Legacy frame.
///
/// A frame is a magic number and blocks, each with its compressed size before it. It has no end mark:
/// the input's end is its end, and a magic number where a size is expected begins another frame.
final class LegacyLZ4Source: DecodedBytes {
  private static let magic: UInt32 = 0x184C_2102
  /// The most bytes that a block decodes to.
  private static let blockSize = 8 << 20
  private static let pieceSize = 1 << 20

  private let reader: SourceReader
  private let isOneStream: Bool
  private var isBegun = false
  private var isEnded = false
  /// Bytes of an end mark that was seen, and is nobody's.
  private var markSize = 0
  private var block: [UInt8] = []
  private var position = 0

  var offset: Int { reader.offset - markSize }

  /// - Parameter isOneStream: ends, as Linux does, where a block's size is zero: what follows is not lz4's.
  init(_ source: any ByteSource, isOneStream: Bool = false) {
    reader = SourceReader(source)
    self.isOneStream = isOneStream
  }

  func next() throws -> [UInt8] {
    while position == block.count {
      guard try readBlock() else { return [] }
    }
    let end = min(block.count, position + Self.pieceSize)
    defer { position = end }
    return Array(block[position..<end])
  }

  /// - Returns: false at the end.
  private func readBlock() throws -> Bool {
    if isEnded { return false }
    if isBegun, try reader.isAtEnd() { return false }
    let offset = reader.offset
    if isOneStream, isBegun, try reader.peek() == 0 {
      // Of an end of zeros there may be fewer than four.
      markSize = try reader.skip(upTo: 4) { $0 == 0 }
      if try markSize == 4 || reader.isAtEnd() {
        isEnded = true
        return false
      }
    }
    var header = ByteReader(
      [UInt8](repeating: 0, count: markSize) + (try reader.read(exactly: 4 - markSize)))
    markSize = 0
    let word = try header.littleEndian(UInt32.self)
    if !isBegun || word == Self.magic {
      guard word == Self.magic else {
        throw FormatError(.malformed, "not lz4 data in the kernel's form", offset: offset)
      }
      isBegun = true
      return true
    }
    guard let size = Int(exactly: word), size <= Int(LZ4_compressBound(Int32(Self.blockSize)))
    else { throw FormatError(.malformed, "an lz4 block of \(word) bytes", offset: offset) }
    let packed = try reader.read(exactly: size)
    var written: Int32 = -1
    block = unsafe [UInt8](unsafeUninitializedCapacity: Self.blockSize) { buffer, count in
      unsafe packed.withUnsafeBytes { source in
        unsafe buffer.withMemoryRebound(to: CChar.self) { target in
          written = unsafe LZ4_decompress_safe(
            source.baseAddress?.assumingMemoryBound(to: CChar.self), target.baseAddress,
            Int32(packed.count), Int32(Self.blockSize))
        }
      }
      count = max(0, Int(written))
    }
    position = 0
    guard written >= 0 else {
      throw FormatError(.malformed, "a damaged lz4 block", offset: offset)
    }
    return true
  }
}
