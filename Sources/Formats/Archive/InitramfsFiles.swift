/// The files that Linux has after it unpacked an initramfs, all of them in memory.
package final class InitramfsFiles: FileSystemReader {
  /// Files by their inodes' numbers, which are one more than the tree's.
  private var nodes: [UInt64: InitramfsTree<[UInt8]>.Node] = [:]
  private var links: [UInt64: Int] = [:]
  private var names: [UInt64: [(name: [UInt8], inode: UInt64)]] = [:]

  package let rootInode: UInt64

  /// - Throws: what the reader throws.
  package init(_ reader: InitramfsReader) throws {
    let tree = try InitramfsTree<[UInt8]>(reading: reader) { _, _ in
      try reader.body(limit: InitramfsReader.contentLimit)
    }
    func number(_ path: String) -> UInt64 { UInt64(tree.number(of: path) ?? 0) + 1 }
    func folder(of path: String) -> String {
      path.utf8.contains(UInt8(ascii: "/")) ? FileTree.parent(of: path) : ""
    }
    rootInode = number("")
    var entries = tree.entries
    // Folders that the kernel has before it unpacks anything, where something was put into them.
    for path in Array(entries.keys) where !path.isEmpty {
      let above = folder(of: path)
      if entries[above] == nil { entries[above] = tree.node(above) }
    }
    for (path, node) in entries {
      let inode = number(path)
      nodes[inode] = node
      links[inode, default: 0] += 1
      guard !path.isEmpty else { continue }
      names[number(folder(of: path)), default: []].append(
        (Array(FileTree.name(of: path).utf8), inode))
    }
    if nodes[rootInode] == nil { nodes[rootInode] = tree.node("") }
  }

  private func node(_ number: UInt64) throws(FormatError) -> InitramfsTree<[UInt8]>.Node {
    guard let node = nodes[number] else {
      throw FormatError(.malformed, "there is no file \(number)")
    }
    return node
  }

  package func inode(_ number: UInt64) throws -> FileInode {
    let node = try node(number)
    func device(_ index: Int) -> UInt32 {
      UInt32(clamping: node.device.dropFirst(index).first ?? 0)
    }
    let kind: FileKind =
      switch node.mode & 0o170000 {
      case 0o040000: .directory
      case 0o120000: .symbolicLink(target: Array((node.target ?? "").utf8))
      case 0o020000: .characterDevice(major: device(0), minor: device(1))
      case 0o060000: .blockDevice(major: device(0), minor: device(1))
      case 0o010000: .fifo
      case 0o140000: .socket
      default: .file(size: node.content?.count ?? 0)
      }
    return FileInode(
      kind: kind,
      attributes: FileAttributes(
        mode: UInt16(node.mode & 0o7777), owner: UInt32(truncatingIfNeeded: node.owner),
        group: UInt32(truncatingIfNeeded: node.group), modified: FileTime(seconds: node.modified)),
      links: kind == .directory ? 2 : links[number, default: 1])
  }

  package func names(inDirectory number: UInt64) throws -> [(name: [UInt8], inode: UInt64)] {
    guard try node(number).isDirectory else {
      throw FormatError(.malformed, "file \(number) is no folder")
    }
    return names[number] ?? []
  }

  package func content(ofFile number: UInt64) throws -> any ByteSource {
    guard let content = try node(number).content else { return MemorySource([]) }
    return MemorySource(content)
  }
}
