/// The superblock of an empty journal: ext4 documentation, "Journal (jbd2)", version 2. Big-endian.
enum Ext4Journal {
  static func superblock(blocks: Int, uuid: [UInt8]) -> [UInt8] {
    var writer = ByteWriter(capacity: Ext4Geometry.blockSize)
    writer.bigEndian(0xC03B_3998 as UInt32)  // h_magic
    writer.bigEndian(4 as UInt32)  // h_blocktype: superblock, version 2
    writer.bigEndian(0 as UInt32)  // h_sequence
    writer.bigEndian(UInt32(Ext4Geometry.blockSize))
    writer.bigEndian(UInt32(truncatingIfNeeded: blocks))  // s_maxlen
    writer.bigEndian(1 as UInt32)  // s_first: the block behind this one
    writer.bigEndian(1 as UInt32)  // s_sequence: of the first transaction
    writer.bigEndian(0 as UInt32)  // s_start: nothing to replay
    writer.bigEndian(0 as UInt32)  // s_errno
    writer.zeros(12)  // features; the kernel adds checksums when it mounts
    writer.append(uuid)
    writer.bigEndian(1 as UInt32)  // s_nr_users
    writer.pad(to: Ext4Geometry.blockSize)
    return writer.bytes
  }
}
