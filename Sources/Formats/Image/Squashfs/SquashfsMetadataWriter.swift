/// A table in metadata blocks of 8 KiB, each with its size before it.
///
/// Linux, Documentation/filesystems/squashfs.rst, 3.2, "Inodes", 3.3, "Directories". The table is kept in memory, compressed.
struct SquashfsMetadataWriter {
  private let compressor: SquashfsBlockCompressor
  /// The blocks that are complete.
  private(set) var bytes: [UInt8] = []
  /// Where each block begins, in bytes from the table's start.
  private(set) var blockStarts: [Int] = []
  private var block: [UInt8] = []

  init(_ compressor: SquashfsBlockCompressor) {
    self.compressor = compressor
    block.reserveCapacity(SquashfsFormat.metadataSize)
  }

  /// Where the next byte goes: the block's start in bytes from the table's start, and the place in the block.
  var position: (block: Int, offset: Int) { (bytes.count, block.count) }

  /// The same in one number, as inodes and attributes are referred to.
  var reference: UInt64 { UInt64(bytes.count) << 16 | UInt64(block.count) }

  mutating func append(_ more: some Collection<UInt8>) throws(FormatError) {
    var more = more[...]
    while !more.isEmpty {
      let part = more.prefix(SquashfsFormat.metadataSize - block.count)
      block.append(contentsOf: part)
      more = more.dropFirst(part.count)
      // A place is never behind the last byte of a block.
      if block.count == SquashfsFormat.metadataSize { try endBlock() }
    }
  }

  /// Completes the last block.
  mutating func finish() throws(FormatError) {
    if !block.isEmpty { try endBlock() }
  }

  private mutating func endBlock() throws(FormatError) {
    blockStarts.append(bytes.count)
    let packed = try compressor.compress(block)
    let stored = packed ?? block
    let size = UInt16(stored.count) | (packed == nil ? SquashfsFormat.plainMetadata : 0)
    bytes.append(UInt8(truncatingIfNeeded: size))
    bytes.append(UInt8(truncatingIfNeeded: size >> 8))
    bytes.append(contentsOf: stored)
    block.removeAll(keepingCapacity: true)
  }
}
