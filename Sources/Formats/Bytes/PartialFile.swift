internal import Glibc

/// A file that is filled over several runs of the program, by one of them at a time, and gets its
/// place when it is complete.
///
/// Its content stays when the program is stopped, in whatever way, and the lock on it goes. flock(2).
package final class PartialFile: Sendable {
  package let path: String
  private let descriptor: Int32

  /// Opens or makes the file, and waits until nobody else writes it, where the file system has locks.
  package convenience init(_ path: String) throws(FormatError) {
    while true {
      let descriptor = try Self.open(path, O_CREAT)
      guard isDoneOrRefused(retrying { flock(descriptor, LOCK_EX) }, ENOLCK) else {
        let error = FormatError.system("can't be locked", path: path)
        close(descriptor)
        throw error
      }
      if Self.isSame(descriptor, path) {
        self.init(path, descriptor)
        return
      }
      close(descriptor)  // who had it before us has put it in its place, or removed it
    }
  }

  /// Opens a file that nobody writes at the moment.
  /// - Returns: nil when somebody does, or there is no such file.
  package convenience init?(idle path: String) {
    guard let descriptor = try? Self.open(path, 0) else { return nil }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, Self.isSame(descriptor, path) else {
      close(descriptor)
      return nil
    }
    self.init(path, descriptor)
  }

  private init(_ path: String, _ descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
  }

  /// Bytes.
  package var size: Int {
    var status = stat()
    return unsafe fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
  }

  /// Up to `count` bytes from `offset`; fewer only at the end.
  package func read(at offset: Int, count: Int) throws(FormatError) -> [UInt8] {
    guard let result = readFully(descriptor, at: offset, count: count) else {
      throw .system("can't be read back", path: path)
    }
    return result
  }

  /// Writes all of `bytes` at `offset`, in bytes from the start of the file.
  package func write(_ bytes: [UInt8], at offset: Int) throws(FormatError) {
    let done = unsafe bytes.withUnsafeBytes { unsafe writeFully(descriptor, $0, at: offset) }
    if !done { throw .system("can't be written", path: path) }
  }

  /// Makes the file `size` bytes long.
  package func truncate(to size: Int) throws(FormatError) {
    guard retrying({ ftruncate(descriptor, size) }) == 0 else {
      throw .system("can't be given its size", path: path)
    }
  }

  /// Puts the file, which is complete, in its place; what was there is replaced.
  package func publish(to destination: String) throws(FormatError) {
    guard isDoneOrRefused(fchmod(descriptor, 0o644)),
      isDoneOrRefused(retrying { fsync(descriptor) }, EINVAL)
    else {
      throw .system("can't be written", path: path)
    }
    try FileTree.rename(path, to: destination)
  }

  /// Removes the file.
  package func remove() {
    unsafe unlink(path)
  }

  private static func open(_ path: String, _ flags: Int32) throws(FormatError) -> Int32 {
    let descriptor = retrying {
      unsafe Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0o600)
    }
    guard descriptor >= 0 else { throw .system("can't be written", path: path) }
    return descriptor
  }

  /// Whether the path still leads to the file that was opened.
  private static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
    var opened = stat()
    var named = stat()
    guard unsafe fstat(descriptor, &opened) == 0, unsafe lstat(path, &named) == 0 else {
      return false
    }
    return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino
  }
}
