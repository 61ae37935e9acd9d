/// Reads the metadata blocks of a squashfs: 8 KiB each before compression, one after another.
///
/// Linux, Documentation/filesystems/squashfs.rst, 3, "Squashfs Filesystem Design". To be used from one thread.
final class SquashfsMetadataReader {
  /// Where something is: a block, in bytes from the image's start, and the place in it.
  struct Place {
    var block: Int
    var offset: Int
  }

  private struct Block {
    var bytes: [UInt8]
    /// Where the next one begins.
    var next: Int
  }

  /// Blocks that are kept, at most: 8 MiB.
  private static let cacheLimit = 1024

  private let image: any DiskImageReader
  private let decompressor: SquashfsDecompressor
  /// Where the file system ends.
  private let end: Int
  private var blocks: [Int: Block] = [:]

  init(_ image: any DiskImageReader, _ decompressor: SquashfsDecompressor, end: Int) {
    (self.image, self.decompressor, self.end) = (image, decompressor, end)
  }

  /// Reads bytes that may go over several blocks, and moves on behind them.
  /// - Throws: `FormatError` for a damaged block, and for one outside the file system.
  func read(_ count: Int, at place: inout Place) throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(count, SquashfsFormat.metadataSize))
    while bytes.count < count {
      let block = try block(at: place.block)
      guard place.offset < block.bytes.count else {
        throw FormatError(.malformed, "metadata outside its block", offset: place.block)
      }
      let piece = block.bytes[place.offset...].prefix(count - bytes.count)
      bytes += piece
      place.offset += piece.count
      if place.offset == block.bytes.count { place = Place(block: block.next, offset: 0) }
    }
    return bytes
  }

  /// Reads an entry of a table whose metadata blocks a list of 64-bit places leads to.
  /// - Parameters:
  ///   - size: bytes of an entry, a divisor of a block's.
  ///   - list: where the list is, in bytes from the image's start.
  func entry(_ index: Int, size: Int, ofTableAt list: Int) throws -> [UInt8] {
    let perBlock = SquashfsFormat.metadataSize / size
    var reader = ByteReader(try bytes(at: list + 8 * (index / perBlock), count: 8))
    let block = try position(reader.littleEndian(UInt64.self))
    var place = Place(block: block, offset: index % perBlock * size)
    return try read(size, at: &place)
  }

  /// Bytes of the image that are not compressed.
  func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    guard offset >= 0, count >= 0, offset <= end, count <= end - offset else {
      throw FormatError(.malformed, "refers to bytes outside the file system", offset: offset)
    }
    return try image.read(at: offset, count: count)
  }

  /// A place that the image names.
  func position(_ value: UInt64) throws(FormatError) -> Int {
    guard value < UInt64(end) else {
      throw FormatError(.malformed, "refers to byte \(value), outside the file system")
    }
    return Int(value)
  }

  private func block(at offset: Int) throws -> Block {
    if let known = blocks[offset] { return known }
    var reader = ByteReader(try bytes(at: offset, count: 2))
    let header = try reader.littleEndian(UInt16.self)
    let size = Int(header & ~SquashfsFormat.plainMetadata)
    guard size > 0, size <= SquashfsFormat.metadataSize else {
      throw FormatError(.malformed, "a metadata block of \(size) bytes", offset: offset)
    }
    let stored = try bytes(at: offset + 2, count: size)
    let bytes =
      header & SquashfsFormat.plainMetadata != 0
      ? stored : try decompressor.decompress(stored, limit: SquashfsFormat.metadataSize)
    if blocks.count >= Self.cacheLimit { blocks = [:] }
    let block = Block(bytes: bytes, next: offset + 2 + size)
    blocks[offset] = block
    return block
  }
}
