/// Makes a squashfs 4.0 in a file, in one pass.
///
/// Files arrive in the caller's order, and their bytes go into the image in that order: blocks of 128 KiB, compressed
/// with zstd on several cores, and fragments for what fills no block. Inodes, directories and tables follow when
/// `finish` is called. The bytes of the image do not depend on the number of cores. Linux 4.14 and later mount it.
/// Memory: about 200 bytes and the name for each file, 16 bytes for each block, none for content.
///
/// Times have seconds only, from 1970 to 2106; earlier and later ones become these. The mode of a link is always
/// 0777. Linux, Documentation/filesystems/squashfs.rst.
///
/// To be used from one thread. After an error nothing can be added.
package final class SquashfsWriter: FileSystemWriter {
  /// The level of zstd: docs/internals/PERFORMANCE.md, "Levels".
  package static let defaultLevel: Int32 = 15
  /// As small as the library can.
  package static let smallestLevel: Int32 = 22

  private enum State {
    case adding, finished, failed
  }

  private let output: OutputFile
  private let compressor: SquashfsBlockCompressor
  private let data: SquashfsDataWriter
  private var tree = SquashfsTree()
  private var attributes = SquashfsAttributeTable()
  private var state = State.adding

  /// - Parameters:
  ///   - output: gets the image; the caller commits it after `finish`.
  ///   - level: zstd's, 1 to 22.
  ///   - jobs: how many blocks are compressed at once; 1 or more.
  package init(_ output: OutputFile, level: Int32 = defaultLevel, jobs: Int) {
    self.output = output
    compressor = SquashfsBlockCompressor(level: level)
    data = SquashfsDataWriter(output, compressor, jobs: jobs)
  }

  /// Whether an extended attribute can be kept, by its name: those of `user`, `trusted` and `security`.
  package static func canHold(attribute name: [UInt8]) -> Bool {
    SquashfsFormat.namespace(of: name).map { name.count > $0.length } ?? false
  }

  /// As `FileSystemWriter` says.
  /// - Throws: `FormatError.unsupported` also for an extended attribute that `canHold` knows not, `.overflow` for a
  ///   device's number of more than 12 bits, or one in its class of more than 20.
  package func add(
    _ path: [UInt8], _ kind: FileKind, _ attributes: FileAttributes, content: (any ByteSource)?
  ) throws {
    try adding(path) {
      let set = try self.attributes.number(of: attributes.extended)
      if kind == .directory { return try tree.addFolder(path, attributes, set: set) }
      guard try tree.find(path) == nil else {
        throw FormatError(.malformed, "is there twice")
      }
      let node = SquashfsNode(try store(kind, content), attributes, set: set)
      try tree.add(node, path, attributes.modified)
    }
  }

  package func addHardLink(_ path: [UInt8], to target: [UInt8]) throws {
    try adding(path) { try tree.addHardLink(path, to: target) }
  }

  /// Whether something is there: what was added, or a folder that it needed.
  package func contains(_ path: [UInt8]) throws -> Bool { try tree.find(path) != nil }

  /// The bytes of a file that was added, read back from the image, before or after `finish`.
  /// - Returns: nil when there is no such file, or it is not a regular one.
  package func contents(of path: [UInt8]) throws -> (any ByteSource)? {
    guard let index = try tree.find(path), case .file(let file) = tree.nodes[index].content else {
      return nil
    }
    return StoredFile(file, data)
  }

  private func store(
    _ kind: FileKind, _ content: (any ByteSource)?
  ) throws -> SquashfsNode.Content {
    switch kind {
    case .file(let size):
      guard size >= 0, let content else { throw FormatError(.malformed, "has no content") }
      return .file(try data.store(content, size: size))
    case .symbolicLink(let target):
      guard !target.isEmpty, target.count <= SquashfsFormat.targetLimit, !target.contains(0) else {
        throw FormatError(.malformed, "has a target that is empty, too long or contains NUL")
      }
      return .symbolicLink(target: target)
    case .characterDevice(let major, let minor):
      return .device(isBlock: false, number: try Self.deviceNumber(major, minor))
    case .blockDevice(let major, let minor):
      return .device(isBlock: true, number: try Self.deviceNumber(major, minor))
    case .fifo: return .fifo
    case .socket: return .socket
    case .directory: return .directory(index: SquashfsTree.root)
    }
  }

  /// Linux, new_encode_dev.
  private static func deviceNumber(
    _ major: UInt32, _ minor: UInt32
  ) throws(FormatError) -> UInt32 {
    guard major < 1 << 12, minor < 1 << 20 else {
      throw FormatError(.overflow, "is device \(major):\(minor), which Linux has not")
    }
    return minor & 0xff | major << 8 | (minor & ~0xff) << 12
  }

  private func adding(_ path: [UInt8], _ body: () throws -> Void) throws {
    guard state == .adding else {
      throw FormatError(.malformed, "nothing can be added to this file system any more")
    }
    state = .failed  // also while the caller's code runs, which must not add another file
    do {
      try body()
    } catch let error as FormatError where error.path.isEmpty && error.kind != .io {
      throw SquashfsTree.error(error.kind, error.reason, path)
    }
    state = .adding
  }

  /// What the finished file system is like.
  package struct Summary: Sendable, Hashable {
    /// Bytes of the image, a multiple of 4096.
    package var size: Int
    /// Bytes of the file system in it.
    package var used: Int
    package var inodes: Int
  }

  /// Writes everything that is not content, the footer, and zeros up to a multiple of 4096 bytes.
  @discardableResult
  package func finish(_ identity: SquashfsIdentity) throws -> Summary {
    guard state == .adding else {
      throw FormatError(.malformed, "the file system is finished or has failed")
    }
    state = .failed
    if !tree.folders[0].isExplicit {
      tree.nodes[SquashfsTree.root].modified = UInt32(clamping: identity.timestamp)
    }
    let content = try data.finish()
    var tables = SquashfsTables(tree, content.places, compressor)
    try tables.makeInodes()
    let superblock = try tables.write(
      to: output, at: content.end, fragments: data.fragments, attributes,
      timestamp: UInt32(clamping: identity.timestamp))
    let used = Int(superblock.byteCount)
    let footer = SquashfsFooter.offset(byteCount: used)
    try output.write(identity.footer(byteCount: superblock.byteCount), at: footer)
    let size = (footer + SquashfsFooter.size + 4095) / 4096 * 4096
    try output.truncate(to: size)
    state = .finished
    return Summary(size: size, used: used, inodes: Int(superblock.inodeCount))
  }
}

/// A file's bytes, a block at a time.
private final class StoredFile: ByteSource {
  private let file: SquashfsNode.File
  private let data: SquashfsDataWriter
  private var index = 0

  init(_ file: SquashfsNode.File, _ data: SquashfsDataWriter) {
    (self.file, self.data) = (file, data)
  }

  func next() throws -> [UInt8] {
    defer { index += 1 }
    return index <= file.blockCount ? try data.read(index, of: file) : []
  }
}
