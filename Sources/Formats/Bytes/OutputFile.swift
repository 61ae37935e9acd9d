internal import CMiniVM
internal import Glibc
internal import Synchronization

/// A file that appears whole or not at all, and replaces an earlier one in one step.
///
/// It has no name while it is written (open(2), O_TMPFILE), so that nothing is left of it when the
/// program is stopped, in whatever way. Where the file system cannot do that, or cannot name such a file later, it
/// has a temporary name that is removed when the writer goes away. Readable by its owner alone until `commit`.
package final class OutputFile: Sendable {
  package let path: String
  private let descriptor: Int32
  private let temporaryPath: Mutex<String?>

  /// - Throws: `FormatError.io` when the folder can't be written to.
  package init(replacing path: String) throws(FormatError) {
    self.path = path
    let folder = FileTree.parent(of: path)
    var descriptor: Int32 = -1
    var name: String?
    if NamelessFiles.work(in: folder) {
      descriptor = NamelessFiles.open(in: folder)
    } else {
      let reserved = TemporaryPaths.reserve(in: folder)
      name = reserved
      descriptor = retrying {
        unsafe open(reserved, O_RDWR | O_CLOEXEC | O_CREAT | O_EXCL, 0o600)
      }
    }
    guard descriptor >= 0 else {
      let error = FormatError.system("can't be written", path: path)
      if let name { TemporaryPaths.forget(name) }
      throw error
    }
    // Its temporary name, if it gets one, is not left by a program that was killed.
    flock(descriptor, LOCK_EX | LOCK_NB)
    self.descriptor = descriptor
    temporaryPath = Mutex(name)
  }

  deinit {
    if let name = temporaryName {
      unsafe unlink(name)
      TemporaryPaths.forget(name)
    }
    close(descriptor)
  }

  /// Writes all of `bytes` at `offset`, in bytes from the start of the file.
  package func write(_ bytes: [UInt8], at offset: Int) throws(FormatError) {
    let done = unsafe bytes.withUnsafeBytes { unsafe writeFully(descriptor, $0, at: offset) }
    if !done { throw .system("can't be written", path: path) }
  }

  /// Up to `count` bytes that were written at `offset`.
  package func read(at offset: Int, count: Int) throws(FormatError) -> [UInt8] {
    guard let result = readFully(descriptor, at: offset, count: count) else {
      throw .system("can't be read back", path: path)
    }
    return result
  }

  /// Makes the file `size` bytes long; what was not written reads as zeros and takes no room.
  package func truncate(to size: Int) throws(FormatError) {
    guard retrying({ ftruncate(descriptor, size) }) == 0 else {
      throw .system("can't be given its size", path: path)
    }
  }

  /// Puts the file in its place.
  /// - Parameter mode: permission bits; nil for those that any new file gets.
  /// - Throws: `FormatError.io`, and what was there before is as it was.
  package func commit(mode: UInt32? = nil) throws {
    var transaction = FileTransaction()
    transaction.add(self, mode: mode)
    try transaction.commit()
  }

  /// Puts a file with these bytes in its place.
  /// - Parameter mode: as `commit` takes it.
  package static func write(_ bytes: [UInt8], to path: String, mode: UInt32? = nil) throws {
    let file = try OutputFile(replacing: path)
    try file.write(bytes, at: 0)
    try file.commit(mode: mode)
  }

  /// The name that it has until it is in its place; nil while it has none.
  var temporaryName: String? { temporaryPath.withLock { $0 } }

  /// What is under the temporary name is not this file's any more.
  func forgetTemporaryName() {
    temporaryPath.withLock { name in
      name.map(TemporaryPaths.forget)
      name = nil
    }
  }

  /// Brings the file to the disk, with its permissions, and gives it a temporary name if it has none.
  func stage(mode: UInt32?) throws(FormatError) {
    guard FileTree.status(path)?.kind != .directory else {
      throw FormatError(.io, "can't be replaced: it is a folder", path: [path])
    }
    guard isDoneOrRefused(fchmod(descriptor, mode ?? 0o666 & ~Self.creationMask)),
      isDoneOrRefused(retrying { fsync(descriptor) }, EINVAL)
    else {
      throw .system("can't be written", path: path)
    }
    if temporaryName != nil { return }
    // Another machine that shares the folder may have a process of this number.
    for _ in 0..<100 {
      let reserved = TemporaryPaths.reserve(in: FileTree.parent(of: path))
      if unsafe minivm_link_descriptor(descriptor, reserved) == 0 {
        temporaryPath.withLock { $0 = reserved }
        return
      }
      let error = FormatError.system("can't be written", path: path)
      TemporaryPaths.forget(reserved)
      if error.errno != EEXIST { throw error }
    }
    throw FormatError(.io, "can't be given a temporary name", path: [path])
  }

  private static let creationMask: mode_t = {
    let mask = umask(0o077)
    umask(mask)
    return mask
  }()
}

/// Files that have no name yet. open(2), O_TMPFILE.
private enum NamelessFiles {
  /// What was found out about folders.
  private static let known = Mutex<[String: Bool]>([:])

  /// - Returns: a descriptor, or -1 and `errno`.
  static func open(in folder: String) -> Int32 {
    retrying { unsafe Glibc.open(folder, O_RDWR | O_CLOEXEC | minivm_o_tmpfile(), 0o600) }
  }

  /// Whether a folder can have such files, and they can get a name later: that takes links, and /proc.
  static func work(in folder: String) -> Bool {
    if let known = known.withLock({ $0[folder] }) { return known }
    let descriptor = open(in: folder)
    guard descriptor >= 0 else { return ![EOPNOTSUPP, EISDIR, EINVAL, ENOENT].contains(errno) }
    flock(descriptor, LOCK_EX | LOCK_NB)
    let name = TemporaryPaths.reserve(in: folder)
    let works = unsafe minivm_link_descriptor(descriptor, name) == 0
    if works { unsafe unlink(name) }
    TemporaryPaths.forget(name)
    close(descriptor)
    known.withLock { $0[folder] = works }
    return works
  }
}
