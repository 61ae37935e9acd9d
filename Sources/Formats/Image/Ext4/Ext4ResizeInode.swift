/// Inode 7, which owns the blocks that are reserved for more group descriptors, so that the file
/// system can grow while it is mounted.
///
/// Its content is mapped by block numbers: one block (`resizeBlock`) names the reserved blocks of group
/// 0, each of which names its counterparts in the other groups with a superblock.
struct Ext4ResizeInode {
  private static let pointers = Ext4Geometry.blockSize / 4
  private let layout: Ext4Layout
  /// Groups other than 0 that have a superblock.
  private let backups: [Int]

  init(_ layout: Ext4Layout) {
    self.layout = layout
    backups = (0..<layout.groups).dropFirst().filter(Ext4Geometry.hasSuperblock)
  }

  func inode(_ timestamp: Ext4Time) -> Ext4Inode {
    var content = ByteWriter(capacity: 60)
    content.zeros(13 * 4)
    content.littleEndian(UInt32(truncatingIfNeeded: layout.resizeBlock))
    content.littleEndian(0 as UInt32)
    return Ext4Inode(
      mode: Ext4Node.Kind.file.rawValue | 0o600,
      attributes: Ext4Attributes(mode: 0o600, modified: timestamp),
      size: (12 + Self.pointers + Self.pointers * Self.pointers) * Ext4Geometry.blockSize,
      links: 1, blocks: 1 + layout.reservedBlocks * (1 + backups.count), flags: 0,
      content: content.bytes)
  }

  /// What `resizeBlock` holds: the place of a reserved block in it is its place in the table.
  var map: [UInt8] {
    var map = ByteWriter(capacity: Ext4Geometry.blockSize)
    map.zeros(Ext4Geometry.blockSize)
    for index in layout.descriptorBlocks..<layout.descriptorBlocks + layout.reservedBlocks {
      map.overwrite(
        littleEndian: UInt32(truncatingIfNeeded: 1 + index), at: index % Self.pointers * 4)
    }
    return map.bytes
  }

  /// What a reserved block of group 0 holds.
  func content(ofReserved block: Int) -> [UInt8] {
    var writer = ByteWriter(capacity: Ext4Geometry.blockSize)
    for group in backups.prefix(Self.pointers) {
      writer.littleEndian(
        UInt32(truncatingIfNeeded: group * Ext4Geometry.blocksPerGroup + block))
    }
    writer.pad(to: Ext4Geometry.blockSize)
    return writer.bytes
  }
}
