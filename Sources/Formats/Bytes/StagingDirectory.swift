/// A folder that is filled out of sight and then put in its place in one step, or not at all.
public final class StagingDirectory {
  /// Where the content goes until `publish`.
  public let path: String

  /// Makes the folder inside `folder`, which must exist.
  public init(in folder: String) throws(FormatError) {
    path = TemporaryPaths.reserve(in: folder)
    do {
      try FileTree.makeDirectory(path)
    } catch {
      TemporaryPaths.forget(path)
      throw error
    }
  }

  deinit {
    FileTree.remove(path)
    TemporaryPaths.forget(path)
  }

  /// Moves `name`, a path below the staged folder, to `destination`. What was there is replaced.
  public func publish(_ name: String, to destination: String) throws(FormatError) {
    let staged = "\(path)/\(name)"
    if FileTree.status(destination) != nil, FileTree.exchange(staged, destination) {
      return  // what was there is in the staged folder now, and goes with it
    }
    if FileTree.status(destination)?.kind == .directory {
      // No exchange on this file system: the old folder steps aside first.
      try FileTree.rename(destination, to: "\(path)/.replaced")
    }
    try FileTree.rename(staged, to: destination)
  }
}
