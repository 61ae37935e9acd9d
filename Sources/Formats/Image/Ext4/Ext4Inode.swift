/// An inode of 256 bytes: ext4 documentation, "Index Nodes".
struct Ext4Inode {
  static let size = 256
  static let perBlock = Ext4Geometry.blockSize / size
  static let extentsFlag: UInt32 = 0x80000
  static let indexFlag: UInt32 = 0x1000
  /// Bytes of fields behind the first 128.
  static let extraSize: UInt16 = 32

  static let root: UInt32 = 2
  static let resize: UInt32 = 7
  static let journal: UInt32 = 8
  /// The first that is not reserved; lost+found has it.
  static let first: UInt32 = 11

  /// Type and permissions.
  var mode: UInt16
  var attributes: Ext4Attributes
  /// Bytes.
  var size: Int
  var links: UInt16
  /// Blocks that it takes, those of its tree included.
  var blocks: Int
  var flags: UInt32
  /// The 60 bytes of `i_block`.
  var content: [UInt8]
  /// What stands behind the fields.
  var attributeBytes: [UInt8] = []
  var attributeBlock = 0

  /// Where the checksums of everything that belongs to inode `number` begin. Generations are zero.
  static func seed(_ number: UInt32, _ checksumSeed: UInt32) -> UInt32 {
    CRC32C.update(CRC32C.update(checksumSeed, littleEndian: number), littleEndian: 0)
  }

  /// - Parameter seed: of `seed(_:_:)`.
  func encoded(seed: UInt32) -> [UInt8] {
    let sectors = blocks * (Ext4Geometry.blockSize / 512)
    let time = attributes.modified
    var writer = ByteWriter(capacity: Self.size)
    writer.littleEndian(mode)
    writer.littleEndian(UInt16(truncatingIfNeeded: attributes.owner))
    writer.littleEndian(UInt32(truncatingIfNeeded: size))
    writer.littleEndian(time.low)  // i_atime
    writer.littleEndian(time.low)  // i_ctime
    writer.littleEndian(time.low)  // i_mtime
    writer.littleEndian(0 as UInt32)  // i_dtime
    writer.littleEndian(UInt16(truncatingIfNeeded: attributes.group))
    writer.littleEndian(links)
    writer.littleEndian(UInt32(truncatingIfNeeded: sectors))
    writer.littleEndian(flags)
    writer.littleEndian(0 as UInt32)  // i_version
    writer.append(content)
    writer.zeros(60 - content.count)
    writer.littleEndian(0 as UInt32)  // i_generation
    writer.littleEndian(UInt32(truncatingIfNeeded: attributeBlock))  // i_file_acl_lo
    writer.littleEndian(UInt32(truncatingIfNeeded: size >> 32))
    writer.littleEndian(0 as UInt32)  // i_obso_faddr
    writer.littleEndian(UInt16(truncatingIfNeeded: sectors >> 32))
    writer.littleEndian(UInt16(truncatingIfNeeded: attributeBlock >> 32))  // i_file_acl_high
    writer.littleEndian(UInt16(truncatingIfNeeded: attributes.owner >> 16))
    writer.littleEndian(UInt16(truncatingIfNeeded: attributes.group >> 16))
    let checksumLow = writer.count
    writer.littleEndian(0 as UInt16)
    writer.littleEndian(0 as UInt16)  // i_reserved
    writer.littleEndian(Self.extraSize)
    let checksumHigh = writer.count
    writer.littleEndian(0 as UInt16)
    writer.littleEndian(time.extra)  // i_ctime_extra
    writer.littleEndian(time.extra)  // i_mtime_extra
    writer.littleEndian(time.extra)  // i_atime_extra
    writer.littleEndian(time.low)  // i_crtime
    writer.littleEndian(time.extra)  // i_crtime_extra
    writer.zeros(128 + Int(Self.extraSize) - writer.count)
    writer.append(attributeBytes)
    writer.zeros(Self.size - writer.count)
    let checksum = CRC32C.update(seed, writer.bytes)
    writer.overwrite(littleEndian: UInt16(truncatingIfNeeded: checksum), at: checksumLow)
    writer.overwrite(littleEndian: UInt16(checksum >> 16), at: checksumHigh)
    return writer.bytes
  }
}
