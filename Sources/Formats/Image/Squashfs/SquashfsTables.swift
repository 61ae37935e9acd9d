/// Everything of a squashfs that is not content, in the order in which Linux expects it: inodes, directories, fragments,
/// the inodes by their numbers, owners, extended attributes.
struct SquashfsTables {
  private var tree: SquashfsTree
  private let places: [SquashfsDataWriter.Place]
  private let compressor: SquashfsBlockCompressor
  private var inodes: SquashfsMetadataWriter
  private var directories: SquashfsMetadataWriter
  private var ids: [UInt32] = []
  private var idNumbers: [UInt32: UInt16] = [:]
  /// Where each inode is, by its number less 1.
  private var references: [UInt64] = []

  /// - Parameter places: those of all blocks of content.
  init(
    _ tree: SquashfsTree, _ places: [SquashfsDataWriter.Place],
    _ compressor: SquashfsBlockCompressor
  ) {
    (self.tree, self.places, self.compressor) = (tree, places, compressor)
    inodes = SquashfsMetadataWriter(compressor)
    directories = SquashfsMetadataWriter(compressor)
  }

  /// Writes a folder's inodes one after another, after those of the folders in it, so that a listing needs few headers.
  mutating func makeInodes() throws(FormatError) {
    let order = folderOrder()
    try number(order)
    references = [UInt64](repeating: SquashfsFormat.noTable, count: Int(rootNumber))
    var listings = [SquashfsListing?](repeating: nil, count: tree.folders.count)
    for folder in order {
      let entries = sorted(folder)
      for entry in entries where references[Int(tree.nodes[entry.node].number) - 1] == .max {
        try writeInode(entry.node, &listings)
      }
      listings[folder] = try SquashfsListing(
        entries.map { entry in
          let node = tree.nodes[entry.node]
          return SquashfsListing.Entry(
            name: entry.name, number: node.number, type: node.content.type.rawValue,
            reference: references[Int(node.number) - 1])
        }, to: &directories)
    }
    try writeInode(SquashfsTree.root, &listings)
    try inodes.finish()
    try directories.finish()
  }

  private var rootNumber: UInt32 { tree.nodes[SquashfsTree.root].number }

  /// All folders, each after those in it.
  private func folderOrder() -> [Int] {
    var order: [Int] = []
    var left = [0]
    while let folder = left.popLast() {
      order.append(folder)
      left += sorted(folder, onlyFolders: true).compactMap { entry in
        if case .directory(let index) = tree.nodes[entry.node].content { index } else { nil }
      }
    }
    return order.reversed()
  }

  /// What is in a folder, by the bytes of the names, as Linux expects it.
  private func sorted(
    _ folder: Int, onlyFolders: Bool = false
  ) -> [(name: ArraySlice<UInt8>, node: Int)] {
    var entries: [(name: ArraySlice<UInt8>, node: Int)] = []
    for (name, node) in tree.folders[folder].children {
      if onlyFolders, tree.nodes[node].content.type != .directory { continue }
      entries.append((name.bytes, node))
    }
    entries.sort { $0.name.lexicographicallyPrecedes($1.name) }
    return entries
  }

  /// Numbers in the order in which inodes are written: those of a folder's files are close to each other.
  private mutating func number(_ order: [Int]) throws(FormatError) {
    guard tree.nodes.count < UInt32.max else {
      throw FormatError(.limit, "squashfs holds no \(tree.nodes.count) files")
    }
    var next: UInt32 = 1
    for folder in order {
      for entry in sorted(folder) where tree.nodes[entry.node].number == 0 {
        tree.nodes[entry.node].number = next
        next += 1
      }
    }
    tree.nodes[SquashfsTree.root].number = next
  }

  private mutating func id(_ value: UInt32) throws(FormatError) -> UInt16 {
    if let known = idNumbers[value] { return known }
    guard ids.count < SquashfsFormat.idLimit else {
      throw FormatError(
        .limit, "squashfs holds no more than \(SquashfsFormat.idLimit) different owners and groups")
    }
    let number = UInt16(ids.count)
    idNumbers[value] = number
    ids.append(value)
    return number
  }

  private mutating func writeInode(
    _ index: Int, _ listings: inout [SquashfsListing?]
  ) throws(FormatError) {
    let node = tree.nodes[index]
    let inode = SquashfsInodeWriter(
      node, owner: try id(node.owner), group: try id(node.group))
    let bytes: [UInt8]
    switch node.content {
    case .directory(let folder):
      let parent =
        folder == 0 ? rootNumber + 1 : tree.nodes[tree.folders[folder].parent].number
      guard let listing = listings[folder] else {
        throw FormatError(.malformed, "a folder was not written before its inode")
      }
      bytes = try inode.directory(listing, parent: parent)
      listings[folder] = nil
    case .file(let file):
      let blocks = places[file.firstBlock..<file.firstBlock + file.blockCount]
      bytes = inode.file(file, blocks)
    case .symbolicLink(let target): bytes = inode.symbolicLink(target)
    case .device(_, let number): bytes = inode.device(number)
    case .fifo, .socket: bytes = inode.other()
    }
    guard inodes.position.block <= UInt32.max else {
      throw FormatError(.limit, "squashfs holds no inodes of more than 4 GiB")
    }
    references[Int(node.number) - 1] = inodes.reference
    try inodes.append(bytes)
  }

  /// Writes all tables and the superblock.
  /// - Parameters:
  ///   - position: where the content ends.
  ///   - fragments: the numbers of their blocks.
  func write(
    to output: OutputFile, at position: Int, fragments: [Int], _ attributes: SquashfsAttributeTable,
    timestamp: UInt32
  ) throws(FormatError) -> SquashfsSuperblock {
    var position = position
    func write(_ bytes: [UInt8]) throws(FormatError) -> UInt64 {
      try output.write(bytes, at: position)
      defer { position += bytes.count }
      return UInt64(position)
    }
    /// The blocks of a table, and where each of them begins.
    func write(
      _ table: SquashfsMetadataWriter, header: [UInt8] = []
    ) throws(FormatError) -> UInt64 {
      let start = position
      _ = try write(table.bytes)
      var writer = ByteWriter(capacity: header.count + 8 * table.blockStarts.count)
      writer.append(header)
      for block in table.blockStarts { writer.littleEndian(UInt64(start + block)) }
      return try write(writer.bytes)
    }
    let inodeTable = try write(inodes.bytes)
    let directoryTable = try write(directories.bytes)
    let fragmentTable = try write(self.fragmentTable(fragments))
    let exportTable = try write(table(of: references))
    let idTable = try write(table(of: ids))
    var attributeTable = SquashfsFormat.noTable
    if !attributes.sets.isEmpty {
      let (values, sets) = try attributes.tables(compressor)
      var header = ByteWriter(capacity: 16)
      header.littleEndian(try write(values.bytes))
      header.littleEndian(UInt32(attributes.sets.count))
      header.littleEndian(0 as UInt32)
      attributeTable = try write(sets, header: header.bytes)
    }
    let superblock = SquashfsSuperblock(
      inodeCount: rootNumber, modified: timestamp,
      blockSize: UInt32(SquashfsDataWriter.blockSize), fragmentCount: UInt32(fragments.count),
      compressor: SquashfsFormat.Compressor.zstd.rawValue,
      flags: SquashfsFormat.Flags([.alwaysFragments, .exportable]).rawValue,
      idCount: UInt16(ids.count), root: references[Int(rootNumber) - 1],
      byteCount: UInt64(position), idTable: idTable, attributeTable: attributeTable,
      inodeTable: inodeTable, directoryTable: directoryTable, fragmentTable: fragmentTable,
      exportTable: exportTable)
    var writer = ByteWriter(capacity: SquashfsFormat.superblockSize)
    superblock.write(to: &writer)
    try output.write(writer.bytes, at: 0)
    return superblock
  }

  private func fragmentTable(_ fragments: [Int]) throws(FormatError) -> SquashfsMetadataWriter {
    var table = SquashfsMetadataWriter(compressor)
    for block in fragments {
      var entry = ByteWriter(capacity: 16)
      entry.littleEndian(UInt64(places[block].start))
      entry.littleEndian(places[block].size)
      entry.littleEndian(0 as UInt32)
      try table.append(entry.bytes)
    }
    try table.finish()
    return table
  }

  private func table(
    of values: [some FixedWidthInteger]
  ) throws(FormatError) -> SquashfsMetadataWriter {
    var table = SquashfsMetadataWriter(compressor)
    for value in values {
      var entry = ByteWriter(capacity: 8)
      entry.littleEndian(value)
      try table.append(entry.bytes)
    }
    try table.finish()
    return table
  }
}
