/// A file's bytes, read block by block, its end from a fragment.
final class SquashfsContent: SparseByteSource {
  /// Sizes of blocks that are read at once.
  private static let listPiece = 1024

  private let reader: SquashfsReader
  private let inode: SquashfsReader.Inode
  /// Blocks that are not in a fragment, and how many of them were read.
  private let blockCount: Int
  private var number = 0
  private var sizes: ArraySlice<UInt32> = []
  private var place: SquashfsMetadataReader.Place
  /// Where the next block is.
  private var position: UInt64
  private var left: Int

  init(_ reader: SquashfsReader, _ inode: SquashfsReader.Inode) {
    (self.reader, self.inode) = (reader, inode)
    let size = reader.blockSize
    blockCount =
      inode.fragment == SquashfsFormat.none ? (inode.size + size - 1) / size : inode.size / size
    (place, position, left) = (inode.blocks, inode.start, inode.size)
  }

  /// The size of the next block, as the image has it; nil where the rest is in a fragment.
  private func nextSize() throws -> UInt32? {
    guard number < blockCount else { return nil }
    if sizes.isEmpty {
      sizes = try reader.blockSizes(min(Self.listPiece, blockCount - number), at: &place)[...]
    }
    return sizes.first
  }

  private func pass(_ count: Int, stored: UInt32) {
    sizes.removeFirst()
    number += 1
    position &+= UInt64(stored & ~SquashfsFormat.plainBlock)
    left -= count
  }

  func skipHole() throws -> Int {
    var hole = 0
    while left > 0, try nextSize() == 0 {
      let count = min(reader.blockSize, left)
      pass(count, stored: 0)
      hole += count
    }
    return hole
  }

  func next() throws -> [UInt8] {
    guard left > 0 else { return [] }
    let count = min(reader.blockSize, left)
    guard let size = try nextSize() else {
      let fragment = try reader.fragment(inode.fragment)
      let start = Int(inode.offset)
      guard start <= fragment.count, count <= fragment.count - start else {
        throw FormatError(.malformed, "a file's end lies outside its fragment")
      }
      left -= count
      return Array(fragment[start..<start + count])
    }
    let bytes: [UInt8]
    if size == 0 {
      bytes = [UInt8](repeating: 0, count: count)
    } else {
      guard let offset = Int(exactly: position) else {
        throw FormatError(.malformed, "a block outside the file system")
      }
      bytes = try reader.block(at: offset, size: size)
      guard bytes.count == count else {
        throw FormatError(.malformed, "a block of \(bytes.count) bytes, not \(count)")
      }
    }
    pass(count, stored: size)
    return bytes
  }
}
