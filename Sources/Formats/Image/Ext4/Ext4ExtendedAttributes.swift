/// A file's extended attributes, as they stand behind its inode's fields and in a block of their own: ext4
/// documentation, "Extended Attributes".
struct Ext4ExtendedAttributes: Sendable, Hashable {
  private static let magic: UInt32 = 0xEA02_0000
  static let blockHeaderSize = 32
  private static let entrySize = 16
  /// What is left of an inode behind its fields, without the magic number.
  private static let roomInInode = Ext4Inode.size - 128 - Int(Ext4Inode.extraSize) - 4
  private static let roomInBlock = Ext4Geometry.blockSize - blockHeaderSize
  /// Behind the last entry.
  private static let endSize = 4

  /// What a prefix of a name is written as; longer ones first where one begins with another.
  private static let prefixes: [(index: UInt8, prefix: [UInt8])] = [
    (2, Array("system.posix_acl_access".utf8)), (3, Array("system.posix_acl_default".utf8)),
    (1, Array("user.".utf8)), (4, Array("trusted.".utf8)), (6, Array("security.".utf8)),
  ]

  private struct Entry: Sendable, Hashable {
    var index: UInt8
    var name: [UInt8]
    var value: [UInt8]

    /// Bytes that it takes.
    var size: Int { entrySize + (name.count + 3) & ~3 + (value.count + 3) & ~3 }

    /// Linux, fs/ext4/xattr.c, ext4_xattr_hash_entry.
    var hash: UInt32 {
      var hash: UInt32 = 0
      for byte in name { hash = hash << 5 ^ hash >> 27 ^ UInt32(byte) }
      for start in stride(from: 0, to: value.count, by: 4) {
        var word: UInt32 = 0
        for offset in 0..<min(4, value.count - start) {
          word |= UInt32(value[start + offset]) << UInt32(8 * offset)
        }
        hash = hash << 16 ^ hash >> 16 ^ word
      }
      return hash
    }
  }

  private var inInode: [Entry] = []
  private var inBlock: [Entry] = []

  /// - Throws: `FormatError.unsupported` for a name that ext4 has no place for, `.limit` for values that do not fit.
  init(_ attributes: [ExtendedAttribute]) throws(FormatError) {
    var entries: [Entry] = []
    for attribute in attributes { entries.append(try Self.entry(attribute)) }
    // In a block they are looked for in this order.
    entries.sort { left, right in
      (left.index, left.name.count) != (right.index, right.name.count)
        ? (left.index, left.name.count) < (right.index, right.name.count)
        : left.name.lexicographicallyPrecedes(right.name)
    }
    var (inodeLeft, blockLeft) = (
      Self.roomInInode - Self.endSize, Self.roomInBlock - Self.endSize
    )
    for entry in entries {
      if entry.size <= inodeLeft {
        inodeLeft -= entry.size
        inInode.append(entry)
      } else {
        blockLeft -= entry.size
        inBlock.append(entry)
      }
    }
    guard blockLeft >= 0 else {
      throw FormatError(.limit, "has more extended attributes than ext4 has room for")
    }
  }

  private static func entry(_ attribute: ExtendedAttribute) throws(FormatError) -> Entry {
    guard let (index, prefix) = prefixes.first(where: { attribute.name.starts(with: $0.prefix) }),
      index != 2 && index != 3 || attribute.name == prefix,
      index == 2 || index == 3 || attribute.name.count > prefix.count
    else {
      let name = String(decoding: attribute.name, as: UTF8.self).quoted
      throw FormatError(.unsupported, "has the extended attribute \(name), which ext4 can't hold")
    }
    let name = Array(attribute.name.dropFirst(prefix.count))
    guard attribute.name.count <= ExtendedAttribute.nameLimit else {
      throw FormatError(.limit, "has an extended attribute whose name is too long")
    }
    let value =
      index == 2 || index == 3
      ? try Ext4AccessList.stored(attribute.value) : attribute.value
    return Entry(index: index, name: name, value: value)
  }

  var isEmpty: Bool { inInode.isEmpty && inBlock.isEmpty }
  var needsBlock: Bool { !inBlock.isEmpty }

  /// What stands behind an inode's fields.
  var inodeBytes: [UInt8] {
    guard !inInode.isEmpty else { return [] }
    var writer = ByteWriter(capacity: Self.roomInInode + 4)
    writer.littleEndian(Self.magic)
    writer.append(
      Self.encoded(inInode, room: Self.roomInInode, valuesFrom: 0, hasHashes: false))
    return writer.bytes
  }

  /// The block, with its checksum.
  /// - Parameter number: the block's.
  func block(number: Int, checksumSeed: UInt32) -> [UInt8] {
    var hash: UInt32 = 0
    for entry in inBlock {
      // One that says nothing makes the block's say nothing, and no other block is taken for it.
      guard entry.hash != 0 else {
        hash = 0
        break
      }
      hash = hash << 16 ^ hash >> 16 ^ entry.hash
    }
    var writer = ByteWriter(capacity: Ext4Geometry.blockSize)
    writer.littleEndian(Self.magic)
    writer.littleEndian(1 as UInt32)  // h_refcount
    writer.littleEndian(1 as UInt32)  // h_blocks
    writer.littleEndian(hash)
    let checksumOffset = writer.count
    writer.zeros(Self.blockHeaderSize - writer.count)
    writer.append(
      Self.encoded(
        inBlock, room: Self.roomInBlock, valuesFrom: Self.blockHeaderSize, hasHashes: true))
    var seed = CRC32C.update(checksumSeed, littleEndian: UInt32(truncatingIfNeeded: number))
    seed = CRC32C.update(seed, littleEndian: UInt32(truncatingIfNeeded: number >> 32))
    writer.overwrite(littleEndian: CRC32C.update(seed, writer.bytes), at: checksumOffset)
    return writer.bytes
  }

  /// Entries from the start, their values from the end.
  private static func encoded(
    _ entries: [Entry], room: Int, valuesFrom base: Int, hasHashes: Bool
  ) -> [UInt8] {
    var writer = ByteWriter(capacity: room)
    var end = room
    var values: [UInt8] = []
    for entry in entries {
      let padded = (entry.value.count + 3) & ~3
      end -= padded
      values.insert(
        contentsOf: entry.value + [UInt8](repeating: 0, count: padded - entry.value.count), at: 0)
      writer.byte(UInt8(entry.name.count))
      writer.byte(entry.index)
      writer.littleEndian(entry.value.isEmpty ? 0 : UInt16(base + end))
      writer.littleEndian(0 as UInt32)  // e_value_inum
      writer.littleEndian(UInt32(entry.value.count))
      writer.littleEndian(hasHashes ? entry.hash : 0)
      writer.append(entry.name)
      writer.zeros((4 - entry.name.count % 4) % 4)
    }
    writer.zeros(end - writer.count)
    writer.append(values)
    return writer.bytes
  }

  // MARK: - Reading

  /// What stands behind an inode's fields.
  /// - Parameter bytes: from the magic number on, to the inode's end.
  static func read(inode bytes: ArraySlice<UInt8>) throws(FormatError) -> [ExtendedAttribute] {
    var reader = ByteReader(Array(bytes))
    guard reader.remaining >= 8, try reader.littleEndian(UInt32.self) == magic else { return [] }
    return try read(Array(bytes.dropFirst(4)), from: 0)
  }

  static func read(block bytes: [UInt8]) throws(FormatError) -> [ExtendedAttribute] {
    var reader = ByteReader(bytes)
    guard try reader.littleEndian(UInt32.self) == magic else {
      throw FormatError(.malformed, "a block of extended attributes is damaged")
    }
    return try read(bytes, from: blockHeaderSize)
  }

  private static func read(
    _ bytes: [UInt8], from start: Int
  ) throws(FormatError) -> [ExtendedAttribute] {
    var attributes: [ExtendedAttribute] = []
    var reader = ByteReader(bytes)
    try reader.seek(to: start)
    while reader.remaining >= 4 {
      let entry = reader.offset
      let nameLength = Int(try reader.byte())
      let index = try reader.byte()
      if nameLength == 0, index == 0 { break }
      let offset = Int(try reader.littleEndian(UInt16.self))
      let inode = try reader.littleEndian(UInt32.self)
      let size = Int(try reader.littleEndian(UInt32.self))
      try reader.skip(4)
      let name = try reader.bytes(nameLength)
      try reader.seek(to: min(bytes.count, (reader.offset - entry + 3) & ~3 + entry))
      guard inode == 0 else {
        throw FormatError(.unsupported, "an extended attribute in an inode of its own")
      }
      guard offset <= bytes.count, size <= bytes.count - offset,
        let prefix = prefixes.first(where: { $0.index == index })?.prefix
      else { throw FormatError(.malformed, "an extended attribute is damaged") }
      let stored = Array(bytes[offset..<offset + size])
      attributes.append(
        ExtendedAttribute(
          name: prefix + name,
          value: index == 2 || index == 3 ? try Ext4AccessList.value(stored) : stored))
    }
    return attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }
}

/// Access control lists, which ext4 stores shorter than the attribute has them: Linux,
/// include/uapi/linux/posix_acl_xattr.h, and fs/ext4/acl.h.
enum Ext4AccessList {
  private static let version: UInt32 = 2
  private static let storedVersion: UInt32 = 1
  /// Tags of entries that name a user or a group.
  private static let namedTags: Set<UInt16> = [0x02, 0x08]

  /// - Parameter value: of `system.posix_acl_access` or `_default`.
  static func stored(_ value: [UInt8]) throws(FormatError) -> [UInt8] {
    var reader = ByteReader(value)
    var writer = ByteWriter(capacity: value.count)
    guard try reader.littleEndian(UInt32.self) == version, reader.remaining.isMultiple(of: 8) else {
      throw FormatError(.malformed, "an access control list that makes no sense")
    }
    writer.littleEndian(storedVersion)
    while reader.remaining > 0 {
      let tag = try reader.littleEndian(UInt16.self)
      writer.littleEndian(tag)
      writer.littleEndian(try reader.littleEndian(UInt16.self))
      let id = try reader.littleEndian(UInt32.self)
      if namedTags.contains(tag) { writer.littleEndian(id) }
    }
    return writer.bytes
  }

  static func value(_ stored: [UInt8]) throws(FormatError) -> [UInt8] {
    var reader = ByteReader(stored)
    var writer = ByteWriter(capacity: 2 * stored.count)
    guard try reader.littleEndian(UInt32.self) == storedVersion else {
      throw FormatError(.malformed, "an access control list is damaged")
    }
    writer.littleEndian(version)
    while reader.remaining > 0 {
      let tag = try reader.littleEndian(UInt16.self)
      writer.littleEndian(tag)
      writer.littleEndian(try reader.littleEndian(UInt16.self))
      writer.littleEndian(
        namedTags.contains(tag) ? try reader.littleEndian(UInt32.self) : UInt32.max)
    }
    return writer.bytes
  }
}
