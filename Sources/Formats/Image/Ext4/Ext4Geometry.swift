/// Where the fixed parts of the file system are, in blocks of 4096 bytes.
///
/// ext4 documentation, "Layout" and "Block Groups". Groups with a superblock (0, 1 and the powers of 3,
/// 5 and 7) begin with it, the group descriptors and blocks that are reserved for more descriptors. How
/// long that beginning is has to be known before the first file arrives and can't change after; all
/// other blocks are free for files, and for tables behind them (`flex_bg`).
struct Ext4Geometry: Sendable, Hashable {
  static let blockSize = 4096
  static let blocksPerGroup = 8 * blockSize
  static let descriptorSize = 64
  static let descriptorsPerBlock = blockSize / descriptorSize
  static let blocksPerCluster = DiskImage.clusterSize / blockSize
  /// The resize inode finds the reserved blocks through one block of block numbers.
  static let maximumReservedBlocks = blockSize / 4
  /// The resize inode's block numbers have 32 bits.
  static let maximumBlocks = 1 << 32 - 1

  /// Blocks for group descriptors, used or reserved.
  let descriptorRoom: Int

  /// - Parameter blocks: how large the file system will probably be. As for mke2fs, descriptors for 1024
  ///   times as many blocks have room, and at least for 248 GiB, so that a tree that takes more than
  ///   was asked for can be completed. Rounded so that files begin on a cluster.
  init(expecting blocks: Int) {
    let (grown, overflow) = blocks.multipliedReportingOverflow(by: 1024)
    let most = min(overflow ? .max : grown, Self.maximumBlocks)
    let groups = Self.divideUp(most, Self.blocksPerGroup)
    let used = Self.divideUp(Self.divideUp(blocks, Self.blocksPerGroup), Self.descriptorsPerBlock)
    let wanted = min(
      Self.divideUp(groups, Self.descriptorsPerBlock), used + Self.maximumReservedBlocks)
    let whole = Self.divideUp(max(wanted, 31) + 1, Self.blocksPerCluster)
    descriptorRoom = whole * Self.blocksPerCluster - 1
  }

  /// Blocks at the beginning of a group with a superblock that no file gets.
  var prefixBlocks: Int { descriptorRoom + 1 }

  /// More blocks than this have no room for their descriptors.
  var mostBlocks: Int {
    min(Self.maximumBlocks, descriptorRoom * Self.descriptorsPerBlock * Self.blocksPerGroup)
  }

  static func divideUp(_ value: Int, _ divisor: Int) -> Int {
    value / divisor + (value % divisor == 0 ? 0 : 1)
  }

  /// ext4 documentation, "Sparse Super Block Groups".
  static func hasSuperblock(_ group: Int) -> Bool {
    if group < 2 { return true }
    return [3, 5, 7].contains { base in
      var power = base
      while power < group { power *= base }
      return power == group
    }
  }

  /// `block`, or the first one behind the group's beginning that it is in.
  func free(from block: Int) -> Int {
    let group = block / Self.blocksPerGroup
    guard Self.hasSuperblock(group) else { return block }
    return max(block, group * Self.blocksPerGroup + prefixBlocks)
  }

  /// The end of the unbroken run of free blocks that `block` is in.
  private func end(ofRunWith block: Int) -> Int {
    var group = block / Self.blocksPerGroup + 1
    while !Self.hasSuperblock(group), (group * Self.blocksPerGroup - block) < 1 << 26 { group += 1 }
    return group * Self.blocksPerGroup
  }

  /// The next `count` free blocks from `block` on, and the block after them.
  func runs(from block: Int, count: Int) -> (runs: [Range<Int>], end: Int) {
    var runs: [Range<Int>] = []
    var block = block
    var left = count
    while left > 0 {
      block = free(from: block)
      let end = min(block + left, end(ofRunWith: block))
      runs.append(block..<end)
      left -= end - block
      block = end
    }
    return (runs, block)
  }

  /// Where the next `count` free blocks are in one piece; `count` is at most what a group has.
  func unbroken(from block: Int, count: Int) -> Int {
    let start = free(from: block)
    let end = end(ofRunWith: start)
    return start + count <= end ? start : free(from: end)
  }
}
