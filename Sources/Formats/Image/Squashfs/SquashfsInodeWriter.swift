/// Inodes, in the basic form where it has room, or else in the extended one.
///
/// Linux, Documentation/filesystems/squashfs.rst, 3.2, "Inodes", and fs/squashfs/squashfs_fs.h.
struct SquashfsInodeWriter {
  private let node: SquashfsNode
  private let owner: UInt16
  private let group: UInt16
  private var hasAttributes: Bool { node.attributes != SquashfsFormat.none }

  /// - Parameters:
  ///   - owner: its number in the table of owners and groups.
  ///   - group: the same.
  init(_ node: SquashfsNode, owner: UInt16, group: UInt16) {
    (self.node, self.owner, self.group) = (node, owner, group)
  }

  private func header(isExtended: Bool) -> ByteWriter {
    var writer = ByteWriter(capacity: 64)
    writer.littleEndian(
      node.content.type.rawValue + (isExtended ? SquashfsFormat.FileType.extended : 0))
    writer.littleEndian(
      { if case .symbolicLink = node.content { 0o777 } else { node.mode } }() as UInt16)
    writer.littleEndian(owner)
    writer.littleEndian(group)
    writer.littleEndian(node.modified)
    writer.littleEndian(node.number)
    return writer
  }

  /// - Parameter parent: the number of the inode of the folder that this one is in.
  func directory(_ listing: SquashfsListing, parent: UInt32) throws(FormatError) -> [UInt8] {
    let size = listing.size + SquashfsFormat.directorySizeExtra
    let small = UInt16(exactly: size)
    let isExtended = hasAttributes || !listing.index.isEmpty || small == nil
    var writer = header(isExtended: isExtended)
    if !isExtended {
      writer.littleEndian(listing.block)
      writer.littleEndian(node.names + 2)
      writer.littleEndian(small ?? 0)
      writer.littleEndian(listing.offset)
      writer.littleEndian(parent)
      return writer.bytes
    }
    writer.littleEndian(node.names + 2)
    writer.littleEndian(UInt32(size))
    writer.littleEndian(listing.block)
    writer.littleEndian(parent)
    writer.littleEndian(UInt16(listing.index.count))
    writer.littleEndian(listing.offset)
    writer.littleEndian(node.attributes)
    for entry in listing.index {
      writer.littleEndian(entry.offset)
      writer.littleEndian(entry.block)
      writer.littleEndian(UInt32(entry.name.count - 1))
      writer.append(entry.name)
    }
    return writer.bytes
  }

  /// - Parameter blocks: the file's.
  func file(_ file: SquashfsNode.File, _ blocks: ArraySlice<SquashfsDataWriter.Place>) -> [UInt8] {
    let start = file.blockCount > 0 ? blocks.first?.start ?? 0 : 0
    let sparse = blocks.reduce(0) { $0 + ($1.size == 0 ? SquashfsDataWriter.blockSize : 0) }
    let isExtended =
      hasAttributes || node.names > 1 || sparse > 0 || start > UInt32.max
      || file.size > UInt32.max
    var writer = header(isExtended: isExtended)
    if isExtended {
      writer.littleEndian(UInt64(start))
      writer.littleEndian(UInt64(file.size))
      writer.littleEndian(UInt64(sparse))
      writer.littleEndian(node.names)
    } else {
      writer.littleEndian(UInt32(start))
    }
    writer.littleEndian(file.fragment?.number ?? SquashfsFormat.none)
    writer.littleEndian(file.fragment?.offset ?? 0)
    writer.littleEndian(isExtended ? node.attributes : UInt32(file.size))
    for block in blocks { writer.littleEndian(block.size) }
    return writer.bytes
  }

  func symbolicLink(_ target: [UInt8]) -> [UInt8] {
    var writer = header(isExtended: hasAttributes)
    writer.littleEndian(node.names)
    writer.littleEndian(UInt32(target.count))
    writer.append(target)
    if hasAttributes { writer.littleEndian(node.attributes) }
    return writer.bytes
  }

  /// - Parameter number: Linux, new_encode_dev.
  func device(_ number: UInt32) -> [UInt8] {
    var writer = header(isExtended: hasAttributes)
    writer.littleEndian(node.names)
    writer.littleEndian(number)
    if hasAttributes { writer.littleEndian(node.attributes) }
    return writer.bytes
  }

  /// A FIFO or a socket.
  func other() -> [UInt8] {
    var writer = header(isExtended: hasAttributes)
    writer.littleEndian(node.names)
    if hasAttributes { writer.littleEndian(node.attributes) }
    return writer.bytes
  }
}
