/// Reads files of an ext4 file system that was unmounted cleanly.
///
/// ext4 documentation, "Super Block", "Block Group Descriptors", "Index Nodes", "Extent Tree" and
/// "Directory Entries". Checksums are not checked: e2fsck does that. To be used from one thread.
package final class Ext4Reader {
  package typealias Kind = FileTree.Kind

  /// An entry of a folder.
  package struct Entry: Sendable, Hashable {
    package var name: [UInt8]
    package var kind: Kind
    /// Bytes.
    package var size: Int
    /// Permission bits, with set-uid, set-gid and sticky.
    package var mode: UInt32
    package var owner: Int
    package var group: Int
    package var modified: Ext4Time
    /// The inode's number: hard links have the same.
    package var number: UInt32
  }

  struct Inode {
    /// Type and permission bits.
    var type: UInt16
    var mode: UInt32
    var owner: Int
    var group: Int
    var modified: Ext4Time
    var size: Int
    var links: Int
    var flags: UInt32
    /// `i_block`.
    var content: [UInt8]
    /// Of its extended attributes, what is behind the fields, and the block with the others; 0 for none.
    var attributes: ArraySlice<UInt8>
    var attributeBlock: Int

    var kind: Kind {
      switch type & 0xF000 {
      case 0x8000: .file
      case 0x4000: .directory
      case 0xA000: .symbolicLink
      default: .other
      }
    }
  }

  private static let offset = Ext4Format.superblockOffset
  /// Bytes of a folder: some million names.
  private static let directoryLimit = 1 << 27
  /// The most names of folders that are kept.
  private static let nameLimit = 1 << 20
  private static let inlineDataFlag: UInt32 = 0x1000_0000
  /// Features that change how what is read here is stored, and that are known.
  private static let known: Ext4Format.Incompatible = [
    .fileType, .extents, .is64Bit, .flexibleGroups, .checksumSeed,
  ]

  let image: any DiskImageReader
  let blockSize: Int
  private let inodesPerGroup: Int
  private let inodeSize: Int
  private let descriptorSize: Int
  private let descriptorTable: Int
  package let uuid: [UInt8]
  /// Up to its first NUL.
  package let label: [UInt8]
  /// Folders that were searched, by their inodes' numbers.
  private var folders: [UInt32: [ByteString: UInt32]] = [:]
  private var nameCount = 0

  /// - Throws: `FormatError` for what is not ext4, or has features that are not known here.
  package init(_ image: any DiskImageReader) throws {
    self.image = image
    var reader = ByteReader(try image.read(at: Self.offset, count: Ext4Format.superblockSize))
    try reader.seek(to: Ext4Format.magicOffset)
    guard try reader.littleEndian(UInt16.self) == Ext4Format.magic else {
      throw FormatError(
        .malformed, "not an ext4 file system", offset: Self.offset + Ext4Format.magicOffset)
    }
    try reader.seek(to: 0x18)
    let logBlockSize = try reader.littleEndian(UInt32.self)
    try reader.seek(to: 0x28)
    inodesPerGroup = Int(try reader.littleEndian(UInt32.self))
    try reader.seek(to: 0x58)
    inodeSize = Int(try reader.littleEndian(UInt16.self))
    try reader.seek(to: 0x60)
    let features = Ext4Format.Incompatible(rawValue: try reader.littleEndian(UInt32.self))
    try reader.seek(to: 0x68)
    uuid = Array(try reader.bytes(16))
    label = Array(try reader.bytes(16).prefix { $0 != 0 })
    try reader.seek(to: 0xFE)
    let size = Int(try reader.littleEndian(UInt16.self))
    descriptorSize = features.contains(.is64Bit) ? size : 32
    guard logBlockSize <= 6, inodesPerGroup > 0, (128...4096).contains(inodeSize),
      (32...4096).contains(descriptorSize)
    else { throw FormatError(.malformed, "the superblock makes no sense", offset: Self.offset) }
    guard !features.contains(.needsRecovery) else {
      throw FormatError(
        .unsupported,
        "was not unmounted, its journal is to be replayed: mount it, run e2fsck -fy, or build it again",
        offset: Self.offset + 0x60)
    }
    guard features.isSubset(of: Self.known) else {
      throw FormatError(
        .unsupported,
        "an ext4 file system with features that are not known (0x\(String(features.rawValue, radix: 16)))",
        offset: Self.offset + 0x60)
    }
    blockSize = 1024 << Int(logBlockSize)
    descriptorTable = Self.offset < blockSize ? blockSize : 2 * blockSize
  }

  /// The entries of a folder, without `.` and `..`, in the order of the disk; nil when there is no such
  /// folder.
  package func entries(of path: String) throws -> [Entry]? {
    guard let folder = try find(path), folder.kind == .directory else { return nil }
    return try names(in: folder).map { name, number in
      let inode = try inode(number)
      return Entry(
        name: name, kind: inode.kind, size: inode.size, mode: inode.mode, owner: inode.owner,
        group: inode.group, modified: inode.modified, number: number)
    }
  }

  /// Where a symbolic link leads; nil when there is no such link.
  package func target(of path: String) throws -> [UInt8]? {
    guard let inode = try find(path), inode.kind == .symbolicLink else { return nil }
    return try inside(path) { try target(of: inode) }
  }

  /// A short one is where others have their extents. ext4 documentation, "Symbolic Links".
  func target(of inode: Inode) throws -> [UInt8] {
    if inode.size < inode.content.count, inode.flags & Ext4Inode.extentsFlag == 0 {
      return Array(inode.content.prefix(inode.size))
    }
    return try bytes(of: inode, limit: 1 << 16)
  }

  /// A file's bytes; nil when there is no such file.
  /// - Throws: `FormatError.limit` when they are more than `limit`.
  package func contents(of path: String, limit: Int) throws -> [UInt8]? {
    guard let inode = try find(path), inode.kind == .file else { return nil }
    return try inside(path) { try bytes(of: inode, limit: limit) }
  }

  private func find(_ path: String) throws -> Inode? {
    var number = Ext4Inode.root
    var inode = try inode(number)
    for part in path.utf8.split(separator: UInt8(ascii: "/")) {
      guard inode.kind == .directory else { return nil }
      let known: [ByteString: UInt32]
      if let folder = folders[number] {
        known = folder
      } else {
        known = Dictionary(
          try names(in: inode).map { (ByteString($0.name[...]), $0.number) },
          uniquingKeysWith: { first, _ in first })
        nameCount += known.count
        if nameCount > Self.nameLimit { (folders, nameCount) = ([:], known.count) }
        folders[number] = known
      }
      guard let next = known[ByteString(Array(part)[...])] else { return nil }
      number = next
      inode = try self.inode(next)
    }
    return inode
  }

  func names(in folder: Inode) throws -> [(name: [UInt8], number: UInt32)] {
    var reader = ByteReader(
      try bytes(of: folder, limit: min(Self.directoryLimit, image.size)))
    var names: [(name: [UInt8], number: UInt32)] = []
    // Blocks of an index look like one unused entry to whoever goes through them.
    while reader.remaining >= 8 {
      let start = reader.offset
      let number = try reader.littleEndian(UInt32.self)
      let length = Int(try reader.littleEndian(UInt16.self))
      let nameLength = Int(try reader.byte())
      guard length >= 8, length % 4 == 0, nameLength <= length - 8 else {
        throw FormatError(.malformed, "a folder is damaged", offset: start)
      }
      try reader.skip(1)
      let name = Array(try reader.bytes(nameLength))
      try reader.seek(to: start + length)
      if number != 0, nameLength > 0, name != [0x2e], name != [0x2e, 0x2e] {
        names.append((name, number))
      }
    }
    return names
  }

  func inode(_ number: UInt32) throws -> Inode {
    guard number > 0 else { throw FormatError(.malformed, "there is no inode 0") }
    let index = Int(number - 1)
    let descriptor = descriptorTable + index / inodesPerGroup * descriptorSize
    var reader = ByteReader(try image.read(at: descriptor, count: descriptorSize))
    try reader.seek(to: 0x8)
    var table = Int(try reader.littleEndian(UInt32.self))
    if descriptorSize >= 64 {
      try reader.seek(to: 0x28)
      table |= Int(try reader.littleEndian(UInt32.self)) << 32
    }
    reader = ByteReader(
      try image.read(
        at: try offset(ofBlock: table) + index % inodesPerGroup * inodeSize, count: inodeSize))
    let mode = try reader.littleEndian(UInt16.self)
    var owner = Int(try reader.littleEndian(UInt16.self))
    let low = Int(try reader.littleEndian(UInt32.self))
    try reader.seek(to: 0x10)
    let time = try reader.littleEndian(UInt32.self)
    try reader.seek(to: 0x18)
    var group = Int(try reader.littleEndian(UInt16.self))
    let links = Int(try reader.littleEndian(UInt16.self))
    try reader.seek(to: 0x20)
    let flags = try reader.littleEndian(UInt32.self)
    try reader.seek(to: 0x28)
    let content = Array(try reader.bytes(60))
    try reader.seek(to: 0x68)
    var attributeBlock = Int(try reader.littleEndian(UInt32.self))
    let high = Int(try reader.littleEndian(UInt32.self))
    guard high < 1 << 20 else { throw FormatError(.malformed, "a file of 2^52 bytes") }
    try reader.seek(to: 0x76)
    attributeBlock |= Int(try reader.littleEndian(UInt16.self)) << 32
    owner |= Int(try reader.littleEndian(UInt16.self)) << 16
    group |= Int(try reader.littleEndian(UInt16.self)) << 16
    var extra: UInt32 = 0
    var attributes: ArraySlice<UInt8> = []
    if inodeSize >= 0x8C {
      try reader.seek(to: 0x80)
      // How much of what follows is there.
      let extraSize = Int(try reader.littleEndian(UInt16.self))
      if extraSize >= 0xC {
        try reader.seek(to: 0x88)
        extra = try reader.littleEndian()
      }
      if extraSize >= 4, extraSize <= inodeSize - 128, extraSize.isMultiple(of: 4) {
        try reader.seek(to: 128 + extraSize)
        attributes = try reader.bytes(inodeSize - 128 - extraSize)
      }
    }
    return Inode(
      type: mode & 0xF000, mode: UInt32(mode & 0o7777), owner: owner, group: group,
      modified: try Ext4Time(low: time, extra: extra), size: low | high << 32, links: links,
      flags: flags, content: content, attributes: attributes, attributeBlock: attributeBlock)
  }

  private func bytes(of inode: Inode, limit: Int) throws -> [UInt8] {
    guard inode.size <= limit else {
      throw FormatError(.limit, "\(inode.size) bytes are more than \(limit)")
    }
    guard inode.size > 0 else { return [] }
    try checkStorage(inode)
    var bytes = [UInt8](repeating: 0, count: inode.size)
    // Each block once, and no more nodes of the tree than that: a tree that leads in circles ends here.
    var budget = bytes.count / blockSize + 8
    try readExtents(inode.content, depth: nil, into: &bytes, &budget)
    return bytes
  }

  func checkStorage(_ inode: Inode) throws(FormatError) {
    guard inode.flags & Ext4Inode.extentsFlag != 0, inode.flags & Self.inlineDataFlag == 0 else {
      throw FormatError(.unsupported, "a file that is not stored in extents")
    }
  }

  /// - Parameter depth: of this node, which its parent knows; nil for the root.
  private func readExtents(
    _ node: [UInt8], depth: Int?, into bytes: inout [UInt8], _ budget: inout Int
  )
    throws
  {
    var reader = ByteReader(node)
    guard try reader.littleEndian(UInt16.self) == Ext4ExtentTree.magic else {
      throw FormatError(.malformed, "an extent tree is damaged")
    }
    let count = Int(try reader.littleEndian(UInt16.self))
    try reader.skip(2)
    let ownDepth = Int(try reader.littleEndian(UInt16.self))
    guard ownDepth <= 5, depth.map({ $0 == ownDepth }) ?? true else {
      throw FormatError(.malformed, "an extent tree is damaged")
    }
    try reader.skip(4)
    for _ in 0..<count {
      let first = Int(try reader.littleEndian(UInt32.self))
      if ownDepth > 0 {
        let low = Int(try reader.littleEndian(UInt32.self))
        let block = low | Int(try reader.littleEndian(UInt16.self)) << 32
        try reader.skip(2)
        try Self.spend(1, of: &budget)
        try readExtents(
          image.read(at: try offset(ofBlock: block), count: blockSize), depth: ownDepth - 1,
          into: &bytes, &budget)
        continue
      }
      let length = Int(try reader.littleEndian(UInt16.self))
      let high = Int(try reader.littleEndian(UInt16.self))
      let block = Int(try reader.littleEndian(UInt32.self)) | high << 32
      // More than 32768: reserved, and read as zeros.
      guard length <= 32768, first * blockSize < bytes.count else { continue }
      let size = min(length * blockSize, bytes.count - first * blockSize)
      try Self.spend((size + blockSize - 1) / blockSize, of: &budget)
      bytes.replaceSubrange(
        first * blockSize..<first * blockSize + size,
        with: try image.read(at: try offset(ofBlock: block), count: size))
    }
  }

  private static func spend(_ count: Int, of budget: inout Int) throws(FormatError) {
    budget -= count
    guard budget >= 0 else { throw FormatError(.malformed, "an extent tree is damaged") }
  }

  func offset(ofBlock block: Int) throws(FormatError) -> Int {
    guard block > 0, block < 1 << 44 else {
      throw FormatError(.malformed, "there is no block \(block)")
    }
    return block * blockSize
  }
}
