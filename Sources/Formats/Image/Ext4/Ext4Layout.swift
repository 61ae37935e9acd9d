/// Where everything that is not a file's content goes in a file system of a certain size.
struct Ext4Layout {
  static let groupsPerFlex = 16
  /// As mke2fs; a tree of smaller files gets more inodes.
  static let bytesPerInode = 16384
  /// Below this many blocks mke2fs makes no journal, and a disk without one is not what is wanted here.
  static let fewestBlocks = 2048

  let geometry: Ext4Geometry
  /// Blocks of the file system; may be fewer than the disk has.
  let blocks: Int
  let groups: Int
  let inodesPerGroup: Int
  /// Blocks with group descriptors, and those kept for more of them.
  let descriptorBlocks: Int
  let reservedBlocks: Int
  /// The block through which the resize inode finds the reserved blocks.
  let resizeBlock: Int
  let journal: [Range<Int>]
  /// By group: block numbers.
  private(set) var blockBitmaps: [Int] = []
  private(set) var inodeBitmaps: [Int] = []
  private(set) var inodeTables: [Int] = []
  /// Used blocks behind the groups' beginnings, in order.
  private(set) var used: [Range<Int>] = []

  var inodeTableBlocks: Int { inodesPerGroup / Ext4Inode.perBlock }
  var inodes: Int { groups * inodesPerGroup }
  /// Blocks at the beginning of a group with a superblock.
  var prefixUsed: Int { 1 + descriptorBlocks + reservedBlocks }

  /// - Parameters:
  ///   - blocks: of the disk.
  ///   - contentEnd: the block behind all content, directories and extent trees; all free blocks
  ///     before it are used.
  ///   - inodes: that are needed, the ten reserved ones included.
  /// - Returns: nil when it does not fit.
  init?(geometry: Ext4Geometry, blocks disk: Int, contentEnd: Int, inodes needed: Int) {
    guard disk >= Self.fewestBlocks, disk <= geometry.mostBlocks else { return nil }
    var blocks = disk
    // mke2fs takes the number of inodes from the disk's size, also when it leaves out its end.
    let inodes = max(disk / (Self.bytesPerInode / Ext4Geometry.blockSize), needed)
    var sizes = Self.sizes(geometry, blocks, inodes)
    // As mke2fs does: a last group that has hardly room for its own tables is left out.
    let lastGroup = blocks % Ext4Geometry.blocksPerGroup
    if lastGroup > 0, blocks > lastGroup {
      let prefix =
        Ext4Geometry.hasSuperblock(sizes.groups - 1) ? 1 + sizes.descriptors + sizes.reserved : 0
      if lastGroup < prefix + 2 + sizes.inodesPerGroup / Ext4Inode.perBlock + 50 {
        blocks -= lastGroup
        sizes = Self.sizes(geometry, blocks, inodes)
      }
    }
    guard sizes.inodesPerGroup <= 8 * Ext4Geometry.blockSize, sizes.reserved > 0 else { return nil }
    self.geometry = geometry
    self.blocks = blocks
    groups = sizes.groups
    inodesPerGroup = sizes.inodesPerGroup
    descriptorBlocks = sizes.descriptors
    reservedBlocks = sizes.reserved

    resizeBlock = geometry.free(from: contentEnd)
    let journal = geometry.runs(from: resizeBlock + 1, count: Self.journalBlocks(blocks))
    self.journal = journal.runs
    var next = journal.end
    var tables: [Range<Int>] = []
    func take(_ count: Int) -> Int {
      let start = geometry.unbroken(from: next, count: count)
      tables.append(start..<start + count)
      next = start + count
      return start
    }
    for flex in stride(from: 0, to: groups, by: Self.groupsPerFlex) {
      let members = flex..<min(groups, flex + Self.groupsPerFlex)
      let blockBitmap = take(members.count)
      blockBitmaps += members.map { blockBitmap + $0 - flex }
      let inodeBitmap = take(members.count)
      inodeBitmaps += members.map { inodeBitmap + $0 - flex }
      for _ in members { inodeTables.append(take(inodesPerGroup / Ext4Inode.perBlock)) }
      guard next <= blocks else { return nil }
    }
    let contentStart = geometry.free(from: 0)
    var content: [Range<Int>] = []
    var block = contentStart
    while block < contentEnd {
      let run = geometry.runs(from: block, count: Ext4Geometry.blocksPerGroup).runs[0]
      if run.lowerBound >= contentEnd { break }
      content.append(run.lowerBound..<min(run.upperBound, contentEnd))
      block = run.upperBound
    }
    used = content + [resizeBlock..<resizeBlock + 1] + journal.runs + tables
  }

  /// What a size alone decides.
  private static func sizes(
    _ geometry: Ext4Geometry, _ blocks: Int, _ inodes: Int
  ) -> (groups: Int, descriptors: Int, reserved: Int, inodesPerGroup: Int) {
    let groups = Ext4Geometry.divideUp(blocks, Ext4Geometry.blocksPerGroup)
    let descriptors = Ext4Geometry.divideUp(groups, Ext4Geometry.descriptorsPerBlock)
    let reserved = min(
      geometry.descriptorRoom - descriptors, Ext4Geometry.maximumReservedBlocks)
    let tableBlocks = Ext4Geometry.divideUp(
      Ext4Geometry.divideUp(inodes, groups), Ext4Inode.perBlock)
    return (groups, descriptors, reserved, tableBlocks * Ext4Inode.perBlock)
  }

  /// Blocks of the journal: what mke2fs takes for this size. It goes on to 1 GiB from 64 GiB on, where
  /// this stays at 256 MiB, which four extents can hold wherever it lies.
  static func journalBlocks(_ blocks: Int) -> Int {
    switch blocks {
    case ..<(1 << 15): 1024
    case ..<(1 << 18): 4096
    case ..<(1 << 19): 8192
    case ..<(1 << 22): 16384
    case ..<(1 << 23): 32768
    default: 65536
    }
  }

  /// Blocks that tables and the journal take, as df(1) does not count them.
  var overhead: Int {
    let prefixes = (0..<groups).count { Ext4Geometry.hasSuperblock($0) }
    let journalBlocks = journal.reduce(0) { $0 + $1.count }
    return prefixes * prefixUsed + groups * (2 + inodeTableBlocks) + journalBlocks
  }

  /// The blocks of a group.
  func range(of group: Int) -> Range<Int> {
    let start = group * Ext4Geometry.blocksPerGroup
    return start..<min(blocks, start + Ext4Geometry.blocksPerGroup)
  }

  /// The smallest whole number of MiB that holds the tree, in bytes.
  /// - Parameters:
  ///   - least: bytes that it has at least: a larger disk has a larger journal, so a tree may fit into
  ///     a smaller disk and not into the one that was asked for.
  ///   - place: by blocks of the disk: its geometry, and where the content ends in it.
  static func smallestSize(
    inodes: Int, least: Int = 0,
    _ place: (_ blocks: Int) -> (geometry: Ext4Geometry, contentEnd: Int)
  ) throws(FormatError) -> Int {
    let blocksPerMiB = (1 << 20) / Ext4Geometry.blockSize
    var size = max(fewestBlocks / blocksPerMiB, Ext4Geometry.divideUp(least, 1 << 20))
    while true {
      let blocks = size * blocksPerMiB
      let (geometry, contentEnd) = place(blocks)
      guard blocks <= geometry.mostBlocks else {
        throw FormatError(
          .limit, "the tree takes more than \(geometry.mostBlocks / blocksPerMiB) MiB")
      }
      let layout = Ext4Layout(
        geometry: geometry, blocks: blocks, contentEnd: contentEnd, inodes: inodes)
      if layout != nil { return size << 20 }
      // Nothing below the content's end can do.
      size = max(size + 1, contentEnd / blocksPerMiB)
    }
  }
}
