/// Where a folder's listing is in the table of directories.
///
/// A listing is groups of entries whose inodes are in one metadata block, each with a header. Here a group also ends
/// with the metadata block that it begins in, so that the index leads to each of a long listing's blocks.
/// Linux, Documentation/filesystems/squashfs.rst, 3.3, "Directories".
struct SquashfsListing {
  struct Entry {
    var name: ArraySlice<UInt8>
    /// The inode's number, type and place.
    var number: UInt32
    var type: UInt16
    var reference: UInt64
  }

  /// Where a metadata block of the listing begins.
  struct IndexEntry {
    /// The group's header, in bytes from the listing's start.
    var offset: UInt32
    /// The metadata block, in bytes from the table's start.
    var block: UInt32
    /// The first name in it.
    var name: ArraySlice<UInt8>
  }

  /// What an extended inode has room for.
  private static let indexLimit = Int(UInt16.max)

  /// The metadata block, in bytes from the table's start, and the place in it.
  private(set) var block: UInt32
  private(set) var offset: UInt16
  /// Bytes.
  private(set) var size = 0
  private(set) var index: [IndexEntry] = []

  /// Writes the listing of a folder.
  /// - Parameter entries: by the bytes of their names.
  init(_ entries: [Entry], to table: inout SquashfsMetadataWriter) throws(FormatError) {
    block = try Self.block(table)
    offset = UInt16(table.position.offset)
    var indexed = block
    var rest = entries[...]
    while let first = rest.first {
      let group = Self.group(rest, at: table.position.offset)
      let block = try Self.block(table)
      if block != indexed, index.count < Self.indexLimit {
        index.append(IndexEntry(offset: UInt32(size), block: block, name: first.name))
        indexed = block
      }
      let bytes = Self.bytes(of: rest.prefix(group), first)
      try table.append(bytes)
      size += bytes.count
      guard size <= Int(UInt32.max) - SquashfsFormat.directorySizeExtra else {
        throw FormatError(.limit, "squashfs holds no folder of \(entries.count) names")
      }
      rest = rest.dropFirst(group)
    }
  }

  private static func block(_ table: SquashfsMetadataWriter) throws(FormatError) -> UInt32 {
    guard let block = UInt32(exactly: table.position.block) else {
      throw FormatError(.limit, "squashfs holds no directories of more than 4 GiB")
    }
    return block
  }

  /// How many entries go behind one header.
  /// - Parameter offset: where the header is in its metadata block.
  private static func group(_ entries: ArraySlice<Entry>, at offset: Int) -> Int {
    guard let first = entries.first else { return 0 }
    var end = offset + 12
    var count = 0
    for entry in entries.prefix(SquashfsFormat.entryLimit) {
      let distance = Int(entry.number) - Int(first.number)
      guard entry.reference >> 16 == first.reference >> 16, Int16(exactly: distance) != nil,
        count == 0 || end < SquashfsFormat.metadataSize
      else { break }
      end += 8 + entry.name.count
      count += 1
    }
    return count
  }

  /// A header and its entries.
  private static func bytes(of group: ArraySlice<Entry>, _ first: Entry) -> [UInt8] {
    var writer = ByteWriter(capacity: 12 + 32 * group.count)
    writer.littleEndian(UInt32(group.count - 1))
    writer.littleEndian(UInt32(truncatingIfNeeded: first.reference >> 16))
    writer.littleEndian(first.number)
    for entry in group {
      writer.littleEndian(UInt16(truncatingIfNeeded: entry.reference))
      writer.littleEndian(Int16(truncatingIfNeeded: Int(entry.number) - Int(first.number)))
      writer.littleEndian(entry.type)
      writer.littleEndian(UInt16(entry.name.count - 1))
      writer.append(entry.name)
    }
    return writer.bytes
  }
}
