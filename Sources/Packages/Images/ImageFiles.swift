internal import Basics
internal import Formats

/// Files of an image: in a folder, or in an archive that is not unpacked.
protocol ImageFiles: Sendable {
  /// The folder or the archive, for messages.
  var name: String { get }

  /// Returns a file by its path below the root; nil where there is none.
  func file(_ path: String) throws -> StoredBytes?
}

extension ImageFiles {
  /// - Throws: `KitError.missing` where there is no such file, and `KitError.invalid` for more than `limit` bytes.
  func read(_ path: String, limit: Int = ImageDocument.sizeLimit) throws -> [UInt8] {
    guard let file = try file(path) else {
      throw KitError(.missing, "\(name): has no \(path)")
    }
    guard file.size <= limit else {
      throw KitError(
        .invalid, "\(name): \(path) has \(file.size) bytes, at most \(limit) are read")
    }
    return try file.readAll(limit: limit)
  }
}

/// Files below a folder.
struct FolderFiles: ImageFiles {
  let name: String

  func file(_ path: String) throws -> StoredBytes? {
    let path = "\(name)/\(path)"
    guard FileTree.status(path, followingLink: true)?.kind == .file else { return nil }
    return StoredBytes(try InputFile(path))
  }
}
