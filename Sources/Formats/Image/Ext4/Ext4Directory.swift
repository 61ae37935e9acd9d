/// The blocks of one directory: a single block of entries, or a hash tree over many (`dir_index`).
///
/// ext4 documentation, "Directory Entries". Sorted once, so that time grows as n log n.
struct Ext4Directory {
  struct Entry {
    var name: Ext4Name
    /// Index of the node.
    var node: Int
    var hash: UInt32 = 0

    var length: Int { Ext4Directory.recordLength(name.bytes.count) }
  }

  /// Bytes of a block that entries may take; the checksum is behind them.
  private static let room = Ext4Geometry.blockSize - 12
  private static let directoryType: UInt8 = 2

  /// In the order in which they are stored.
  private let entries: [Entry]
  /// The end of each leaf in `entries`; empty for a directory of one block.
  private let leafEnds: [Int]
  /// Empty blocks behind the entries, for lost+found, which must have room when a check finds files.
  private let spareBlocks: Int

  /// - Parameter children: names and indices of nodes.
  init(
    _ children: [Ext4Name: Int], hash: Ext4DirectoryHash, spareBlocks: Int = 0
  ) throws(FormatError) {
    var entries = children.map { Entry(name: $0.key, node: $0.value) }
    self.spareBlocks = spareBlocks
    let used = entries.reduce(2 * Self.recordLength(2)) { $0 + $1.length }
    if used <= Self.room || spareBlocks > 0 {
      guard used <= Self.room else {
        throw FormatError(.unsupported, "lost+found has too many files")
      }
      self.entries = entries.sorted { $0.name < $1.name }
      leafEnds = []
      return
    }
    for index in entries.indices { entries[index].hash = hash(entries[index].name.bytes) }
    entries.sort { ($0.hash, $0.name) < ($1.hash, $1.name) }
    var ends: [Int] = []
    var filled = 0
    for (index, entry) in entries.enumerated() {
      if filled + entry.length > Self.room {
        ends.append(index)
        filled = 0
      }
      filled += entry.length
    }
    ends.append(entries.count)
    guard ends.count <= Ext4HashTree.mostLeaves else {
      throw FormatError(.limit, "\(entries.count) files are too many for one directory")
    }
    self.entries = entries
    leafEnds = ends
  }

  var isIndexed: Bool { !leafEnds.isEmpty }

  var blockCount: Int {
    isIndexed ? Ext4HashTree.indexBlocks(leaves: leafEnds.count) + leafEnds.count : 1 + spareBlocks
  }

  static func recordLength(_ nameLength: Int) -> Int {
    (8 + nameLength + 3) & ~3
  }

  /// Hands over the blocks in order.
  /// - Parameters:
  ///   - number: the directory's inode number, `parent` that of the one it is in.
  ///   - inodeSeed: of the directory, see `Ext4Inode.seed`.
  ///   - nodes: what the entries' indices mean.
  func forEachBlock(
    number: UInt32, parent: UInt32, inodeSeed: UInt32, nodes: [Ext4Node],
    _ body: ([UInt8]) throws -> Void
  ) throws {
    guard isIndexed else {
      var writer = ByteWriter(capacity: Ext4Geometry.blockSize)
      Self.record(&writer, number, [0x2e], Self.directoryType)
      var last = writer.count
      Self.record(&writer, parent, [0x2e, 0x2e], Self.directoryType)
      for entry in entries {
        last = writer.count
        write(entry, nodes, to: &writer)
      }
      try body(Self.sealed(&writer, last: last, inodeSeed: inodeSeed))
      for _ in 0..<spareBlocks {
        var writer = ByteWriter(capacity: Ext4Geometry.blockSize)
        writer.zeros(8)
        try body(Self.sealed(&writer, last: 0, inodeSeed: inodeSeed))
      }
      return
    }
    let starts = [0] + leafEnds.dropLast()
    let tree = Ext4HashTree(
      starts.map { start in
        // The lowest bit says that names with this hash begin in the leaf before.
        let continues = start > 0 && entries[start - 1].hash == entries[start].hash
        return entries[start].hash | (continues ? 1 : 0)
      })
    var root = ByteWriter(capacity: Ext4Geometry.blockSize)
    Self.record(&root, number, [0x2e], Self.directoryType)
    Self.record(&root, parent, [0x2e, 0x2e], Self.directoryType)
    root.overwrite(littleEndian: UInt16(Ext4Geometry.blockSize - 12), at: 12 + 4)
    try tree.forEachBlock(root: root, inodeSeed: inodeSeed, body)
    for (start, end) in zip(starts, leafEnds) {
      var writer = ByteWriter(capacity: Ext4Geometry.blockSize)
      var last = 0
      for entry in entries[start..<end] {
        last = writer.count
        write(entry, nodes, to: &writer)
      }
      try body(Self.sealed(&writer, last: last, inodeSeed: inodeSeed))
    }
  }

  private func write(_ entry: Entry, _ nodes: [Ext4Node], to writer: inout ByteWriter) {
    let node = nodes[entry.node]
    Self.record(&writer, node.number, entry.name.bytes, node.kind.entryType)
  }

  private static func record(
    _ writer: inout ByteWriter, _ number: UInt32, _ name: [UInt8], _ type: UInt8
  ) {
    let length = recordLength(name.count)
    writer.littleEndian(number)
    writer.littleEndian(UInt16(length))
    writer.byte(UInt8(name.count))
    writer.byte(type)
    writer.append(name)
    writer.zeros(length - 8 - name.count)
  }

  /// The block with its last record stretched to its end, and the checksum in a false entry.
  private static func sealed(
    _ writer: inout ByteWriter, last: Int, inodeSeed: UInt32
  ) -> [UInt8] {
    writer.overwrite(littleEndian: UInt16(room - last), at: last + 4)
    writer.append([UInt8](repeating: 0, count: room - writer.count))
    let checksum = CRC32C.update(inodeSeed, writer.bytes)
    writer.littleEndian(0 as UInt32)
    writer.littleEndian(12 as UInt16)
    writer.byte(0)
    writer.byte(0xDE)
    writer.littleEndian(checksum)
    return writer.bytes
  }
}
