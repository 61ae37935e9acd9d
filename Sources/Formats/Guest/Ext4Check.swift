/// Whether an ext2, ext3 or ext4 file system has to be checked before it is written to.
///
/// e2fsck -p leaves a file system alone that its superblock calls clean and not due; this is the same
/// decision, so that a program need not be started for it. In doubt it says that a check is due, and
/// e2fsck decides. ext4 documentation, "Super Block"; e2fsck(8), tune2fs(8).
public enum Ext4Check {
  private enum Incompatible {
    static let needsRecovery: UInt32 = 0x4
    static let extents: UInt32 = 0x40
    /// filetype, extents, 64bit, flex_bg, ea_inode, csum_seed, largedir, inline_data, encrypt and
    /// casefold: the decision does not depend on them.
    static let indifferent: UInt32 = 0x3_E6C2
  }

  private enum ReadOnly {
    static let largeFiles: UInt32 = 0x2
    static let manyLinks: UInt32 = 0x20
    static let metadataChecksums: UInt32 = 0x400
    static let orphanPresent: UInt32 = 0x1_0000
  }

  private enum Compatible {
    static let extendedAttributes: UInt32 = 0x8
    static let sparseSuperblocks2: UInt32 = 0x200
  }

  /// - Parameter now: seconds since 1970.
  public static func isDue(_ disk: some DiskReader, now: Int) -> Bool {
    let superblock = disk.read(at: 1024, count: 1024)
    let bytes = superblock.span
    func half(_ offset: Int) -> UInt16 { bytes.littleEndian(at: offset) ?? 0 }
    func word(_ offset: Int) -> UInt32 { bytes.littleEndian(at: offset) ?? 0 }
    guard superblock.count == 1024, half(0x38) == 0xEF53 else { return true }
    let incompatible = word(0x60)
    let readOnly = word(0x64)
    // s_state: cleanly unmounted, without errors, no orphans being recovered; errors that the kernel
    // noted; inodes that were deleted while they were open.
    guard half(0x3A) & 0x7 == 1, word(0x194) == 0, word(0xE8) == 0,
      readOnly & ReadOnly.orphanPresent == 0,
      incompatible & Incompatible.needsRecovery == 0,
      // What is unknown here, an external journal among it, is not for us to judge.
      incompatible & ~Incompatible.indifferent == 0
    else { return true }
    if readOnly & ReadOnly.metadataChecksums != 0 {
      guard bytes.byte(at: 0x175) == 1, CRC32C.update(~0, superblock.dropLast(4)) == word(0x3FC)
      else { return true }
    }
    // Signed: a negative one means never.
    let mountLimit = Int16(bitPattern: half(0x36))
    if mountLimit > 0, half(0x34) >= UInt16(mountLimit) { return true }
    let interval = Int(word(0x44))
    if interval != 0 {
      let lastCheck = Int(bytes.byte(at: 0x277) ?? 0) << 32 | Int(word(0x40))
      // A machine without a clock lives before its disks' last check.
      if now < lastCheck || now - lastCheck >= interval { return true }
    }
    return !hasSameBackup(disk, superblock)
  }

  /// Whether the first backup of the superblock agrees with it: tools that change features write the
  /// backups later, and e2fsck makes sure that they did.
  private static func hasSameBackup(_ disk: some DiskReader, _ superblock: [UInt8]) -> Bool {
    let bytes = superblock.span
    func word(_ offset: Int) -> UInt32 { bytes.littleEndian(at: offset) ?? 0 }
    let logBlockSize = word(0x18)
    let perGroup = Int(word(0x20))
    let blocks = Int(word(0x04))
    let first = Int(word(0x14))
    guard logBlockSize <= 6, perGroup > 0, word(0x5C) & Compatible.sparseSuperblocks2 == 0 else {
      return false
    }
    // Group 1 has a backup with and without sparse_super.
    guard blocks - first > perGroup else { return true }
    let place = (first + perGroup) << Int(10 + logBlockSize)
    let backup = disk.read(at: place, count: 1024)
    let copy = backup.span
    guard copy.littleEndian(at: 0x38) == 0xEF53 as UInt16 else { return false }
    // s_inodes_count, s_blocks_count, s_uuid, and the features that the kernel does not change.
    for offset in [0x00, 0x04, 0x68, 0x6C, 0x70, 0x74]
    where word(offset) != copy.littleEndian(at: offset) {
      return false
    }
    func features(_ offset: Int, _ changing: UInt32) -> Bool {
      word(offset) & ~changing == (copy.littleEndian(at: offset) ?? 0 as UInt32) & ~changing
    }
    return features(0x5C, Compatible.extendedAttributes)
      && features(0x60, Incompatible.extents | Incompatible.needsRecovery)
      && features(0x64, ReadOnly.largeFiles | ReadOnly.manyLinks | ReadOnly.orphanPresent)
  }
}
