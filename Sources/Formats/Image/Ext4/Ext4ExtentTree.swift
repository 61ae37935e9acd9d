/// Which blocks a file has, in order: ext4 documentation, "Extent Tree".
struct Ext4ExtentTree {
  static let magic: UInt16 = 0xF30A
  private static let entrySize = 12
  private static let entriesInInode = 4
  /// Entries of a block: behind the header, and before the checksum at the end.
  static let entriesInBlock = (Ext4Geometry.blockSize - entrySize - 4) / entrySize
  /// Blocks that one extent may cover.
  private static let longestExtent = 1 << 15

  /// The 60 bytes of `i_block`.
  let root: [UInt8]
  /// The content of the tree's own blocks but for the checksum, which needs the inode's number.
  let nodes: [[UInt8]]

  /// How many blocks the tree itself takes for a file that lies in `runs`.
  static func nodeCount(for runs: [Range<Int>]) -> Int {
    var level = runs.reduce(0) { $0 + Ext4Geometry.divideUp($1.count, longestExtent) }
    var total = 0
    while level > entriesInInode {
      level = Ext4Geometry.divideUp(level, entriesInBlock)
      total += level
    }
    return total
  }

  /// - Parameters:
  ///   - starts: which of the file's blocks each of the runs begins with; none for a file without holes.
  ///   - blocks: as many block numbers as `nodeCount` says.
  init(_ runs: [Range<Int>], starts: [Int] = [], blocks: [Int]) {
    var level: [(first: Int, entry: [UInt8])] = []
    var logical = 0
    for (index, run) in runs.enumerated() {
      if !starts.isEmpty { logical = starts[index] }
      var start = run.lowerBound
      while start < run.upperBound {
        let count = min(run.upperBound - start, Self.longestExtent)
        var writer = ByteWriter(capacity: Self.entrySize)
        writer.littleEndian(UInt32(truncatingIfNeeded: logical))
        writer.littleEndian(UInt16(count))
        writer.littleEndian(UInt16(truncatingIfNeeded: start >> 32))
        writer.littleEndian(UInt32(truncatingIfNeeded: start))
        level.append((logical, writer.bytes))
        logical += count
        start += count
      }
    }
    var nodes: [[UInt8]] = []
    var depth: UInt16 = 0
    while level.count > Self.entriesInInode {
      var above: [(first: Int, entry: [UInt8])] = []
      for start in stride(from: 0, to: level.count, by: Self.entriesInBlock) {
        let part = level[start..<min(level.count, start + Self.entriesInBlock)]
        let block = blocks[nodes.count]
        nodes.append(Self.node(part.map(\.entry), maximum: Self.entriesInBlock, depth: depth))
        var writer = ByteWriter(capacity: Self.entrySize)
        writer.littleEndian(UInt32(truncatingIfNeeded: level[start].first))
        writer.littleEndian(UInt32(truncatingIfNeeded: block))
        writer.littleEndian(UInt16(truncatingIfNeeded: block >> 32))
        writer.littleEndian(0 as UInt16)
        above.append((level[start].first, writer.bytes))
      }
      level = above
      depth += 1
    }
    root = Self.node(level.map(\.entry), maximum: Self.entriesInInode, depth: depth)
    self.nodes = nodes
  }

  private static func node(_ entries: [[UInt8]], maximum: Int, depth: UInt16) -> [UInt8] {
    var writer = ByteWriter(capacity: entrySize * (1 + maximum) + 4)
    writer.littleEndian(magic)
    writer.littleEndian(UInt16(entries.count))
    writer.littleEndian(UInt16(maximum))
    writer.littleEndian(depth)
    writer.littleEndian(0 as UInt32)  // eh_generation
    for entry in entries { writer.append(entry) }
    writer.zeros((maximum - entries.count) * entrySize)
    return writer.bytes
  }

  /// A tree block with its checksum.
  static func sealed(_ node: [UInt8], inodeSeed: UInt32) -> [UInt8] {
    var writer = ByteWriter(capacity: Ext4Geometry.blockSize)
    writer.append(node)
    writer.littleEndian(CRC32C.update(inodeSeed, node))
    writer.pad(to: Ext4Geometry.blockSize)
    return writer.bytes
  }
}
