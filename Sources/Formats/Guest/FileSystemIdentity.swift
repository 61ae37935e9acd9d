/// Which file system or swap area is on a disk, and what it is called.
package struct FileSystemIdentity: Equatable, Sendable {
  package enum Kind: Sendable {
    /// ext2, ext3 or ext4: the ext4 driver mounts all of them.
    case ext4
    case xfs, btrfs, squashfs, erofs, f2fs, vfat, iso9660, swap
    /// A physical volume of LVM, an encrypted device, and a disk of a RAID array: what they hold is reached
    /// through another device.
    case lvm, luks, raid

    /// Whether a file system in it is reached through another device.
    package var isMember: Bool {
      switch self {
      case .lvm, .luks, .raid: true
      default: false
      }
    }

    /// The name in mount(8) and blkid(8).
    package var name: StaticString {
      switch self {
      case .ext4: "ext4"
      case .xfs: "xfs"
      case .btrfs: "btrfs"
      case .squashfs: "squashfs"
      case .erofs: "erofs"
      case .f2fs: "f2fs"
      case .vfat: "vfat"
      case .iso9660: "iso9660"
      case .swap: "swap"
      case .lvm: "LVM2_member"
      case .luks: "crypto_LUKS"
      case .raid: "linux_raid_member"
      }
    }
  }

  package var kind: Kind
  /// As blkid(8) writes it; empty where there is none.
  package var uuid: [UInt8]
  /// Empty where there is none.
  package var label: [UInt8]

  /// Looks at the places where these file systems have their superblocks.
  /// - Returns: nil when none of them is there.
  package init?(reading disk: some DiskReader) {
    // Most are recognised by what one read gives.
    let start = disk.read(at: 0, count: 4352)
    if let found = Self.member(start.span) ?? Self.atStart(start.span)
      ?? Self.squashfs(start.span, disk) ?? Self.vfat(start, disk)
      ?? Self.btrfs(disk.read(at: 0x1_0000, count: 0x400).span)
      ?? Self.iso9660(disk.read(at: 0x8000, count: 0x800).span)
      ?? Self.swap(disk, start.span)
    {
      self = found
      return
    }
    return nil
  }

  private init(_ kind: Kind, uuid: [UInt8], label: [UInt8]) {
    self.kind = kind
    self.uuid = uuid
    self.label = label
  }

  /// Before file systems, whose superblocks may be left over from an earlier use of the disk.
  private static func member(_ bytes: Span<UInt8>) -> FileSystemIdentity? {
    // LUKS On-Disk Format Specification 1.2, and LUKS2 1.1: the UUID is a text; version 2 has a label.
    if bytes.has("LUKS", at: 0), bytes.bytes(at: 4, count: 2) == [0xBA, 0xBE],
      let uuid = bytes.bytes(at: 168, count: 40)
    {
      let label = bytes.bytes(at: 7, count: 1) == [2] ? bytes.bytes(at: 24, count: 48) ?? [] : []
      let text = Array(uuid.prefix { $0 != 0 })
      let isUUID = text.allSatisfy { $0 == UInt8(ascii: "-") || $0.isHexadecimalDigit }
      return FileSystemIdentity(
        .luks, uuid: isUUID ? text : [], label: Array(label.prefix { $0 != 0 }))
    }
    // lvm2, lib/format_text/layout.h, label_header: in one of the first four sectors.
    for sector in 0..<4 where bytes.has("LABELONE", at: 512 * sector) {
      if bytes.has("LVM2 001", at: 512 * sector + 24) {
        return FileSystemIdentity(.lvm, uuid: [], label: [])
      }
    }
    // Linux, include/uapi/linux/raid/md_p.h, mdp_superblock_1; of version 1.1 at the start, of 1.2 behind 4 KiB.
    for offset in [0, 4096]
    where bytes.littleEndian(at: offset) == 0xA92B_4EFC as UInt32
      && bytes.littleEndian(at: offset + 4) == 1 as UInt32
    {
      return FileSystemIdentity(.raid, uuid: [], label: [])
    }
    return nil
  }

  private static func atStart(_ bytes: Span<UInt8>) -> FileSystemIdentity? {
    // XFS Algorithms & Data Structures, "Superblocks".
    if bytes.has("XFSB", at: 0) { return named(.xfs, bytes, uuid: 32, label: 108, 12) }
    // ext4 documentation, "Super Block".
    if bytes.littleEndian(at: 1024 + Ext4Format.magicOffset) == Ext4Format.magic {
      let features = Ext4Format.Incompatible(rawValue: bytes.littleEndian(at: 1024 + 0x60) ?? 0)
      return features.contains(.journalDevice)
        ? nil : named(.ext4, bytes, uuid: 1024 + 0x68, label: 1024 + 0x78, 16)
    }
    // Linux, Documentation/filesystems/erofs.rst, and fs/erofs/erofs_fs.h.
    if bytes.littleEndian(at: 1024) == 0xE0F5_E1E2 as UInt32 {
      return named(.erofs, bytes, uuid: 1024 + 48, label: 1024 + 64, 16)
    }
    // Linux, include/linux/f2fs_fs.h, f2fs_super_block.
    if bytes.littleEndian(at: 1024) == 0xF2F5_2010 as UInt32 {
      guard let uuid = bytes.bytes(at: 1024 + 0x6C, count: 16) else { return nil }
      return FileSystemIdentity(
        .f2fs, uuid: UUIDText.plain(uuid),
        label: UTF16Text.utf8(bytes, at: 1024 + 0x7C, units: 512))
    }
    return nil
  }

  /// Linux, Documentation/filesystems/squashfs.rst: neither name nor UUID, but for a footer of ours.
  private static func squashfs(
    _ start: Span<UInt8>, _ disk: some DiskReader
  ) -> FileSystemIdentity? {
    guard start.has("hsqs", at: 0) else { return nil }
    guard let (uuid, label) = SquashfsFooter.read(start, disk) else {
      return FileSystemIdentity(.squashfs, uuid: [], label: [])
    }
    return FileSystemIdentity(
      .squashfs, uuid: uuid.contains { $0 != 0 } ? UUIDText.plain(uuid) : [], label: label)
  }

  /// btrfs documentation, "On-disk format", superblock.
  private static func btrfs(_ bytes: Span<UInt8>) -> FileSystemIdentity? {
    guard bytes.has("_BHRfS_M", at: 0x40) else { return nil }
    return named(.btrfs, bytes, uuid: 0x20, label: 0x12B, 256)
  }

  /// ECMA-119, "Primary Volume Descriptor". The time of its last change, or of its creation where that is not
  /// given, stands for a UUID.
  private static func iso9660(_ bytes: Span<UInt8>) -> FileSystemIdentity? {
    guard bytes.byte(at: 0) == 1, bytes.has("CD001", at: 1),
      let label = bytes.bytes(at: 40, count: 32), let created = bytes.bytes(at: 813, count: 17),
      let changed = bytes.bytes(at: 830, count: 17)
    else { return nil }
    // Digits, and a zone: all zero for no time.
    let isGiven = changed[16] != 0 || changed[..<16].contains { $0 != UInt8(ascii: "0") }
    var uuid: [UInt8] = []
    for (index, digit) in (isGiven ? changed : created)[..<16].enumerated() {
      if index >= 4, index % 2 == 0 { uuid.append(UInt8(ascii: "-")) }
      uuid.append(digit)
    }
    return FileSystemIdentity(.iso9660, uuid: uuid, label: label.withoutTrailingBlanks)
  }

  /// Linux, include/linux/swap.h, union swap_header: the magic ends a page, whatever a page is.
  private static func swap(_ disk: some DiskReader, _ start: Span<UInt8>) -> FileSystemIdentity? {
    for pageSize in [4096, 8192, 16384, 32768, 65536] where pageSize <= disk.size {
      let magic = disk.read(at: pageSize - 10, count: 10)
      if magic.isText("SWAPSPACE2") {
        return named(.swap, start, uuid: 1024 + 12, label: 1024 + 28, 16)
      }
    }
    return nil
  }

  private static func named(
    _ kind: Kind, _ bytes: Span<UInt8>, uuid: Int, label: Int, _ length: Int
  ) -> FileSystemIdentity? {
    guard let number = bytes.bytes(at: uuid, count: 16),
      let name = bytes.bytes(at: label, count: length)
    else { return nil }
    return FileSystemIdentity(
      kind, uuid: number.contains { $0 != 0 } ? UUIDText.plain(number) : [],
      label: Array(name.prefix { $0 != 0 }))
  }

  /// FAT: Microsoft, "FAT32 File System Specification" 1.03. The name is that of the root
  /// directory's volume entry; without one, the boot sector's.
  private static func vfat(_ start: [UInt8], _ disk: some DiskReader) -> FileSystemIdentity? {
    let bytes = start.span
    let isFAT32 = bytes.has("FAT32", at: 82)
    guard isFAT32 || bytes.has("FAT1", at: 54),
      let geometry = FATGeometry(bytes, isFAT32: isFAT32),
      let serial = bytes.bytes(at: isFAT32 ? 67 : 39, count: 4),
      let boot = bytes.bytes(at: isFAT32 ? 71 : 43, count: 11)
    else { return nil }
    var uuid: [UInt8] = []
    for byte in serial.reversed() {
      if uuid.count == 4 { uuid.append(UInt8(ascii: "-")) }
      UUIDText.appendHexadecimal(byte, to: &uuid, isUpper: true)
    }
    let label = geometry.volumeName(disk) ?? (boot.isText("NO NAME    ") ? [] : boot)
    return FileSystemIdentity(.vfat, uuid: uuid, label: label.withoutTrailingBlanks)
  }
}

extension UInt8 {
  fileprivate var isHexadecimalDigit: Bool {
    (0x30...0x39).contains(self) || (0x41...0x46).contains(self) || (0x61...0x66).contains(self)
  }
}
