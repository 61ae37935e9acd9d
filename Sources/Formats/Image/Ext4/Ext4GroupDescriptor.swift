/// One entry of the group descriptor table: ext4 documentation, "Block Group Descriptors".
struct Ext4GroupDescriptor {
  struct Flags: OptionSet {
    let rawValue: UInt16
    /// The inode bitmap is not written: no inode is used.
    static let inodesUninitialized = Self(rawValue: 1)
    /// The block bitmap is not written: only the group's own beginning is used.
    static let blocksUninitialized = Self(rawValue: 2)
    static let inodeTableZeroed = Self(rawValue: 4)
  }

  var blockBitmap: Int
  var inodeBitmap: Int
  var inodeTable: Int
  var freeBlocks: Int
  var freeInodes: Int
  var directories: Int
  /// Inodes at the end of the table that were never used.
  var unusedInodes: Int
  var flags: Flags
  var blockBitmapChecksum: UInt32 = 0
  var inodeBitmapChecksum: UInt32 = 0

  func encoded(group: Int, checksumSeed: UInt32) -> [UInt8] {
    var writer = ByteWriter(capacity: Ext4Geometry.descriptorSize)
    func low(_ value: Int) -> UInt32 { UInt32(truncatingIfNeeded: value) }
    func high(_ value: Int) -> UInt32 { UInt32(truncatingIfNeeded: value >> 32) }
    func low16(_ value: Int) -> UInt16 { UInt16(truncatingIfNeeded: value) }
    func high16(_ value: Int) -> UInt16 { UInt16(truncatingIfNeeded: value >> 16) }
    writer.littleEndian(low(blockBitmap))
    writer.littleEndian(low(inodeBitmap))
    writer.littleEndian(low(inodeTable))
    writer.littleEndian(low16(freeBlocks))
    writer.littleEndian(low16(freeInodes))
    writer.littleEndian(low16(directories))
    writer.littleEndian(flags.rawValue)
    writer.littleEndian(0 as UInt32)  // bg_exclude_bitmap_lo
    writer.littleEndian(UInt16(truncatingIfNeeded: blockBitmapChecksum))
    writer.littleEndian(UInt16(truncatingIfNeeded: inodeBitmapChecksum))
    writer.littleEndian(low16(unusedInodes))
    let checksumOffset = writer.count
    writer.littleEndian(0 as UInt16)
    writer.littleEndian(high(blockBitmap))
    writer.littleEndian(high(inodeBitmap))
    writer.littleEndian(high(inodeTable))
    writer.littleEndian(high16(freeBlocks))
    writer.littleEndian(high16(freeInodes))
    writer.littleEndian(high16(directories))
    writer.littleEndian(high16(unusedInodes))
    writer.littleEndian(0 as UInt32)  // bg_exclude_bitmap_hi
    writer.littleEndian(UInt16(blockBitmapChecksum >> 16))
    writer.littleEndian(UInt16(inodeBitmapChecksum >> 16))
    writer.littleEndian(0 as UInt32)
    let seed = CRC32C.update(checksumSeed, littleEndian: UInt32(truncatingIfNeeded: group))
    let checksum = CRC32C.update(seed, writer.bytes)
    writer.overwrite(littleEndian: UInt16(truncatingIfNeeded: checksum), at: checksumOffset)
    return writer.bytes
  }
}
