/// Whether an ext2, ext3 or ext4 file system has to be checked before it is written to.
///
/// e2fsck -p leaves a file system alone that its superblock calls clean and not due; this is the same
/// decision, so that a program need not be started for it. In doubt it says that a check is due, and
/// e2fsck decides. ext4 documentation, "Super Block"; e2fsck(8), tune2fs(8).
package enum Ext4Check {
  /// The decision does not depend on them.
  private static let indifferent: Ext4Format.Incompatible = [
    .fileType, .extents, .is64Bit, .flexibleGroups, .attributeInodes, .checksumSeed,
    .largeDirectories, .inlineData, .encryption, .caseFolding,
  ]

  /// - Parameter now: seconds since 1970.
  package static func isDue(_ disk: some DiskReader, now: Int) -> Bool {
    let superblock = disk.read(
      at: Ext4Format.superblockOffset, count: Ext4Format.superblockSize)
    let bytes = superblock.span
    func half(_ offset: Int) -> UInt16 { bytes.littleEndian(at: offset) ?? 0 }
    func word(_ offset: Int) -> UInt32 { bytes.littleEndian(at: offset) ?? 0 }
    guard superblock.count == Ext4Format.superblockSize,
      half(Ext4Format.magicOffset) == Ext4Format.magic
    else { return true }
    let incompatible = Ext4Format.Incompatible(rawValue: word(0x60))
    let readOnly = Ext4Format.ReadOnly(rawValue: word(0x64))
    // s_state: cleanly unmounted, without errors, no orphans being recovered; errors that the kernel
    // noted; inodes that were deleted while they were open.
    guard half(0x3A) & 0x7 == 1, word(0x194) == 0, word(0xE8) == 0,
      !readOnly.contains(.orphansPresent),
      // A journal to be replayed is not, and what is unknown here is not for us to judge.
      incompatible.isSubset(of: indifferent)
    else { return true }
    if readOnly.contains(.metadataChecksums) {
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
    guard logBlockSize <= 6, perGroup > 0,
      !Ext4Format.Compatible(rawValue: word(0x5C)).contains(.sparseSuperblocks2)
    else { return false }
    // Group 1 has a backup with and without sparse_super.
    guard blocks - first > perGroup else { return true }
    let place = (first + perGroup) << Int(10 + logBlockSize)
    let backup = disk.read(at: place, count: Ext4Format.superblockSize)
    let copy = backup.span
    guard copy.littleEndian(at: Ext4Format.magicOffset) == Ext4Format.magic else { return false }
    // s_inodes_count, s_blocks_count, s_uuid, and the features that the kernel does not change.
    for offset in [0x00, 0x04, 0x68, 0x6C, 0x70, 0x74]
    where word(offset) != copy.littleEndian(at: offset) {
      return false
    }
    func features<Features: OptionSet>(_ offset: Int, _ changing: Features) -> Bool
    where Features.RawValue == UInt32 {
      word(offset) & ~changing.rawValue
        == (copy.littleEndian(at: offset) ?? 0 as UInt32) & ~changing.rawValue
    }
    return features(0x5C, [.extendedAttributes] as Ext4Format.Compatible)
      && features(0x60, [.extents, .needsRecovery] as Ext4Format.Incompatible)
      && features(0x64, [.largeFiles, .manyLinks, .orphansPresent] as Ext4Format.ReadOnly)
  }
}
