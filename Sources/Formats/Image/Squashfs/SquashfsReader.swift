/// Reads files of a squashfs 4.0. An inode's number is where it is: the metadata block in the upper 48 bits, the place in
/// it in the lower 16.
///
/// Linux, Documentation/filesystems/squashfs.rst, and fs/squashfs/squashfs_fs.h. To be used from one thread.
package final class SquashfsReader: FileSystemReader {
  /// Bytes of a folder's listing: some million names.
  private static let listingLimit = 1 << 27
  /// Names in a folder: each takes memory.
  private static let nameCountLimit = 1 << 21
  /// The most bytes of a file: sums of such sizes do not overflow.
  private static let sizeLimit = 1 << 60

  struct Inode {
    var type: SquashfsFormat.FileType
    var mode: UInt16
    var owner: UInt16
    var group: UInt16
    var modified: UInt32
    var links = 1
    /// Bytes of a file or of a folder's listing.
    var size = 0
    /// Of a file, where its blocks are; of a folder, the metadata block of its listing from the table's start.
    var start: UInt64 = 0
    /// Of a folder, where its listing is in the block; of a file, where its end is in the fragment.
    var offset: UInt32 = 0
    var fragment = SquashfsFormat.none
    var attributes = SquashfsFormat.none
    var target: [UInt8] = []
    var device: UInt32 = 0
    /// Where the sizes of a file's blocks are.
    var blocks: SquashfsMetadataReader.Place
  }

  private let image: any DiskImageReader
  private let superblock: SquashfsSuperblock
  private let decompressor: SquashfsDecompressor
  private let metadata: SquashfsMetadataReader
  /// What the last fragment was, as files that follow each other share them.
  private var fragment: (number: UInt32, bytes: [UInt8])?
  private var ids: [UInt16: UInt32] = [:]
  /// What the last set of attributes was, and the bytes of all that were read.
  private var lastSet: (index: UInt32, attributes: [ExtendedAttribute])?
  private var attributeBytes = 0

  package var rootInode: UInt64 { superblock.root }

  /// Bytes of a block of content.
  var blockSize: Int { Int(superblock.blockSize) }

  /// Whether a disk has the superblock of a squashfs.
  package static func isFileSystem(_ image: any DiskImageReader) -> Bool {
    (try? image.read(at: 0, count: 4)) == [0x68, 0x73, 0x71, 0x73]
  }

  /// - Throws: `FormatError` for what is no squashfs 4.0, or compressed by a method that is not read here.
  package init(_ image: any DiskImageReader) throws {
    self.image = image
    superblock = try SquashfsSuperblock(
      reading: image.read(at: 0, count: SquashfsFormat.superblockSize))
    guard superblock.byteCount <= UInt64(image.size) else {
      throw FormatError(
        .truncated, "a squashfs of \(superblock.byteCount) bytes on a disk of \(image.size)",
        offset: 40)
    }
    decompressor = try SquashfsDecompressor(superblock.compressor)
    metadata = SquashfsMetadataReader(image, decompressor, end: Int(superblock.byteCount))
  }

  /// The UUID, 16 bytes, and the label that a footer of minivm's gives the file system; nil without one.
  package var identity: (uuid: [UInt8], label: [UInt8])? {
    guard let start = try? image.read(at: 0, count: SquashfsFormat.superblockSize) else {
      return nil
    }
    return SquashfsFooter.read(start.span, FooterDisk(image: image))
  }

  private struct FooterDisk: DiskReader {
    let image: any DiskImageReader
    var size: Int { image.size }
    func read(at offset: Int, count: Int) -> [UInt8] {
      (try? image.read(at: offset, count: count)) ?? []
    }
  }

  // MARK: - Inodes

  package func inode(_ number: UInt64) throws -> FileInode {
    let inode = try read(number)
    let kind: FileKind
    let device = inode.device
    // Linux, include/linux/kdev_t.h, new_decode_dev.
    let (major, minor) = (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xfff00)
    switch inode.type {
    case .directory: kind = .directory
    case .file: kind = .file(size: inode.size)
    case .symbolicLink: kind = .symbolicLink(target: inode.target)
    case .blockDevice: kind = .blockDevice(major: major, minor: minor)
    case .characterDevice: kind = .characterDevice(major: major, minor: minor)
    case .fifo: kind = .fifo
    case .socket: kind = .socket
    }
    return FileInode(
      kind: kind,
      attributes: FileAttributes(
        mode: inode.mode & 0o7777, owner: try id(inode.owner), group: try id(inode.group),
        modified: FileTime(seconds: Int(inode.modified)), extended: try attributes(inode.attributes)
      ),
      links: inode.links)
  }

  private func read(_ number: UInt64) throws -> Inode {
    var place = SquashfsMetadataReader.Place(
      block: try metadata.position(superblock.inodeTable.addingSaturated(number >> 16)),
      offset: Int(number & 0xffff))
    var header = ByteReader(try metadata.read(16, at: &place))
    let typeNumber = try header.littleEndian(UInt16.self)
    let isExtended = typeNumber > SquashfsFormat.FileType.extended
    guard
      let type = SquashfsFormat.FileType(
        rawValue: isExtended ? typeNumber - SquashfsFormat.FileType.extended : typeNumber)
    else { throw FormatError(.malformed, "an inode of the unknown type \(typeNumber)") }
    var inode = Inode(
      type: type, mode: try header.littleEndian(UInt16.self),
      owner: try header.littleEndian(UInt16.self), group: try header.littleEndian(UInt16.self),
      modified: try header.littleEndian(UInt32.self), blocks: place)
    func fields(_ count: Int) throws -> ByteReader {
      ByteReader(try metadata.read(count, at: &place))
    }
    switch type {
    case .directory: try readDirectory(&inode, fields(isExtended ? 24 : 16), isExtended)
    case .file:
      try readFile(&inode, fields(isExtended ? 40 : 16), isExtended)
      inode.blocks = place
    case .symbolicLink:
      var reader = try fields(8)
      inode.links = Int(try reader.littleEndian(UInt32.self))
      let length = Int(try reader.littleEndian(UInt32.self))
      guard (1...SquashfsFormat.targetLimit).contains(length) else {
        throw FormatError(.malformed, "a symbolic link of \(length) bytes")
      }
      inode.target = try metadata.read(length, at: &place)
    case .blockDevice, .characterDevice:
      var reader = try fields(8)
      inode.links = Int(try reader.littleEndian(UInt32.self))
      inode.device = try reader.littleEndian(UInt32.self)
    case .fifo, .socket:
      var reader = try fields(4)
      inode.links = Int(try reader.littleEndian(UInt32.self))
    }
    if isExtended, type != .directory, type != .file {
      var reader = try fields(4)
      inode.attributes = try reader.littleEndian(UInt32.self)
    }
    return inode
  }

  private func readDirectory(
    _ inode: inout Inode, _ fields: ByteReader, _ isExtended: Bool
  ) throws(FormatError) {
    var fields = fields
    if isExtended {
      inode.links = Int(try fields.littleEndian(UInt32.self))
      inode.size = Int(try fields.littleEndian(UInt32.self))
      inode.start = UInt64(try fields.littleEndian(UInt32.self))
      try fields.skip(4 + 2)
      inode.offset = UInt32(try fields.littleEndian(UInt16.self))
      inode.attributes = try fields.littleEndian(UInt32.self)
    } else {
      inode.start = UInt64(try fields.littleEndian(UInt32.self))
      inode.links = Int(try fields.littleEndian(UInt32.self))
      inode.size = Int(try fields.littleEndian(UInt16.self))
      inode.offset = UInt32(try fields.littleEndian(UInt16.self))
    }
  }

  private func readFile(
    _ inode: inout Inode, _ fields: ByteReader, _ isExtended: Bool
  ) throws(FormatError) {
    var fields = fields
    let size: UInt64
    if isExtended {
      inode.start = try fields.littleEndian(UInt64.self)
      size = try fields.littleEndian(UInt64.self)
      try fields.skip(8)
      inode.links = Int(try fields.littleEndian(UInt32.self))
      inode.fragment = try fields.littleEndian(UInt32.self)
      inode.offset = try fields.littleEndian(UInt32.self)
      inode.attributes = try fields.littleEndian(UInt32.self)
    } else {
      inode.start = UInt64(try fields.littleEndian(UInt32.self))
      inode.fragment = try fields.littleEndian(UInt32.self)
      inode.offset = try fields.littleEndian(UInt32.self)
      size = UInt64(try fields.littleEndian(UInt32.self))
    }
    guard size <= UInt64(Self.sizeLimit) else {
      throw FormatError(.malformed, "a file of \(size) bytes")
    }
    inode.size = Int(size)
  }

  private func id(_ index: UInt16) throws -> UInt32 {
    if let known = ids[index] { return known }
    guard index < superblock.idCount else {
      throw FormatError(.malformed, "an owner that is none, number \(index)")
    }
    var reader = ByteReader(
      try metadata.entry(Int(index), size: 4, ofTableAt: metadata.position(superblock.idTable)))
    let id = try reader.littleEndian(UInt32.self)
    ids[index] = id
    return id
  }

  // MARK: - Extended attributes

  /// The most bytes of a file's attributes together, and of those of all files that are read: many may have one set.
  private static let attributesLimit = 1 << 20
  private static let allAttributesLimit = 1 << 32

  private func attributes(_ index: UInt32) throws -> [ExtendedAttribute] {
    guard index != SquashfsFormat.none, superblock.attributeTable != SquashfsFormat.noTable else {
      return []
    }
    if let lastSet, lastSet.index == index { return lastSet.attributes }
    let attributes = try readAttributes(index)
    lastSet = (index, attributes)
    return attributes
  }

  private func readAttributes(_ index: UInt32) throws -> [ExtendedAttribute] {
    let table = try metadata.position(superblock.attributeTable)
    var header = ByteReader(try metadata.bytes(at: table, count: 16))
    let values = try metadata.position(header.littleEndian(UInt64.self))
    guard index < (try header.littleEndian(UInt32.self)) else {
      throw FormatError(.malformed, "a set of attributes that is none, number \(index)")
    }
    var entry = ByteReader(try metadata.entry(Int(index), size: 16, ofTableAt: table + 16))
    var place = try self.place(entry.littleEndian(UInt64.self), in: values)
    let count = try entry.littleEndian(UInt32.self)
    var attributes: [ExtendedAttribute] = []
    var size = 0
    for _ in 0..<count {
      var head = ByteReader(try metadata.read(4, at: &place))
      let type = try head.littleEndian(UInt16.self)
      let length = Int(try head.littleEndian(UInt16.self))
      let name = try metadata.read(length, at: &place)
      var value = try self.value(at: &place)
      if type & SquashfsFormat.distantValue != 0 {
        var reference = ByteReader(value)
        var distant = try self.place(reference.littleEndian(UInt64.self), in: values)
        value = try self.value(at: &distant)
      }
      size += 4 + length + value.count
      attributeBytes += 4 + length + value.count
      guard size <= Self.attributesLimit, attributeBytes <= Self.allAttributesLimit else {
        throw FormatError(.limit, "extended attributes of more than \(Self.attributesLimit) bytes")
      }
      let number = Int(type & 0xff)
      guard number < SquashfsFormat.namespaces.count else { continue }
      attributes.append(
        ExtendedAttribute(name: SquashfsFormat.namespaces[number] + name, value: value))
    }
    return attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }

  private func place(
    _ reference: UInt64, in table: Int
  ) throws(FormatError) -> SquashfsMetadataReader.Place {
    SquashfsMetadataReader.Place(
      block: try metadata.position(UInt64(table).addingSaturated(reference >> 16)),
      offset: Int(reference & 0xffff))
  }

  private func value(at place: inout SquashfsMetadataReader.Place) throws -> [UInt8] {
    var head = ByteReader(try metadata.read(4, at: &place))
    let size = try head.littleEndian(UInt32.self)
    guard size <= ExtendedAttribute.valueLimit else {
      throw FormatError(.malformed, "an extended attribute of \(size) bytes")
    }
    return try metadata.read(Int(size), at: &place)
  }

  // MARK: - Content

  package func names(inDirectory number: UInt64) throws -> [(name: [UInt8], inode: UInt64)] {
    let inode = try read(number)
    guard inode.type == .directory else { throw FormatError(.malformed, "is no folder") }
    // An empty folder has a size of 3, or of 0 as some tools write it.
    var left = inode.size - SquashfsFormat.directorySizeExtra
    guard left > 0 else { return [] }
    guard left <= Self.listingLimit else {
      throw FormatError(.limit, "a folder of \(left) bytes")
    }
    var place = SquashfsMetadataReader.Place(
      block: try metadata.position(superblock.directoryTable.addingSaturated(inode.start)),
      offset: Int(inode.offset))
    var names: [(name: [UInt8], inode: UInt64)] = []
    while left > 0 {
      var header = ByteReader(try metadata.read(12, at: &place))
      let count = Int(try header.littleEndian(UInt32.self)) + 1
      let block = UInt64(try header.littleEndian(UInt32.self))
      guard count <= SquashfsFormat.entryLimit else {
        throw FormatError(.malformed, "\(count) names behind one header")
      }
      left -= 12
      for _ in 0..<count {
        var entry = ByteReader(try metadata.read(8, at: &place))
        let offset = UInt64(try entry.littleEndian(UInt16.self))
        try entry.skip(4)
        let length = Int(try entry.littleEndian(UInt16.self)) + 1
        guard length <= SquashfsFormat.nameLimit, names.count < Self.nameCountLimit else {
          throw FormatError(.limit, "a name of \(length) bytes, or too many names")
        }
        names.append((try metadata.read(length, at: &place), block << 16 | offset))
        left -= 8 + length
      }
      guard left >= 0 else { throw FormatError(.malformed, "a folder is longer than it says") }
    }
    return names
  }

  package func content(ofFile number: UInt64) throws -> any ByteSource {
    let inode = try read(number)
    guard inode.type == .file else { throw FormatError(.malformed, "is no file") }
    return SquashfsContent(self, inode)
  }

  /// Reads the next entries of a file's list of block sizes.
  func blockSizes(_ count: Int, at place: inout SquashfsMetadataReader.Place) throws -> [UInt32] {
    var reader = ByteReader(try metadata.read(4 * count, at: &place))
    var sizes: [UInt32] = []
    for _ in 0..<count { sizes.append(try reader.littleEndian(UInt32.self)) }
    return sizes
  }

  /// A block of content.
  /// - Parameter size: as the image has it: with a bit for a block that is not compressed.
  func block(at offset: Int, size: UInt32) throws -> [UInt8] {
    let count = Int(size & ~SquashfsFormat.plainBlock)
    guard count <= blockSize else {
      throw FormatError(.malformed, "a block of \(count) bytes", offset: offset)
    }
    let stored = try metadata.bytes(at: offset, count: count)
    if size & SquashfsFormat.plainBlock != 0 { return stored }
    return try decompressor.decompress(stored, limit: blockSize)
  }

  /// The fragment block of a number.
  func fragment(_ number: UInt32) throws -> [UInt8] {
    if let fragment, fragment.number == number { return fragment.bytes }
    guard number < superblock.fragmentCount else {
      throw FormatError(.malformed, "a fragment that is none, number \(number)")
    }
    var entry = ByteReader(
      try metadata.entry(
        Int(number), size: 16, ofTableAt: metadata.position(superblock.fragmentTable)))
    let start = try metadata.position(entry.littleEndian(UInt64.self))
    let bytes = try block(at: start, size: try entry.littleEndian(UInt32.self))
    fragment = (number, bytes)
    return bytes
  }
}

extension UInt64 {
  fileprivate func addingSaturated(_ other: UInt64) -> UInt64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }
}
