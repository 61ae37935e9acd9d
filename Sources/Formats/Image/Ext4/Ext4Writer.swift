/// Makes an ext4 file system inside a disk image, in one pass.
///
/// Files arrive in the caller's order; their bytes go at once into the image's clusters, in that order.
/// Everything else (superblocks, group descriptors, bitmaps, inode tables, directories, extent trees,
/// the journal) is written by `finish`, when it is known how many files there are and how large.
/// Memory: about 200 bytes and the name for each file, none for content.
///
/// The features are those of `mke2fs -t ext4` on Debian, with blocks of 4096 bytes and 64-bit block
/// numbers for every size. No blocks are reserved for root: on such a disk nobody else writes.
/// A folder that a path needs and that was not added gets mode 0755, owner 0:0 and the time of the
/// file that needed it; `addDirectory` may set its attributes later, once. That holds for the root
/// (`/`) and `lost+found` too, which have the time of `finish` unless they were added.
///
/// To be used from one thread. After an error nothing can be added.
package final class Ext4Writer {
  enum State: Equatable {
    case adding
    /// Everything has its block, for this identity; nothing can be added.
    case prepared(Ext4Identity)
    case finished
    case failed
  }

  static let rootNode = 0
  static let lostAndFoundNode = 1
  /// Names that one file may have; a directory with more folders in it says 1 (`dir_nlink`).
  static let mostLinks = 65000

  let image: any DiskImageWriter
  let geometry: Ext4Geometry
  /// Bytes of the disk that was asked for.
  let size: Int
  let mayGrow: Bool
  var nodes: [Ext4Node]
  var stream: Ext4BlockStream
  var state = State.adding
  /// Set by `prepare`: nodes in the order of their inodes, from the first that is not reserved on, and
  /// the block behind all content.
  var numbered: [Int] = []
  var contentEnd = 0
  /// Inodes beyond those of its files.
  var spareInodes = 0

  /// - Parameters:
  ///   - image: gets the file system, and is finished by `finish`; its file is the caller's to commit.
  ///   - size: bytes of the disk.
  ///   - mayGrow: whether the disk is made larger, in whole MiB, when the tree needs it.
  package init(_ image: any DiskImageWriter, size: Int, mayGrow: Bool) throws {
    try DiskImage.check(size: size)
    let blocks = size / Ext4Geometry.blockSize
    guard blocks <= Ext4Geometry.maximumBlocks else {
      throw FormatError(.limit, "a disk of \(size) bytes is more than 16 TiB")
    }
    self.image = image
    self.size = size
    self.mayGrow = mayGrow
    geometry = Ext4Geometry(expecting: blocks)
    stream = Ext4BlockStream(image, skipping: geometry)
    let time = try Ext4Time(seconds: 0)
    var root = Ext4Node(.directory, Ext4Attributes(mode: 0o755, modified: time))
    root.isExplicit = false
    var lostAndFound = Ext4Node(.directory, Ext4Attributes(mode: 0o700, modified: time))
    lostAndFound.isExplicit = false
    root.children[try Ext4Name("lost+found".utf8)] = Self.lostAndFoundNode
    root.names = 1
    nodes = [root, lostAndFound]
  }

  /// - Parameter isAgain: whether a folder that was added before gets these attributes instead of an error.
  package func addDirectory(
    _ path: String, _ attributes: Ext4Attributes, isAgain: Bool = false
  ) throws {
    try adding {
      if let known = try find(Ext4Name.path(path)), nodes[known].kind == .directory,
        isAgain || !nodes[known].isExplicit
      {
        nodes[known].attributes = attributes
        nodes[known].isExplicit = true
      } else {
        try insert(Ext4Node(.directory, attributes), at: path)
      }
    }
  }

  /// - Parameter contents: calls its argument with the file's bytes, piece by piece.
  package func addFile(
    _ path: String, _ attributes: Ext4Attributes,
    contents: (_ append: (ArraySlice<UInt8>) throws -> Void) throws -> Void
  ) throws {
    try adding {
      let index = try insert(Ext4Node(.file, attributes), at: path)
      state = .failed  // while the caller's code runs, which must not add another file
      try store(in: index, contents)
      state = .adding
    }
  }

  /// - Throws: `FormatError.truncated` when `source` has not exactly `size` bytes.
  package func addFile(
    _ path: String, _ attributes: Ext4Attributes, size: Int? = nil, source: any ByteSource
  ) throws {
    try addFile(path, attributes) { append in
      var total = 0
      try source.forEachPiece { piece in
        total += piece.count
        try append(piece[...])
      }
      guard size == nil || size == total else {
        throw FormatError(
          .truncated, "the file has \(total) bytes, not \(size ?? 0)", path: [path])
      }
    }
  }

  package func addFile(_ path: String, _ attributes: Ext4Attributes, bytes: [UInt8]) throws {
    try addFile(path, attributes) { append in try append(bytes[...]) }
  }

  /// - Parameter target: 1 to 4095 bytes of UTF-8 without NUL. The mode of a link is always 0777.
  package func addSymbolicLink(
    _ path: String, to target: String, _ attributes: Ext4Attributes
  ) throws {
    try adding {
      let bytes = Array(target.utf8)
      let node = try inside(path) { try Self.link(to: bytes, attributes) }
      let index = try insert(node, at: path)
      if node.inline.isEmpty { try store(in: index) { append in try append(bytes[...]) } }
    }
  }

  /// What has no content, and is no folder or link.
  package enum SpecialFile: Sendable, Hashable {
    case fifo
    case characterDevice(major: UInt32, minor: UInt32)
    case blockDevice(major: UInt32, minor: UInt32)
  }

  /// - Throws: `FormatError.overflow` for a device number of more than 12 bits, or one in its class of more than 20.
  package func addSpecialFile(
    _ path: String, _ file: SpecialFile, _ attributes: Ext4Attributes
  ) throws {
    try adding {
      var node: Ext4Node
      switch file {
      case .fifo: node = Ext4Node(.fifo, attributes)
      case .characterDevice(let major, let minor):
        node = Ext4Node(.characterDevice, attributes)
        node.inline = try inside(path) { try Self.deviceNumber(major, minor) }
      case .blockDevice(let major, let minor):
        node = Ext4Node(.blockDevice, attributes)
        node.inline = try inside(path) { try Self.deviceNumber(major, minor) }
      }
      try insert(node, at: path)
    }
  }

  /// `i_block` of a device: Linux, new_encode_dev, behind an empty word for the old 16-bit form.
  static func deviceNumber(
    _ major: UInt32, _ minor: UInt32
  ) throws(FormatError) -> [UInt8] {
    guard major < 1 << 12, minor < 1 << 20 else {
      throw FormatError(.overflow, "is device \(major):\(minor), which Linux has not")
    }
    var writer = ByteWriter(capacity: 8)
    writer.littleEndian(0 as UInt32)
    writer.littleEndian(minor & 0xff | major << 8 | (minor & ~0xff) << 12)
    return writer.bytes
  }

  /// Whether something is there: what was added, or a folder that it needed.
  package func contains(_ path: String) throws -> Bool { try find(Ext4Name.path(path)) != nil }

  /// One more name for a file that was added before, and is no directory.
  package func addHardLink(_ path: String, to target: String) throws {
    let (names, targetNames) = (try Ext4Name.path(path), try Ext4Name.path(target))
    try inside(path) { try addHardLink(names, to: targetNames) }
  }

  func addHardLink(_ path: [Ext4Name], to target: [Ext4Name]) throws {
    try adding {
      let shown = target.map { Ext4Name.text($0.bytes) }.joined(separator: "/")
      guard let index = find(target) else {
        throw FormatError(.malformed, "a hard link to \(shown), which is not there")
      }
      guard nodes[index].kind != .directory else {
        throw FormatError(.malformed, "a hard link to \(shown), a directory")
      }
      guard nodes[index].names < Self.mostLinks else {
        throw FormatError(.limit, "\(shown) has \(Self.mostLinks) names")
      }
      let (parent, name) = try place(path, nodes[index].attributes)
      nodes[parent].children[name] = index
      nodes[index].names += 1
    }
  }

  func adding(_ body: () throws -> Void) throws {
    guard state == .adding else {
      throw FormatError(.malformed, "nothing can be added to this file system any more")
    }
    do {
      try body()
    } catch {
      state = .failed
      throw error
    }
  }

  /// Streams a file's bytes into the image.
  func store(
    in index: Int, _ contents: (_ append: (ArraySlice<UInt8>) throws -> Void) throws -> Void
  ) throws {
    let start = stream.block
    var size = 0
    try contents { bytes in
      guard stream.block < geometry.mostBlocks else {
        throw FormatError(
          .limit, "the tree takes more than \(geometry.mostBlocks / 256) MiB")
      }
      try stream.append(bytes)
      size += bytes.count
    }
    try stream.endBlock()
    nodes[index].size = size
    nodes[index].runs =
      geometry.runs(
        from: start, count: Ext4Geometry.divideUp(size, Ext4Geometry.blockSize)
      ).runs
  }

  /// - Returns: the new node's index.
  @discardableResult
  private func insert(_ node: Ext4Node, at path: String) throws -> Int {
    let names = try Ext4Name.path(path)
    return try inside(path) { try insert(node, at: names) }
  }

  func insert(_ node: Ext4Node, at path: [Ext4Name]) throws(FormatError) -> Int {
    let (parent, name) = try place(path, node.attributes)
    return add(node, to: parent, name)
  }

  private func add(_ node: Ext4Node, to parent: Int, _ name: Ext4Name) -> Int {
    let index = nodes.count
    nodes.append(node)
    nodes[parent].children[name] = index
    if node.kind == .directory {
      nodes[index].parent = parent
      nodes[parent].names += 1
    } else {
      nodes[index].names = 1
    }
    return index
  }

  /// The directory for a new name, made if it is not there.
  private func place(
    _ path: [Ext4Name], _ attributes: Ext4Attributes
  ) throws(FormatError) -> (parent: Int, name: Ext4Name) {
    guard let last = path.last else {
      throw FormatError(.malformed, "is the root, which is a directory")
    }
    var parent = Self.rootNode
    for name in path.dropLast() {
      if let known = nodes[parent].children[name] {
        guard nodes[known].kind == .directory else {
          throw FormatError(.malformed, "leads through a file that is no directory")
        }
        parent = known
      } else {
        var node = Ext4Node(
          .directory, Ext4Attributes(mode: 0o755, modified: attributes.modified))
        node.isExplicit = false
        parent = add(node, to: parent, name)
      }
    }
    guard nodes[parent].children[last] == nil else {
      throw FormatError(.malformed, "is there twice")
    }
    return (parent, last)
  }

  /// - Returns: the node's index; nil when there is no such file.
  func find(_ names: [Ext4Name]) -> Int? {
    var node = Self.rootNode
    for name in names {
      guard let next = nodes[node].children[name] else { return nil }
      node = next
    }
    return node
  }
}
