extension Ext4Reader: FileSystemReader {
  /// Whether a disk has the superblock of ext2, ext3 or ext4.
  package static func isFileSystem(_ image: any DiskImageReader) -> Bool {
    let place = Ext4Format.superblockOffset + Ext4Format.magicOffset
    return (try? image.read(at: place, count: 2)) == [
      UInt8(truncatingIfNeeded: Ext4Format.magic), UInt8(truncatingIfNeeded: Ext4Format.magic >> 8),
    ]
  }

  package var rootInode: UInt64 { UInt64(Ext4Inode.root) }

  private func number(_ number: UInt64) throws(FormatError) -> UInt32 {
    guard let number = UInt32(exactly: number) else {
      throw FormatError(.malformed, "there is no inode \(number)")
    }
    return number
  }

  package func inode(_ number: UInt64) throws -> FileInode {
    let inode = try inode(self.number(number))
    let kind: FileKind
    switch inode.type {
    case 0x8000: kind = .file(size: inode.size)
    case 0x4000: kind = .directory
    case 0xA000: kind = .symbolicLink(target: try target(of: inode))
    case 0x2000:
      let (major, minor) = Self.device(inode.content)
      kind = .characterDevice(major: major, minor: minor)
    case 0x6000:
      let (major, minor) = Self.device(inode.content)
      kind = .blockDevice(major: major, minor: minor)
    case 0x1000: kind = .fifo
    case 0xC000: kind = .socket
    default: throw FormatError(.malformed, "inode \(number) is of no known type")
    }
    var extended = try Ext4ExtendedAttributes.read(inode: inode.attributes)
    if inode.attributeBlock > 0 {
      extended += try Ext4ExtendedAttributes.read(
        block: image.read(at: offset(ofBlock: inode.attributeBlock), count: blockSize))
      extended.sort { $0.name.lexicographicallyPrecedes($1.name) }
    }
    return FileInode(
      kind: kind,
      attributes: FileAttributes(
        mode: UInt16(truncatingIfNeeded: inode.mode),
        owner: UInt32(truncatingIfNeeded: inode.owner),
        group: UInt32(truncatingIfNeeded: inode.group),
        modified: FileTime(
          seconds: inode.modified.seconds, nanoseconds: UInt32(inode.modified.nanoseconds)),
        extended: extended), links: inode.links)
  }

  /// Linux, include/linux/kdev_t.h, old_decode_dev and new_decode_dev.
  private static func device(_ content: [UInt8]) -> (major: UInt32, minor: UInt32) {
    func word(_ start: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(content[start + $1]) << UInt32(8 * $1) }
    }
    let old = word(0)
    if old != 0 { return (old >> 8 & 0xff, old & 0xff) }
    let new = word(4)
    return (new >> 8 & 0xfff, new & 0xff | new >> 12 & 0xfff00)
  }

  package func names(inDirectory number: UInt64) throws -> [(name: [UInt8], inode: UInt64)] {
    let inode = try inode(self.number(number))
    guard inode.kind == .directory else {
      throw FormatError(.malformed, "inode \(number) is no folder")
    }
    return try names(in: inode).map { ($0.name, UInt64($0.number)) }
  }

  package func content(ofFile number: UInt64) throws -> any ByteSource {
    let inode = try inode(self.number(number))
    guard inode.kind == .file else {
      throw FormatError(.malformed, "inode \(number) is no file")
    }
    guard inode.size > 0 else { return MemorySource([]) }
    try checkStorage(inode)
    var extents: [Ext4Content.Extent] = []
    // No tree has more nodes than the disk has blocks: one that leads in circles ends here.
    var budget = image.size / blockSize + 8
    try readExtents(inode.content, depth: nil, into: &extents, &budget)
    return Ext4Content(image, extents, size: inode.size)
  }

  /// - Parameter depth: of this node, which its parent knows; nil for the root.
  private func readExtents(
    _ node: [UInt8], depth: Int?, into extents: inout [Ext4Content.Extent], _ budget: inout Int
  ) throws {
    var reader = ByteReader(node)
    let damaged = FormatError(.malformed, "an extent tree is damaged")
    guard try reader.littleEndian(UInt16.self) == Ext4ExtentTree.magic else { throw damaged }
    let count = Int(try reader.littleEndian(UInt16.self))
    try reader.skip(2)
    let ownDepth = Int(try reader.littleEndian(UInt16.self))
    guard ownDepth <= 5, depth.map({ $0 == ownDepth }) ?? true else { throw damaged }
    try reader.skip(4)
    for _ in 0..<count {
      let first = Int(try reader.littleEndian(UInt32.self))
      if ownDepth > 0 {
        let low = Int(try reader.littleEndian(UInt32.self))
        let block = low | Int(try reader.littleEndian(UInt16.self)) << 32
        try reader.skip(2)
        budget -= 1
        guard budget >= 0 else { throw damaged }
        try readExtents(
          image.read(at: try offset(ofBlock: block), count: blockSize), depth: ownDepth - 1,
          into: &extents, &budget)
        continue
      }
      let length = Int(try reader.littleEndian(UInt16.self))
      let high = Int(try reader.littleEndian(UInt16.self))
      let block = Int(try reader.littleEndian(UInt32.self)) | high << 32
      let start = first * blockSize
      guard start >= extents.last?.file.upperBound ?? 0 else { throw damaged }
      // More than 32768: reserved, and read as zeros.
      guard length <= 32768, length > 0 else { continue }
      extents.append(
        Ext4Content.Extent(
          file: start..<start + length * blockSize, disk: try offset(ofBlock: block)))
    }
  }
}

/// A file's bytes, read extent by extent.
final class Ext4Content: SparseByteSource {
  /// A part of a file that is in one piece on the disk.
  struct Extent {
    /// Bytes of the file.
    var file: Range<Int>
    /// Where on the disk its first byte is.
    var disk: Int
  }

  private static let pieceSize = 1 << 18

  private let image: any DiskImageReader
  private var extents: ArraySlice<Extent>
  private let size: Int
  private var offset = 0

  /// - Parameter extents: in the order of the file, apart from each other.
  init(_ image: any DiskImageReader, _ extents: [Extent], size: Int) {
    (self.image, self.extents, self.size) = (image, extents[...], size)
  }

  /// Bytes up to the next extent, or the end.
  private var hole: Int {
    while let first = extents.first, first.file.upperBound <= offset { extents.removeFirst() }
    return max(0, min(extents.first?.file.lowerBound ?? size, size) - offset)
  }

  func skipHole() -> Int {
    let count = hole
    offset += count
    return count
  }

  func next() throws -> [UInt8] {
    guard offset < size else { return [] }
    let zeros = min(hole, Self.pieceSize)
    if zeros > 0 {
      offset += zeros
      return [UInt8](repeating: 0, count: zeros)
    }
    guard let extent = extents.first else { return [] }
    let count = min(extent.file.upperBound, size, offset + Self.pieceSize) - offset
    let bytes = try image.read(at: extent.disk + offset - extent.file.lowerBound, count: count)
    offset += count
    return bytes
  }
}
