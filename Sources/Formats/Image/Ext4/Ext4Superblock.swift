/// The superblock: ext4 documentation, "Super Block".
struct Ext4Superblock {
  var layout: Ext4Layout
  var identity: Ext4Identity
  var freeBlocks: Int
  var freeInodes: Int
  /// The journal inode's `i_block`, kept here too for a check that finds the inode damaged.
  var journalContent: [UInt8]

  /// The superblock's 1024 bytes as they stand in `group`.
  func encoded(group: Int) -> [UInt8] {
    let time = identity.timestamp
    let journalSize = layout.journal.reduce(0) { $0 + $1.count } * Ext4Geometry.blockSize
    let usedKiB = (layout.blocks - freeBlocks) * (Ext4Geometry.blockSize / 1024)
    var writer = ByteWriter(capacity: Ext4Format.superblockSize)
    writer.littleEndian(UInt32(truncatingIfNeeded: layout.inodes))
    writer.littleEndian(UInt32(truncatingIfNeeded: layout.blocks))
    writer.littleEndian(0 as UInt32)  // s_r_blocks_count_lo
    writer.littleEndian(UInt32(truncatingIfNeeded: freeBlocks))
    writer.littleEndian(UInt32(truncatingIfNeeded: freeInodes))
    writer.littleEndian(0 as UInt32)  // s_first_data_block
    writer.littleEndian(2 as UInt32)  // s_log_block_size: 1024 << 2
    writer.littleEndian(2 as UInt32)  // s_log_cluster_size
    writer.littleEndian(UInt32(Ext4Geometry.blocksPerGroup))
    writer.littleEndian(UInt32(Ext4Geometry.blocksPerGroup))  // s_clusters_per_group
    writer.littleEndian(UInt32(layout.inodesPerGroup))
    writer.littleEndian(0 as UInt32)  // s_mtime: never mounted
    writer.littleEndian(time.low)  // s_wtime
    writer.littleEndian(0 as UInt16)  // s_mnt_count
    writer.littleEndian(UInt16.max)  // s_max_mnt_count: no check for having been mounted often
    writer.littleEndian(Ext4Format.magic)  // s_magic
    writer.littleEndian(1 as UInt16)  // s_state: clean
    writer.littleEndian(1 as UInt16)  // s_errors: go on
    writer.littleEndian(0 as UInt16)  // s_minor_rev_level
    writer.littleEndian(time.low)  // s_lastcheck
    writer.littleEndian(0 as UInt32)  // s_checkinterval
    writer.littleEndian(0 as UInt32)  // s_creator_os: Linux
    writer.littleEndian(1 as UInt32)  // s_rev_level
    writer.littleEndian(0 as UInt32)  // s_def_resuid, s_def_resgid
    writer.littleEndian(Ext4Inode.first)
    writer.littleEndian(UInt16(Ext4Inode.size))
    writer.littleEndian(UInt16(truncatingIfNeeded: group))
    let compatible: Ext4Format.Compatible = [
      .hasJournal, .extendedAttributes, .resizeInode, .directoryIndex,
    ]
    writer.littleEndian(compatible.rawValue)
    let incompatible: Ext4Format.Incompatible = [.fileType, .extents, .is64Bit, .flexibleGroups]
    writer.littleEndian(incompatible.rawValue)
    let readOnly: Ext4Format.ReadOnly = [
      .sparseSuperblocks, .largeFiles, .hugeFiles, .manyLinks, .extraInodeSize, .metadataChecksums,
    ]
    writer.littleEndian(readOnly.rawValue)
    writer.append(identity.uuid)
    writer.append(identity.label.utf8)
    writer.zeros(0x88 - writer.count)
    writer.zeros(64)  // s_last_mounted
    writer.zeros(6)  // s_algorithm_usage_bitmap, s_prealloc_blocks, s_prealloc_dir_blocks
    writer.littleEndian(UInt16(layout.reservedBlocks))
    writer.zeros(16)  // s_journal_uuid: the journal is in this file system
    writer.littleEndian(Ext4Inode.journal)
    writer.zeros(8)  // s_journal_dev, s_last_orphan
    writer.append(identity.hashSeed)
    writer.byte(Ext4DirectoryHash.version)
    writer.byte(1)  // s_jnl_backup_type: s_jnl_blocks is valid
    writer.littleEndian(UInt16(Ext4Geometry.descriptorSize))
    writer.littleEndian(0xC as UInt32)  // s_default_mount_opts: user_xattr, acl
    writer.littleEndian(0 as UInt32)  // s_first_meta_bg
    writer.littleEndian(time.low)  // s_mkfs_time
    writer.append(journalContent)
    writer.littleEndian(UInt32(truncatingIfNeeded: journalSize >> 32))
    writer.littleEndian(UInt32(truncatingIfNeeded: journalSize))
    writer.littleEndian(UInt32(truncatingIfNeeded: layout.blocks >> 32))
    writer.littleEndian(0 as UInt32)  // s_r_blocks_count_hi
    writer.littleEndian(UInt32(truncatingIfNeeded: freeBlocks >> 32))
    writer.littleEndian(Ext4Inode.extraSize)  // s_min_extra_isize
    writer.littleEndian(Ext4Inode.extraSize)  // s_want_extra_isize
    writer.littleEndian(1 as UInt32)  // s_flags: the directory hash takes signed characters
    writer.zeros(0x174 - writer.count)  // RAID and multiple mount protection
    writer.byte(4)  // s_log_groups_per_flex
    writer.byte(1)  // s_checksum_type: CRC-32C
    writer.zeros(2)
    writer.littleEndian(UInt64(usedKiB))  // s_kbytes_written
    writer.zeros(0x248 - writer.count)  // snapshots, errors, mount options, quota
    writer.littleEndian(UInt32(truncatingIfNeeded: layout.overhead))
    writer.zeros(0x274 - writer.count)
    writer.byte(UInt8(truncatingIfNeeded: time.seconds >> 32))  // s_wtime_hi
    writer.byte(0)  // s_mtime_hi
    writer.byte(UInt8(truncatingIfNeeded: time.seconds >> 32))  // s_mkfs_time_hi
    writer.byte(UInt8(truncatingIfNeeded: time.seconds >> 32))  // s_lastcheck_hi
    writer.zeros(0x3FC - writer.count)
    writer.littleEndian(CRC32C.update(~0, writer.bytes))
    return writer.bytes
  }
}
