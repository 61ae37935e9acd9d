/// A bitmap that fills a block: ext4 documentation, "Block and inode Bitmaps".
struct Ext4Bitmap {
  private(set) var bytes = [UInt8](repeating: 0, count: Ext4Geometry.blockSize)
  private(set) var count = 0

  /// Sets the bits of `range`, which are clear and inside the block.
  mutating func set(_ range: Range<Int>) {
    count += range.count
    var bit = range.lowerBound
    while bit < range.upperBound {
      if bit % 8 == 0, range.upperBound - bit >= 8 {
        bytes[bit / 8] = 0xff
        bit += 8
      } else {
        bytes[bit / 8] |= 1 << UInt8(bit % 8)
        bit += 1
      }
    }
  }
}
