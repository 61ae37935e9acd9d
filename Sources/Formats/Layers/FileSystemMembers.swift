/// The files of a file system, or of a folder in it, one after another: each folder's names in byte order, folders
/// before what is in them, a file's further names as hard links to its first.
package final class FileSystemMembers: RootMembers {
  /// The most files; also ends a walk through an image that lies.
  private static let fileLimit = RootTree.fileLimit

  private struct Waiting {
    /// From the start of the walk, without a slash at its end; empty for the start.
    var path: [UInt8]
    var inode: UInt64
    var depth: Int
  }

  private let system: any FileSystemReader
  /// The next one last.
  private var waiting: [Waiting]
  private var folders: Set<UInt64> = []
  /// First paths of files with several names.
  private var links: [UInt64: [UInt8]] = [:]
  private var count = 0
  private var current: UInt64

  /// Starts at the root, or at another folder or file.
  /// - Parameters:
  ///   - inode: where the walk starts; nil for the root.
  ///   - path: of the start, for the paths of what is below.
  package init(_ system: any FileSystemReader, from inode: UInt64? = nil, path: [UInt8] = []) {
    self.system = system
    current = inode ?? system.rootInode
    waiting = [Waiting(path: path, inode: current, depth: 0)]
  }

  /// Goes to the next file.
  /// - Returns: nil after the last one.
  /// - Throws: `FormatError` for what no file system has: a name with a slash, a folder in itself.
  package func next() throws -> TarMember? {
    guard let (path, inode, depth) = waiting.popLast().map({ ($0.path, $0.inode, $0.depth) })
    else { return nil }
    count += 1
    guard count <= Self.fileLimit else {
      throw FormatError(.limit, "more than \(Self.fileLimit) files")
    }
    do {
      return try member(path, inode, depth)
    } catch let error as FormatError where error.kind != .io {
      throw error.inside("/\(ByteText.escaped(path))")
    }
  }

  package var body: any ByteSource { DeferredContent(system, current) }

  private func member(_ path: [UInt8], _ number: UInt64, _ depth: Int) throws -> TarMember {
    let inode = try system.inode(number)
    current = number
    if inode.kind == .directory {
      guard folders.insert(number).inserted, depth <= ArchivePath.depthLimit else {
        throw FormatError(.malformed, "is a folder in itself, or in two folders")
      }
      var names = try system.names(inDirectory: number)
      names.sort { $1.name.lexicographicallyPrecedes($0.name) }
      for (index, entry) in names.enumerated() {
        try Self.check(entry.name)
        guard index == 0 || names[index - 1].name != entry.name else {
          throw FormatError(.malformed, "has \(ByteText.escaped(entry.name).quoted) twice")
        }
        waiting.append(
          Waiting(
            path: path.isEmpty ? entry.name : path + [0x2f] + entry.name, inode: entry.inode,
            depth: depth + 1))
      }
    } else if let first = links[number] {
      return TarMember(path: path, kind: .hardLink(target: first), attributes: inode.attributes)
    } else if inode.links > 1 {
      links[number] = path
    }
    return TarMember(path: path, kind: .node(inode.kind), attributes: inode.attributes)
  }

  private static func check(_ name: [UInt8]) throws(FormatError) {
    guard !name.isEmpty, name != [0x2e], name != [0x2e, 0x2e], !name.contains(0x2f),
      !name.contains(0), name.count <= ArchivePath.nameLimit
    else {
      throw FormatError(.malformed, "has the name \(ByteText.escaped(name).quoted)")
    }
  }
}

/// A file's bytes, of which nothing is read before they are asked for.
private final class DeferredContent: SparseByteSource {
  private let system: any FileSystemReader
  private let inode: UInt64
  private var content: (any ByteSource)?

  init(_ system: any FileSystemReader, _ inode: UInt64) {
    (self.system, self.inode) = (system, inode)
  }

  private func opened() throws -> any ByteSource {
    if let content { return content }
    let opened = try system.content(ofFile: inode)
    content = opened
    return opened
  }

  func next() throws -> [UInt8] { try opened().next() }

  func skipHole() throws -> Int { try (opened() as? any SparseByteSource)?.skipHole() ?? 0 }
}

extension RootMembers {
  /// Writes all that is left into a file system.
  /// - Parameter report: gets each file before it is written.
  package func copy(
    to writer: any FileSystemWriter, report: (TarMember) throws -> Void = { _ in }
  ) throws {
    while let member = try next() {
      try report(member)
      switch member.kind {
      case .hardLink(let target): try writer.addHardLink(member.path, to: target)
      case .node(let kind):
        try writer.add(member.path, kind, member.attributes, content: kind.isFile ? body : nil)
      }
    }
  }
}
