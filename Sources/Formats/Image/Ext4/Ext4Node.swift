/// A file, a folder, a link or a device, while its file system is being made.
struct Ext4Node {
  /// The type in an inode's mode: ext4 documentation, "Inode Table".
  enum Kind: UInt16 {
    case fifo = 0x1000
    case characterDevice = 0x2000
    case directory = 0x4000
    case blockDevice = 0x6000
    case file = 0x8000
    case symbolicLink = 0xA000
    case socket = 0xC000

    /// The type in a directory entry.
    var entryType: UInt8 {
      switch self {
      case .file: 1
      case .directory: 2
      case .characterDevice: 3
      case .blockDevice: 4
      case .fifo: 5
      case .socket: 6
      case .symbolicLink: 7
      }
    }
  }

  var kind: Kind
  var attributes: Ext4Attributes
  /// Bytes.
  var size = 0
  /// Names that this file has; for a directory the number of directories in it.
  var names = 0
  /// Blocks with its content, in order.
  var runs: [Range<Int>] = []
  /// Which of the file's blocks each of the runs begins with; empty for a file without holes.
  var starts: [Int] = []
  var extended: Ext4ExtendedAttributes?
  /// The block with those of its extended attributes that the inode has no room for; 0 for none.
  var attributeBlock = 0
  /// Blocks with the part of its extent tree that the inode has no room for.
  var treeBlocks: [Int] = []
  /// The 60 bytes of `i_block` for files without blocks.
  var inline: [UInt8] = []
  /// What is in a directory: indices of nodes.
  var children: [Ext4Name: Int] = [:]
  /// Index of the directory that a directory is in.
  var parent = 0
  /// Whether the caller added it; false for a folder that a path in it needed.
  var isExplicit = true
  /// Whether a directory has a hash tree.
  var isIndexed = false
  /// The inode number, once all files are known.
  var number: UInt32 = 0

  init(_ kind: Kind, _ attributes: Ext4Attributes) {
    self.kind = kind
    self.attributes = attributes
  }

  /// Blocks of the parts of its content between holes.
  var unbrokenCounts: [Int] {
    guard !starts.isEmpty else { return [runs.reduce(0) { $0 + $1.count }] }
    var counts: [Int] = []
    var next = -1
    for (start, run) in zip(starts, runs) {
      if start == next {
        counts[counts.count - 1] += run.count
      } else {
        counts.append(run.count)
      }
      next = start + run.count
    }
    return counts
  }
}
