internal import CZstd

/// zstd frames with a checksum: of one piece, or of two that are compressed side by side. RFC 8878.
///
/// An initramfs is compressed in two parts, the template's while the modules are chosen and their indexes made. A plain
/// stream of both, which can begin only when the last module is there, makes `mkinitramfs` take 75 ms longer with the
/// 6.1 cloud kernel (196 ms became 271 ms, the medians of 21 runs on two processors) and 110 ms with the generic one
/// (368 ms became 478 ms), for 0.4 and 0.9 % less bytes. That is why this file has more than a call of the library.
///
/// What a decoder knows at the end of the first part it still knows in the second. The second part's encoder
/// does not: it refers to nothing of the first, begins with codes of its own, and takes the three offsets that
/// were used last for those that a frame begins with. So two blocks before its own leave a decoder with these.
package struct ZstdFrame: Sendable {
  /// A good one: docs/internals/PERFORMANCE.md, "Levels".
  static let level: Int32 = 9

  /// The most bytes that a second part may begin with before its `seam`.
  private static let seamLimit = 1 << 12

  private let windowLog: Int32

  /// - Parameter windowSize: how many bytes what repeats may be apart, from 1 MiB to the 128 MiB that Linux
  ///   decodes (lib/zstd, ZSTD_WINDOWSIZE_MAX); made the next power of 2 above.
  package init(windowSize: Int) {
    windowLog = Int32(min(27, max(20, Int.bitWidth - windowSize.leadingZeroBitCount)))
  }

  /// A frame of one part, whose header says how large that is.
  /// - Parameter level: the library's.
  /// - Throws: `FormatError.limit` without memory.
  func compress(_ bytes: ArraySlice<UInt8>, level: Int32) throws(FormatError) -> [UInt8] {
    try run(bytes, [(ZSTD_c_compressionLevel, level), (ZSTD_c_checksumFlag, 1)])
  }

  /// The first of two parts, compressed.
  package struct Start: Sendable {
    /// After the header of a frame.
    fileprivate var blocks: [UInt8]
    fileprivate var hash = XXH64()
  }

  /// - Throws: `FormatError.limit` without memory.
  package func start(_ bytes: [UInt8]) throws(FormatError) -> Start {
    var start = Start(blocks: try blocks(bytes[...]))
    var place = Self.headerSize
    while true {
      let header = start.blocks[place..<place + 3].reversed().reduce(0) { $0 << 8 | Int($1) }
      if header & 1 == 1 { break }
      // A block of one repeated byte has that alone.
      place += 3 + (header >> 1 & 3 == 1 ? 1 : header >> 3)
    }
    start.blocks[place] ^= 1
    start.hash.update(bytes)
    return start
  }

  /// The frame of two parts.
  /// - Parameters:
  ///   - end: the second one. In its first 4 KiB 19 or more bytes are equal, one after the other, as in each
  ///     header of a newc archive.
  ///   - start: asked for when the second part is compressed.
  /// - Throws: `FormatError.unsupported` where there are no such bytes, `.limit` without memory, and what
  ///   `start` does.
  package func end(_ end: [UInt8], after start: () throws -> Start) throws -> [UInt8] {
    let (seam, count) = try Self.seam(end[...])
    let last = try blocks(end.dropFirst(count))
    var start = try start()
    start.hash.update(end)
    // Of a header and a checksum there are 18 bytes.
    var writer = ByteWriter(capacity: start.blocks.count + seam.count + last.count + 18)
    writer.littleEndian(0xFD2F_B528 as UInt32)
    writer.byte(0b1100_0100)  // the content's size in eight bytes, a checksum
    writer.byte(UInt8(windowLog - 10) << 3)
    writer.littleEndian(UInt64(start.hash.count))
    writer.append(start.blocks.dropFirst(Self.headerSize))
    writer.append(seam)
    writer.append(last.dropFirst(Self.headerSize))
    writer.littleEndian(UInt32(truncatingIfNeeded: start.hash.value))
    return writer.bytes
  }

  /// Blocks after which the last offsets are 1, 4 and 8, as at the beginning of a frame.
  /// - Returns: them, and how many of the bytes are in them.
  private static func seam(
    _ bytes: ArraySlice<UInt8>
  ) throws(FormatError) -> (blocks: [UInt8], count: Int) {
    // A first byte that is repeated 18 times: 7 of them more as literals, 3 by offset 8, 4 by 4, 4 by 1.
    let length = 19
    var start = bytes.startIndex
    let last = bytes.prefix(seamLimit).indices.first { index in
      if bytes[index] != bytes[start] { start = index }
      return index - start == length - 1
    }
    guard last != nil else {
      throw FormatError(.unsupported, "zstd: a second part without a row of equal bytes")
    }
    let before = bytes[..<start]
    var writer = ByteWriter()
    func block(_ type: UInt32, _ content: some Collection<UInt8>) {
      let header = UInt32(content.count) << 3 | type << 1
      writer.append((0..<3).map { UInt8(truncatingIfNeeded: header >> (8 * $0)) })
      writer.append(content)
    }
    block(0, before)
    // Literals, the number of sequences, one code of each kind for all of them (mode 1): lengths of literals,
    // offsets, lengths of matches. The last byte has the offsets' lower bits, the first sequence's highest, below
    // a 1. An offset is written as 3 more than it is: 11 is code 3 and bits 011; 7 is code 2, 11; 4 is code 2, 00.
    block(2, [8 << 3 | 1, bytes[start], 1, 0b0101_0100, 8, 3, 0, 0b1_011])
    block(2, [0 << 3 | 0, 2, 0b0101_0100, 0, 2, 1, 0b1_11_00])
    return (writer.bytes, before.count + length)
  }

  /// The magic number, the descriptor and the window's: without its content's size a header has no more.
  private static let headerSize = 6

  /// A header and all blocks of a frame, the last of which says that it is.
  private func blocks(_ bytes: ArraySlice<UInt8>) throws(FormatError) -> [UInt8] {
    // Shorter matches and fewer searches than the level has: as small, in a tenth less time.
    try run(
      bytes,
      [
        (ZSTD_c_compressionLevel, Self.level), (ZSTD_c_minMatch, 4), (ZSTD_c_searchLog, 2),
        (ZSTD_c_contentSizeFlag, 0),
      ])
  }

  private func run(
    _ bytes: ArraySlice<UInt8>, _ parameters: [(ZSTD_cParameter, Int32)]
  ) throws(FormatError) -> [UInt8] {
    guard let context = unsafe ZSTD_createCCtx() else {
      throw FormatError(.limit, "zstd: no memory")
    }
    defer { unsafe ZSTD_freeCCtx(context) }
    for (parameter, value) in parameters + [(ZSTD_c_windowLog, windowLog)] {
      try Self.check(unsafe ZSTD_CCtx_setParameter(context, parameter, value))
    }
    var result = 0
    let frame = unsafe [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) {
      target, count in
      result = unsafe bytes.withUnsafeBytes {
        unsafe ZSTD_compress2(
          context, target.baseAddress, target.count, $0.baseAddress, $0.count)
      }
      count = ZSTD_isError(result) == 0 ? result : 0
    }
    try Self.check(result)
    return frame
  }

  private static func check(_ code: Int) throws(FormatError) {
    guard ZSTD_isError(code) == 0 else {
      throw FormatError(.limit, unsafe "zstd: \(String(cString: ZSTD_getErrorName(code)))")
    }
  }
}
