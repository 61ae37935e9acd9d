internal import CMiniVM
internal import Glibc

/// A folder, its owner's alone, that is filled out of sight and then put in its place in one step, or
/// not at all.
///
/// Paths may be an attacker's: nothing is written through a link, whoever planted it.
package final class StagingDirectory {
  /// Where the content goes until it is put in its place, by `publish` or by a `FileTransaction`.
  package let path: String
  /// Holds the lock that says that somebody works here.
  private let descriptor: Int32
  /// Bytes, as the file system compares them: strings are equal also when they write an accented
  /// letter in two ways, and a link may have the other name.
  private var directories: Set<[UInt8]> = [[]]
  private var attributes: [(path: String, mode: UInt32, modified: Int)] = []
  private var isLeft = false

  /// Makes the folder inside `folder`, which must exist.
  package init(in folder: String) throws(FormatError) {
    while true {
      if let made = try Self.make(in: folder) {
        (path, descriptor) = made
        return
      }
    }
  }

  deinit {
    if !isLeft { FileTree.remove(path) }
    TemporaryPaths.forget(path)
    close(descriptor)
  }

  /// - Returns: nil when another program took it for the remains of a killed one, before it was locked.
  private static func make(
    in folder: String
  ) throws(FormatError) -> (path: String, descriptor: Int32)? {
    let path = TemporaryPaths.reserve(in: folder)
    var isMade = false
    do throws(FormatError) {
      try FileTree.makeDirectory(path, mode: 0o700)
      isMade = true
      let descriptor = retrying { unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
      guard descriptor >= 0 else { throw FormatError.system("can't be made", path: path) }
      retrying { flock(descriptor, LOCK_EX) }
      if FileTree.status(path) != nil { return (path, descriptor) }
      close(descriptor)
      TemporaryPaths.forget(path)
      return nil
    } catch {
      if isMade, error.errno != ENOENT { FileTree.remove(path) }
      TemporaryPaths.forget(path)
      // The name of another machine's process, or one that was swept away.
      if error.errno == EEXIST || isMade && error.errno == ENOENT { return nil }
      throw error
    }
  }

  /// Makes a folder and those above it. It gets its mode and time when all is written.
  package func addDirectory(_ below: String, mode: UInt32, modified: Int) throws(FormatError) {
    try makeDirectories(below)
    attributes.append((below, mode, modified))
  }

  /// Makes a folder and those above it, with any mode and time.
  package func makeDirectories(_ below: String) throws(FormatError) {
    if isDirectory(below) { return }
    try makeDirectories(Self.folder(of: below))
    guard FileTree.status("\(path)/\(below)") == nil else {
      throw FormatError(.malformed, "\(below.quoted) is something else, and then a folder")
    }
    try FileTree.makeDirectory("\(path)/\(below)")
    directories.insert(Array(below.utf8))
  }

  package func addLink(_ below: String, to target: String, modified: Int) throws(FormatError) {
    try makeRoom(for: below)
    try FileTree.makeLink("\(path)/\(below)", to: target)
    try FileTree.setTime(ofLink: "\(path)/\(below)", seconds: modified)
  }

  /// Makes a second name of a file or a link that was added before. link(2) does not follow it.
  package func addHardLink(_ below: String, to earlier: String) throws(FormatError) {
    guard let kind = FileTree.status("\(path)/\(earlier)")?.kind,
      kind == .file || kind == .symbolicLink, isDirectory(Self.folder(of: earlier))
    else {
      throw FormatError(
        .malformed, "is a link to \(earlier.quoted), which is no earlier file", path: [below])
    }
    try makeRoom(for: below)
    try FileTree.makeName("\(path)/\(below)", ofFile: "\(path)/\(earlier)")
  }

  /// Writes a file.
  package func addFile(
    _ below: String, mode: UInt32, modified: Int, body: any ByteSource
  ) throws {
    try makeRoom(for: below)
    let full = "\(path)/\(below)"
    let descriptor = retrying {
      unsafe open(full, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    }
    guard descriptor >= 0 else { throw FormatError.system("can't be written", path: full) }
    defer { close(descriptor) }
    try body.forEachPiece { piece in
      guard unsafe piece.withUnsafeBytes({ unsafe writeFully(descriptor, $0) }) else {
        throw FormatError.system("can't be written", path: full)
      }
    }
    try FileTree.setAttributes(descriptor, path: full, mode: mode, seconds: modified)
  }

  /// Gives folders their modes and times, once nothing more is put into them, and brings all of it
  /// to the disk.
  package func seal() throws(FormatError) {
    for (below, mode, modified) in attributes.sorted(by: { $0.path.utf8.count > $1.path.utf8.count }
    ) {
      try FileTree.setAttributes("\(path)/\(below)", mode: mode, seconds: modified)
    }
    guard isDoneOrRefused(unsafe minivm_sync_file_system(path), EINVAL) else {
      throw .system("can't be written", path: path)
    }
  }

  /// Puts a path of the staged folder in its place. What is there is replaced, but never a folder by a file, or the
  /// other way round.
  package func publish(_ below: String, to place: String) throws {
    var transaction = FileTransaction()
    transaction.add(below, of: self, at: place)
    try transaction.commit()
  }

  /// Keeps the folder from being removed with this object: it holds something that could not be put back.
  func leave() {
    isLeft = true
    TemporaryPaths.forget(path)
  }

  /// A file may stand twice in an archive, and the later one counts; a folder is never replaced.
  private func makeRoom(for below: String) throws(FormatError) {
    guard !isDirectory(below) else {
      throw FormatError(.malformed, "is a folder and then something else", path: [below])
    }
    try makeDirectories(Self.folder(of: below))
    unsafe unlink("\(path)/\(below)")
  }

  /// Whether a path is a folder that was made here, and none of the folders above it is a link.
  private func isDirectory(_ below: String) -> Bool {
    directories.contains(Array(below.utf8))
  }

  private static func folder(of below: String) -> String {
    below.utf8.contains(UInt8(ascii: "/")) ? FileTree.parent(of: below) : ""
  }
}
