extension FileSystemReader {
  /// Finds the file of a path, links on the way followed inside the file system.
  /// - Parameters:
  ///   - path: from the root, with or without a slash at its start.
  ///   - followingLast: whether a link at the path's end is followed, too.
  /// - Returns: nil where there is none.
  /// - Throws: `FormatError` for links that lead in circles, and for a damaged image.
  package func find(_ path: [UInt8], followingLast: Bool = true) throws -> UInt64? {
    let slash = UInt8(ascii: "/")
    var trail = [rootInode]
    var links = 0
    // The next name is the last one here.
    var names: [ArraySlice<UInt8>] = path.split(separator: slash).reversed()
    while let name = names.popLast() {
      let folder = trail[trail.count - 1]
      guard try inode(folder).kind == .directory else { return nil }
      if name.elementsEqual([0x2e]) { continue }
      if name.elementsEqual([0x2e, 0x2e]) {
        if trail.count > 1 { trail.removeLast() }
        continue
      }
      guard
        let next = try self.names(inDirectory: folder).first(where: { $0.name.elementsEqual(name) })
      else { return nil }
      if case .symbolicLink(let target) = try inode(next.inode).kind,
        followingLast || !names.isEmpty
      {
        links += 1
        // path_resolution(7).
        guard links <= 40, names.count < 1 << 16 else {
          throw FormatError(
            .malformed, "\(ByteText.escaped(path).quoted) leads through too many links")
        }
        if target.first == slash { trail = [rootInode] }
        names += target.split(separator: slash).reversed()
        continue
      }
      trail.append(next.inode)
    }
    return trail[trail.count - 1]
  }
}
