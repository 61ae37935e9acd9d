/// Everything whose place depends on the file system's size: journal, bitmaps, inode tables, group
/// descriptors and superblocks.
struct Ext4Tables {
  private let writer: Ext4Writer
  private let layout: Ext4Layout
  private let identity: Ext4Identity
  private let resizeInode: Ext4ResizeInode
  /// By group.
  private let usedBlocks: [Int]
  private let inodesInUse: Int

  let freeBlocks: Int
  let freeInodes: Int

  init(_ writer: Ext4Writer, _ layout: Ext4Layout, _ identity: Ext4Identity) {
    self.writer = writer
    self.layout = layout
    self.identity = identity
    resizeInode = Ext4ResizeInode(layout)
    inodesInUse = writer.neededInodes
    var used = [Int](repeating: 0, count: layout.groups)
    for group in used.indices where Ext4Geometry.hasSuperblock(group) {
      used[group] = layout.prefixUsed
    }
    for run in layout.used {
      var block = run.lowerBound
      while block < run.upperBound {
        let group = block / Ext4Geometry.blocksPerGroup
        let end = min(run.upperBound, (group + 1) * Ext4Geometry.blocksPerGroup)
        used[group] += end - block
        block = end
      }
    }
    usedBlocks = used
    freeBlocks = layout.blocks - used.reduce(0, +)
    freeInodes = layout.inodes - inodesInUse
  }

  /// - Parameter stream: the writer's, at the end of the content.
  func write(to stream: inout Ext4BlockStream) throws {
    try stream.move(to: layout.resizeBlock)
    try stream.append(resizeInode.map)
    if let journal = layout.journal.first {
      try stream.move(to: journal.lowerBound)
      let blocks = layout.journal.reduce(0) { $0 + $1.count }
      try stream.append(Ext4Journal.superblock(blocks: blocks, uuid: identity.uuid))
    }
    var descriptors: [Ext4GroupDescriptor] = []
    for flex in stride(from: 0, to: layout.groups, by: Ext4Layout.groupsPerFlex) {
      let members = flex..<min(layout.groups, flex + Ext4Layout.groupsPerFlex)
      for group in members { descriptors.append(try writeBlockBitmap(group, to: &stream)) }
      for group in members { try writeInodeBitmap(group, &descriptors[group], to: &stream) }
      for group in members { try writeInodeTable(group, to: &stream) }
    }
    try stream.flush()
    try writePrefixes(descriptors)
  }

  /// A group's bitmap, if it has more in it than the group's own beginning, and what is known of the
  /// group with it.
  private func writeBlockBitmap(
    _ group: Int, to stream: inout Ext4BlockStream
  ) throws -> Ext4GroupDescriptor {
    let range = layout.range(of: group)
    let prefix = Ext4Geometry.hasSuperblock(group) ? layout.prefixUsed : 0
    var descriptor = Ext4GroupDescriptor(
      blockBitmap: layout.blockBitmaps[group], inodeBitmap: layout.inodeBitmaps[group],
      inodeTable: layout.inodeTables[group], freeBlocks: range.count - usedBlocks[group],
      freeInodes: 0, directories: 0, unusedInodes: 0, flags: .inodeTableZeroed)
    // The last group's bitmap is always written, as mke2fs does: its end is not the block's end.
    if usedBlocks[group] == prefix, group < layout.groups - 1, group > 0 {
      descriptor.flags.insert(.blocksUninitialized)
      return descriptor
    }
    var bitmap = Ext4Bitmap()
    bitmap.set(0..<prefix)
    for run in layout.used {
      let part = run.clamped(to: range)
      if !part.isEmpty {
        bitmap.set(part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound)
      }
    }
    bitmap.set(range.count..<Ext4Geometry.blocksPerGroup)
    descriptor.blockBitmapChecksum = CRC32C.update(identity.checksumSeed, bitmap.bytes)
    try stream.move(to: descriptor.blockBitmap)
    try stream.append(bitmap.bytes)
    return descriptor
  }

  private func writeInodeBitmap(
    _ group: Int, _ descriptor: inout Ext4GroupDescriptor, to stream: inout Ext4BlockStream
  ) throws {
    let used = usedInodes(in: group)
    descriptor.freeInodes = layout.inodesPerGroup - used.count
    descriptor.unusedInodes = descriptor.freeInodes
    descriptor.directories = used.count { index in
      node(index).map { writer.nodes[$0].kind == .directory } ?? false
    }
    if used.isEmpty {
      descriptor.flags.insert(.inodesUninitialized)
      return
    }
    var bitmap = Ext4Bitmap()
    bitmap.set(0..<used.count)
    bitmap.set(layout.inodesPerGroup..<8 * Ext4Geometry.blockSize)
    descriptor.inodeBitmapChecksum = CRC32C.update(
      identity.checksumSeed, bitmap.bytes[..<(layout.inodesPerGroup / 8)])
    try stream.move(to: descriptor.inodeBitmap)
    try stream.append(bitmap.bytes)
  }

  /// Inode numbers less one that are used in a group: they are used from the first one on.
  private func usedInodes(in group: Int) -> Range<Int> {
    let start = group * layout.inodesPerGroup
    return (start..<start + layout.inodesPerGroup).clamped(to: 0..<inodesInUse)
  }

  /// The node of an inode, by its number less one; nil for a reserved one and the journal.
  private func node(_ index: Int) -> Int? {
    if index == Int(Ext4Inode.root) - 1 { return Ext4Writer.rootNode }
    let first = Int(Ext4Inode.first) - 1
    return index >= first ? writer.numbered[index - first] : nil
  }

  private func writeInodeTable(_ group: Int, to stream: inout Ext4BlockStream) throws {
    let used = usedInodes(in: group)
    guard !used.isEmpty else { return }
    try stream.move(to: layout.inodeTables[group])
    for index in used {
      let number = UInt32(truncatingIfNeeded: index + 1)
      let seed = Ext4Inode.seed(number, identity.checksumSeed)
      if let inode = inode(number) {
        try stream.append(inode.encoded(seed: seed))
      } else {
        try stream.append([UInt8](repeating: 0, count: Ext4Inode.size))
      }
    }
    try stream.endBlock()
  }

  private func inode(_ number: UInt32) -> Ext4Inode? {
    if number == Ext4Inode.resize { return resizeInode.inode(identity.timestamp) }
    if number == Ext4Inode.journal { return journalInode }
    guard let index = node(Int(number) - 1) else { return nil }
    let node = writer.nodes[index]
    var flags: UInt32 = node.isIndexed ? Ext4Inode.indexFlag : 0
    var content = node.inline
    let hasExtents = [.directory, .file].contains(node.kind) || !node.runs.isEmpty
    if hasExtents {
      flags |= Ext4Inode.extentsFlag
      content = Ext4ExtentTree(node.runs, starts: node.starts, blocks: node.treeBlocks).root
    }
    var links = node.names
    if node.kind == .directory { links += 2 }
    return Ext4Inode(
      mode: node.kind.rawValue | node.attributes.mode, attributes: node.attributes, size: node.size,
      links: links > Ext4Writer.mostLinks ? 1 : UInt16(links),
      blocks: node.runs.reduce(node.treeBlocks.count + (node.attributeBlock > 0 ? 1 : 0)) {
        $0 + $1.count
      }, flags: flags, content: content, attributeBytes: node.extended?.inodeBytes ?? [],
      attributeBlock: node.attributeBlock)
  }

  private var journalInode: Ext4Inode {
    let blocks = layout.journal.reduce(0) { $0 + $1.count }
    return Ext4Inode(
      mode: Ext4Node.Kind.file.rawValue | 0o600,
      attributes: Ext4Attributes(mode: 0o600, modified: identity.timestamp),
      size: blocks * Ext4Geometry.blockSize, links: 1, blocks: blocks,
      flags: Ext4Inode.extentsFlag, content: Ext4ExtentTree(layout.journal, blocks: []).root)
  }

  /// Superblock, group descriptors and reserved blocks, in every group that has them.
  private func writePrefixes(_ descriptors: [Ext4GroupDescriptor]) throws {
    var table = ByteWriter(capacity: layout.descriptorBlocks * Ext4Geometry.blockSize)
    for (group, descriptor) in descriptors.enumerated() {
      table.append(descriptor.encoded(group: group, checksumSeed: identity.checksumSeed))
    }
    table.pad(to: Ext4Geometry.blockSize)
    let superblock = Ext4Superblock(
      layout: layout, identity: identity, freeBlocks: freeBlocks, freeInodes: freeInodes,
      journalContent: journalInode.content)
    var stream = Ext4BlockStream(writer.image, skipping: nil)
    for group in 0..<layout.groups where Ext4Geometry.hasSuperblock(group) {
      try stream.move(to: group * Ext4Geometry.blocksPerGroup)
      // The first one leaves room for a boot sector.
      if group == 0 { try stream.append([UInt8](repeating: 0, count: 1024)) }
      try stream.append(superblock.encoded(group: group))
      try stream.endBlock()
      try stream.append(table.bytes)
      if group == 0 {
        for block in 1 + layout.descriptorBlocks..<layout.prefixUsed {
          try stream.append(resizeInode.content(ofReserved: block))
        }
      }
    }
    try stream.flush()
  }
}
