internal import Basics
internal import Formats

// What the identity of a disk is made of: the same files give the same UUID.

/// A file's content that is hashed while it is read, its holes by their sizes.
final class HashedContent: SparseByteSource {
  private let source: any ByteSource
  private let hash: HashComputation

  init(_ source: any ByteSource, _ hash: HashComputation) {
    (self.source, self.hash) = (source, hash)
  }

  func next() throws -> [UInt8] {
    let piece = try source.next()
    hash.update(piece)
    return piece
  }

  func skipHole() throws -> Int {
    let count = try (source as? any SparseByteSource)?.skipHole() ?? 0
    if count > 0 { hash.update(Array("hole \(count)\0".utf8)) }
    return count
  }
}

extension FileKind {

  /// Written out, so that no compiler decides what a disk's UUID is made of.
  var identity: String {
    switch self {
    case .file(let size): "file \(size)"
    case .directory: "directory"
    case .symbolicLink(let target): "link \(Digest.text(target))"
    case .characterDevice(let major, let minor): "character \(major):\(minor)"
    case .blockDevice(let major, let minor): "block \(major):\(minor)"
    case .fifo: "fifo"
    case .socket: "socket"
    }
  }
}

extension FileAttributes {
  var identity: String {
    "\(mode) \(owner) \(group) \(modified.seconds) \(modified.nanoseconds)"
  }
}
