internal import Basics
internal import Formats

/// Finds out that a file system takes two names for one, as those do that ignore case (exFAT, some ext4 folders)
/// or forms of Unicode: the second file would replace the first.
struct NameCollisions {
  private var known: Set<[UInt8]> = []

  /// Takes note of a path that is about to be made.
  /// - Parameter exists: whether something is at a path already.
  /// - Throws: `KitError.invalid` when something is there that has another name.
  mutating func add(_ path: String, exists: (String) -> Bool) throws(KitError) {
    guard known.insert(Array(path.utf8)).inserted else { return }
    guard !exists(path) else { throw Self.collision(path) }
    // The folders that it is in are made with it.
    var path = path
    while path.utf8.contains(UInt8(ascii: "/")) {
      path = FileTree.parent(of: path)
      guard known.insert(Array(path.utf8)).inserted else { break }
      guard !exists(path) else { throw Self.collision(path) }
    }
  }

  private static func collision(_ path: String) -> KitError {
    KitError(
      .invalid,
      "\(path): the folder's file system does not tell this name from an earlier one, and one file would be lost",
      advice: "unpack to a case-sensitive file system, such as ext4")
  }
}
