internal import Basics
internal import Formats

/// One file of an image, as `minivm ls` shows it.
package struct ListedFile: Codable, Sendable, Hashable {
  package enum Kind: String, Codable, Sendable, Hashable {
    case file, directory, link, character, block, fifo, socket
  }

  /// From the image's root, beginning with a slash. Bytes that are no UTF-8 stand as `\xE9`.
  package var path: String
  package var kind: Kind
  /// Permission bits in octal digits, with set-uid, set-gid and sticky: `4755`.
  package var mode: String
  package var owner: UInt32
  package var group: UInt32
  /// Bytes; nil for all but files.
  package var size: Int?
  /// Seconds since 1970.
  package var modified: Int
  package var nanoseconds: UInt32
  /// Names that it has.
  package var links: Int
  /// Of a symbolic link.
  package var target: String?
  /// Major and minor number.
  package var device: [UInt32]?
  /// Values in hexadecimal digits, by names.
  package var attributes: [String: String]?

  init(_ path: [UInt8], _ inode: FileInode) {
    self.path = "/\(ByteText.escaped(path))"
    mode = String(inode.attributes.mode & 0o7777, radix: 8)
    (owner, group) = (inode.attributes.owner, inode.attributes.group)
    (modified, nanoseconds) = (
      inode.attributes.modified.seconds, inode.attributes.modified.nanoseconds
    )
    links = inode.links
    switch inode.kind {
    case .file(let size): (kind, self.size) = (.file, size)
    case .directory: kind = .directory
    case .symbolicLink(let target): (kind, self.target) = (.link, ByteText.escaped(target))
    case .characterDevice(let major, let minor): (kind, device) = (.character, [major, minor])
    case .blockDevice(let major, let minor): (kind, device) = (.block, [major, minor])
    case .fifo: kind = .fifo
    case .socket: kind = .socket
    }
    if !inode.attributes.extended.isEmpty {
      attributes = Dictionary(
        inode.attributes.extended.map { (ByteText.escaped($0.name), Digest.text($0.value)) },
        uniquingKeysWith: { first, _ in first })
    }
  }

  package var name: String { FileTree.name(of: path) }

  /// The ten letters of ls(1): type and permissions.
  package var letters: String {
    let bits = UInt16(mode, radix: 8) ?? 0
    let types: [Kind: Character] = [
      .file: "-", .directory: "d", .link: "l", .character: "c", .block: "b", .fifo: "p",
      .socket: "s",
    ]
    var text = String(types[kind] ?? "?")
    let special: [(UInt16, Character, Character)] = [
      (0o4000, "s", "S"), (0o2000, "s", "S"), (0o1000, "t", "T"),
    ]
    for (index, (bit, lower, upper)) in special.enumerated() {
      let shift = UInt16(6 - 3 * index)
      text.append(bits >> shift & 4 != 0 ? "r" : "-")
      text.append(bits >> shift & 2 != 0 ? "w" : "-")
      let mayRun = bits >> shift & 1 != 0
      text.append(bits & bit != 0 ? (mayRun ? lower : upper) : mayRun ? "x" : "-")
    }
    return text
  }
}

/// The files of an image that a listing shows, folder by folder.
package struct FileListing {
  package struct Folder: Sendable {
    /// Beginning with a slash; nil for a path that is no folder, which stands alone.
    package var path: String?
    package var files: [ListedFile]
  }

  private let image: FileSystemImage

  package init(_ image: FileSystemImage) {
    self.image = image
  }

  /// Goes over what is at a path: a file, or what is in a folder.
  /// - Parameters:
  ///   - isRecursive: whether folders in the folder follow.
  ///   - body: gets a folder at a time.
  /// - Throws: `KitError.missing` where nothing is at the path; what the image's reader throws.
  package func forEachFolder(
    at path: String, isRecursive: Bool, _ body: (Folder) throws -> Void
  ) throws {
    let bytes = Array(path.utf8.drop { $0 == 0x2f })
    let start = bytes[..<(bytes.lastIndex { $0 != 0x2f }.map { $0 + 1 } ?? 0)]
    // As ls(1): a link is itself, but what a path with a slash at its end leads to.
    let inode = try image.find(path, followingLast: path.utf8.last == 0x2f)
    let found = try inside(image.path) { try image.files.inode(inode) }
    guard found.kind == .directory else {
      return try body(Folder(path: nil, files: [ListedFile(Array(start), found)]))
    }
    try folder(Array(start), inode, isRecursive: isRecursive, seen: [], body)
  }

  private func folder(
    _ path: [UInt8], _ inode: UInt64, isRecursive: Bool, seen: Set<UInt64>,
    _ body: (Folder) throws -> Void
  ) throws {
    var files: [ListedFile] = []
    var folders: [(path: [UInt8], inode: UInt64)] = []
    try inside(image.path) {
      guard !seen.contains(inode), seen.count <= ArchivePath.depthLimit else {
        throw FormatError(.malformed, "/\(ByteText.escaped(path)): is a folder in itself")
      }
      let names = try image.files.names(inDirectory: inode)
        .sorted { $0.name.lexicographicallyPrecedes($1.name) }
      for (name, number) in names {
        let below = path.isEmpty ? name : path + [0x2f] + name
        let found = try image.files.inode(number)
        files.append(ListedFile(below, found))
        if found.kind == .directory { folders.append((below, number)) }
      }
    }
    try body(Folder(path: "/\(ByteText.escaped(path))", files: files))
    guard isRecursive else { return }
    for (below, number) in folders {
      try folder(below, number, isRecursive: true, seen: seen.union([inode]), body)
    }
  }
}
