/// A file, a folder, a link or a device, while its file system is being made.
struct SquashfsNode {
  enum Content {
    /// - Parameter index: in the tree's folders.
    case directory(index: Int)
    case file(File)
    case symbolicLink(target: [UInt8])
    /// - Parameter number: Linux, new_encode_dev.
    case device(isBlock: Bool, number: UInt32)
    case fifo
    case socket

    var type: SquashfsFormat.FileType {
      switch self {
      case .directory: .directory
      case .file: .file
      case .symbolicLink: .symbolicLink
      case .device(let isBlock, _): isBlock ? .blockDevice : .characterDevice
      case .fifo: .fifo
      case .socket: .socket
      }
    }
  }

  /// Where a file's bytes are.
  struct File {
    /// Bytes.
    var size: Int
    /// The number of its first block among all that were stored, fragments included; its others follow.
    var firstBlock: Int
    var blockCount: Int
    /// The fragment with its end, and where in it that begins.
    var fragment: (number: UInt32, offset: UInt32)?
  }

  var content: Content
  var mode: UInt16
  var owner: UInt32
  var group: UInt32
  /// Seconds since 1970.
  var modified: UInt32
  /// The number of its set of extended attributes, or `SquashfsFormat.none`.
  var attributes: UInt32
  /// Names that it has; for a folder the number of folders in it.
  var names: UInt32 = 0
  /// The inode's number; 0 until all files are known.
  var number: UInt32 = 0

  init(_ content: Content, _ attributes: FileAttributes, set: UInt32) {
    self.content = content
    mode = attributes.mode & 0o7777
    owner = attributes.owner
    group = attributes.group
    modified = UInt32(clamping: attributes.modified.seconds)
    self.attributes = set
  }
}

/// What is in a folder.
struct SquashfsFolder {
  /// Indices of nodes by their names.
  var children: [ByteString: Int] = [:]
  /// Its own node.
  var node: Int
  /// The node of the folder that this one is in; the root's is the root.
  var parent: Int
  /// Whether the caller added it; false for a folder that a path in it needed.
  var isExplicit: Bool

  init(node: Int, parent: Int, isExplicit: Bool) {
    (self.node, self.parent, self.isExplicit) = (node, parent, isExplicit)
  }
}
