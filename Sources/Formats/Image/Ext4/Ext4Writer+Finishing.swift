extension Ext4Writer {
  /// What the finished file system is like.
  package struct Summary: Sendable, Hashable {
    /// Bytes of the disk.
    package var size: Int
    /// Bytes that are free for files.
    package var free: Int
    /// Inodes, and those of them that are free.
    package var inodes: Int
    package var freeInodes: Int
  }

  /// The smallest disk that can be asked for to hold the tree, in bytes: a whole number of MiB.
  ///
  /// Nothing can be added after this was asked, and `finish` must get the same identity.
  package func requiredSize(_ identity: Ext4Identity) throws -> Int {
    try prepare(identity)
    return try requiredSize(least: 0)
  }

  private func requiredSize(least: Int) throws -> Int {
    // A larger disk keeps more room for group descriptors, so the content would lie elsewhere.
    var ends: [Ext4Geometry: Int] = [geometry: contentEnd]
    return try Ext4Layout.smallestSize(inodes: neededInodes + spareInodes, least: least) { blocks in
      let geometry = Ext4Geometry(expecting: blocks)
      let end = ends[geometry] ?? contentEnd(in: geometry)
      ends[geometry] = end
      return (geometry, end)
    }
  }

  /// Writes everything that is not content, and finishes the image.
  /// - Parameters:
  ///   - free: bytes that files may still take; for a disk that may grow.
  ///   - isWritten: whether files are to be added to it later, for which it has inodes: one for 16 KiB that are free.
  /// - Throws: `FormatError.limit` with the size that it takes, when the disk is too small and may not
  ///   grow.
  @discardableResult
  package func finish(
    _ identity: Ext4Identity, free: Int = 0, isWritten: Bool = false
  ) throws -> Summary {
    try prepare(identity)
    if isWritten {
      let room = mayGrow ? free : max(0, size - contentEnd * Ext4Geometry.blockSize)
      spareInodes = room / Ext4Layout.bytesPerInode
    }
    var size = size
    var layout = layout(of: size)
    if layout == nil, !mayGrow {
      spareInodes = 0
      layout = self.layout(of: size)
    }
    if layout == nil, mayGrow {
      size = try Ext4Layout.smallestSize(inodes: neededInodes + spareInodes, least: size) { _ in
        (geometry, contentEnd)
      }
      layout = self.layout(of: size)
    }
    if mayGrow, free > 0 {
      size = try Ext4Layout.smallestSize(inodes: neededInodes + spareInodes) { _ in
        (geometry, contentEnd)
      }
      layout = self.layout(of: size)
      // A larger disk has larger tables, too.
      while let tried = layout {
        let missing =
          free - Ext4Tables(self, tried, identity).freeBlocks * Ext4Geometry.blockSize
        guard missing > 0 else { break }
        size += Ext4Geometry.divideUp(missing, 1 << 20) << 20
        layout = self.layout(of: size)
      }
    }
    guard let layout else {
      let needed = try requiredSize(least: size)
      throw FormatError(
        .limit, "the tree takes a disk of \(needed >> 20) MiB, it has \(size >> 20)")
    }
    state = .failed
    let tables = Ext4Tables(self, layout, identity)
    try tables.write(to: &stream)
    try image.finish(size: size)
    state = .finished
    return Summary(
      size: size, free: tables.freeBlocks * Ext4Geometry.blockSize, inodes: layout.inodes,
      freeInodes: tables.freeInodes)
  }

  private func layout(of size: Int) -> Ext4Layout? {
    Ext4Layout(
      geometry: geometry, blocks: size / Ext4Geometry.blockSize, contentEnd: contentEnd,
      inodes: neededInodes + spareInodes)
  }

  /// Where the content would end if groups began as `other` has them: files in the order in which they
  /// came, then directories, then extent trees.
  private func contentEnd(in other: Ext4Geometry) -> Int {
    var end = other.free(from: 0)
    var treeBlocks = 0
    let files = nodes.indices.filter { nodes[$0].kind != .directory }
    let folders = ([Self.rootNode] + numbered).filter { nodes[$0].kind == .directory }
    for index in files + folders {
      var runs: [Range<Int>] = []
      for count in nodes[index].unbrokenCounts {
        let place = other.runs(from: end, count: count)
        end = place.end
        runs += place.runs
      }
      treeBlocks += Ext4ExtentTree.nodeCount(for: runs)
      if nodes[index].attributeBlock > 0 { treeBlocks += 1 }
    }
    return other.free(from: other.runs(from: end, count: treeBlocks).end)
  }

  /// Inodes that the tree takes, reserved ones included.
  var neededInodes: Int { Int(Ext4Inode.first) - 1 + numbered.count }

  /// Gives every file its number and every directory and tree block its place.
  private func prepare(_ identity: Ext4Identity) throws {
    if state == .prepared(identity) { return }
    guard state == .adding else {
      throw FormatError(.malformed, "the file system is finished or has failed")
    }
    state = .failed
    for index in [Self.rootNode, Self.lostAndFoundNode] where !nodes[index].isExplicit {
      nodes[index].attributes.modified = identity.timestamp
    }
    let others = nodes.indices.dropFirst()
    numbered =
      others.filter { nodes[$0].kind == .directory }
      + others.filter { nodes[$0].kind != .directory }
    nodes[Self.rootNode].number = Ext4Inode.root
    for (offset, index) in numbered.enumerated() {
      guard let number = UInt32(exactly: Int(Ext4Inode.first) + offset) else {
        throw FormatError(.limit, "\(nodes.count) files are too many")
      }
      nodes[index].number = number
    }
    try placeDirectories(identity)
    state = .prepared(identity)
  }

  /// Allocates and writes what has a place that the disk's size has no influence on.
  private func placeDirectories(_ identity: Ext4Identity) throws {
    let hash = Ext4DirectoryHash(seed: identity.hashSeed)
    let seed = identity.checksumSeed
    for index in [Self.rootNode] + numbered where nodes[index].kind == .directory {
      let directory = try Ext4Directory(
        nodes[index].children, hash: hash, spareBlocks: index == Self.lostAndFoundNode ? 3 : 0)
      nodes[index].size = directory.blockCount * Ext4Geometry.blockSize
      nodes[index].runs = geometry.runs(from: stream.block, count: directory.blockCount).runs
      nodes[index].isIndexed = directory.isIndexed
      try directory.forEachBlock(
        number: nodes[index].number, parent: nodes[nodes[index].parent].number,
        inodeSeed: Ext4Inode.seed(nodes[index].number, seed), nodes: nodes
      ) { block in
        try stream.append(block)
      }
    }
    for index in [Self.rootNode] + numbered {
      let count = Ext4ExtentTree.nodeCount(for: nodes[index].runs)
      guard count > 0 else { continue }
      nodes[index].treeBlocks = geometry.runs(from: stream.block, count: count).runs.flatMap { $0 }
      let inodeSeed = Ext4Inode.seed(nodes[index].number, seed)
      let tree = Ext4ExtentTree(
        nodes[index].runs, starts: nodes[index].starts, blocks: nodes[index].treeBlocks)
      for node in tree.nodes {
        try stream.append(Ext4ExtentTree.sealed(node, inodeSeed: inodeSeed))
      }
    }
    for index in [Self.rootNode] + numbered {
      guard let extended = nodes[index].extended, extended.needsBlock else { continue }
      let block = geometry.runs(from: stream.block, count: 1).runs[0].lowerBound
      nodes[index].attributeBlock = block
      try stream.append(extended.block(number: block, checksumSeed: seed))
    }
    contentEnd = stream.block
  }
}
