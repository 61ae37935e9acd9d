/// The index blocks of a large directory, one or two levels of them.
///
/// ext4 documentation, "Hash Tree Directories". The directory's block 0 is the root, then come the
/// nodes of the second level, if there is one, then the leaves.
struct Ext4HashTree {
  /// Entries behind the root's 32 bytes and a node's 8, less the checksum's 8.
  private static let rootLimit = (Ext4Geometry.blockSize - 32 - 8) / 8
  private static let nodeLimit = (Ext4Geometry.blockSize - 8 - 8) / 8

  static let mostLeaves = rootLimit * nodeLimit

  private struct Entry {
    var hash: UInt32
    var block: Int
  }

  /// The lowest hash of each leaf.
  private let hashes: [UInt32]

  init(_ hashes: [UInt32]) {
    self.hashes = hashes
  }

  static func indexBlocks(leaves: Int) -> Int {
    leaves <= rootLimit ? 1 : 1 + Ext4Geometry.divideUp(leaves, nodeLimit)
  }

  /// - Parameter root: the records of “.” and “..”, 24 bytes.
  func forEachBlock(
    root: ByteWriter, inodeSeed: UInt32, _ body: ([UInt8]) throws -> Void
  ) throws {
    let firstLeaf = Self.indexBlocks(leaves: hashes.count)
    var entries = hashes.enumerated().map { Entry(hash: $0.element, block: firstLeaf + $0.offset) }
    var nodes: [ArraySlice<Entry>] = []
    if firstLeaf > 1 {
      nodes = stride(from: 0, to: entries.count, by: Self.nodeLimit).map {
        entries[$0..<min(entries.count, $0 + Self.nodeLimit)]
      }
      entries = nodes.enumerated().map {
        Entry(hash: entries[$0.element.startIndex].hash, block: 1 + $0.offset)
      }
    }
    var writer = root
    writer.littleEndian(0 as UInt32)
    writer.byte(Ext4DirectoryHash.version)
    writer.byte(8)  // info_length
    writer.byte(nodes.isEmpty ? 0 : 1)  // indirect_levels
    writer.byte(0)  // unused_flags
    try body(Self.sealed(&writer, entries[...], limit: Self.rootLimit, inodeSeed: inodeSeed))
    for node in nodes {
      var writer = ByteWriter(capacity: Ext4Geometry.blockSize)
      writer.littleEndian(0 as UInt32)  // a false entry that hides the block from older readers
      writer.littleEndian(UInt16(Ext4Geometry.blockSize))
      writer.zeros(2)
      try body(Self.sealed(&writer, node, limit: Self.nodeLimit, inodeSeed: inodeSeed))
    }
  }

  private static func sealed(
    _ writer: inout ByteWriter, _ entries: ArraySlice<Entry>, limit: Int, inodeSeed: UInt32
  ) -> [UInt8] {
    for (index, entry) in entries.enumerated() {
      if index == 0 {  // its hash is known from above; limit and count are in its place
        writer.littleEndian(UInt16(limit))
        writer.littleEndian(UInt16(entries.count))
      } else {
        writer.littleEndian(entry.hash)
      }
      writer.littleEndian(UInt32(truncatingIfNeeded: entry.block))
    }
    // The checksum covers the entries in use and the tail with a checksum of zero.
    let checksum = CRC32C.update(
      CRC32C.update(inodeSeed, writer.bytes), [UInt8](repeating: 0, count: 8))
    writer.zeros(Ext4Geometry.blockSize - 4 - writer.count)
    writer.littleEndian(checksum)
    return writer.bytes
  }
}
