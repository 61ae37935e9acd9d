internal import Basics
internal import Formats

/// A signed list of packages that the cache keeps for runs without a network. It is kept as the mirror sent it, and
/// its signature is checked at each use.
struct KeptList {
  /// The folder of the files, in the cache.
  let folder: String
  /// What the list is of, for people: `http://mirror/debian trixie`.
  let title: String
  private let cache: Cache

  /// - Parameters:
  ///   - key: the name of the folder among the lists.
  ///   - title: what the list is of, in one line.
  init(_ key: String, title: String, in cache: Cache) {
    folder = "\(cache.folder)/lists/\(key)"
    self.title = title
    self.cache = cache
  }

  /// Returns a file of the list.
  /// - Parameter limit: the most bytes that it may have.
  /// - Returns: nil when the cache has no such file.
  /// - Throws: `FormatError` for a file that can't be read.
  func read(_ name: String, limit: Int) throws -> [UInt8]? {
    let path = "\(folder)/\(name)"
    guard FileTree.status(path) != nil else { return nil }
    return try InputFile(path).readAll(limit: limit)
  }

  /// Replaces the list by files that belong together, in one step.
  /// - Throws: `KitError.invalid` where the cache can't be written to.
  func keep(_ files: [(name: String, bytes: [UInt8])]) throws {
    let parent = FileTree.parent(of: folder)
    try cache.makeFolder(parent)
    let staging = try StagingDirectory(in: parent)
    for (name, bytes) in files + [("address", Array("\(title)\n".utf8))] {
      try staging.addFile("list/\(name)", mode: 0o644, modified: 0, body: MemorySource(bytes))
    }
    try staging.publish("list", to: folder)
  }

  /// Returns the error of a run without a network that needs a list of no earlier run.
  var absence: KitError {
    KitError(
      .missing, "the list of \(title) is not in the cache",
      advice: "run it once without --offline")
  }
}
