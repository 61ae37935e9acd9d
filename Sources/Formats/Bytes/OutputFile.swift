internal import CMiniVM
internal import Glibc
internal import Synchronization

/// A file that appears whole or not at all, and replaces an earlier one in one step.
///
/// It has no name while it is written (open(2), O_TMPFILE), so that nothing is left of it when the
/// program is stopped, in whatever way. Where the file system can't do that, it has a temporary name
/// that is removed when the writer goes away. Readable by its owner alone until `commit`.
public final class OutputFile: Sendable {
  public let path: String
  private let descriptor: Int32
  private let temporaryPath: Mutex<String?>
  /// What stands under the temporary name after `publish(keepingEarlier: true)`.
  private let earlier = Mutex<EarlierFile?>(nil)

  /// - Throws: `FormatError.io` when the folder can't be written to.
  public init(replacing path: String) throws(FormatError) {
    self.path = path
    let folder = FileTree.parent(of: path)
    var descriptor = retrying {
      unsafe open(folder, O_RDWR | O_CLOEXEC | minivm_o_tmpfile(), 0o600)
    }
    var name: String?
    if descriptor < 0, [EOPNOTSUPP, EISDIR, EINVAL].contains(errno) {
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
    removeTemporaryName()
    close(descriptor)
  }

  /// Writes all of `bytes` at `offset`, in bytes from the start of the file.
  public func write(_ bytes: [UInt8], at offset: Int) throws(FormatError) {
    let done = unsafe bytes.withUnsafeBytes { unsafe writeFully(descriptor, $0, at: offset) }
    if !done { throw .system("can't be written", path: path) }
  }

  /// Up to `count` bytes that were written at `offset`.
  public func read(at offset: Int, count: Int) throws(FormatError) -> [UInt8] {
    guard let result = readFully(descriptor, at: offset, count: count) else {
      throw .system("can't be read back", path: path)
    }
    return result
  }

  /// Makes the file `size` bytes long; what was not written reads as zeros and takes no room.
  public func truncate(to size: Int) throws(FormatError) {
    guard retrying({ ftruncate(descriptor, size) }) == 0 else {
      throw .system("can't be given its size", path: path)
    }
  }

  /// Puts the file in its place.
  /// - Parameter mode: permission bits; nil for those that any new file gets.
  public func commit(mode: UInt32? = nil) throws(FormatError) {
    try stage(mode: mode)
    try TemporaryPaths.publishing { () throws(FormatError) in try publish() }
  }

  /// Puts a file with these bytes in its place.
  /// - Parameter mode: as `commit` takes it.
  public static func write(
    _ bytes: [UInt8], to path: String, mode: UInt32? = nil
  ) throws(FormatError) {
    let file = try OutputFile(replacing: path)
    try file.write(bytes, at: 0)
    try file.commit(mode: mode)
  }

  /// Puts several files in their places, all or none, once all of them are known to be on the disk.
  /// - Parameter stale: files that go, if the others come.
  public static func commit(_ files: [OutputFile], removing stale: [String] = []) throws {
    // Side by side, so that the disk gets all of it at once.
    _ = try OrderedWork.map(files, jobs: 8) { try $0.stage(mode: nil) }
    try TemporaryPaths.publishing { () throws(FormatError) in
      var published: [OutputFile] = []
      var moved: [(path: String, temporary: String, file: EarlierFile)] = []
      do throws(FormatError) {
        for file in files {
          try file.publish(keepingEarlier: true)
          published.append(file)
        }
        for path in stale {
          let temporary = TemporaryPaths.reserve(in: FileTree.parent(of: path))
          let file = EarlierFile(path)
          do throws(FormatError) {
            try FileTree.rename(path, to: temporary)
          } catch {
            TemporaryPaths.forget(temporary)
            throw error
          }
          moved.append((path, temporary, file))
        }
      } catch {
        for (path, temporary, _) in moved {
          try? FileTree.rename(temporary, to: path)
          TemporaryPaths.forget(temporary)
        }
        for file in published.reversed() { file.takeBack() }
        throw error
      }
      for (_, temporary, _) in moved {
        unsafe unlink(temporary)
        TemporaryPaths.forget(temporary)
      }
      // Their temporary names are those of the earlier files now.
      for file in published { file.removeTemporaryName() }
    }
  }

  private func stage(mode: UInt32?) throws(FormatError) {
    guard FileTree.status(path)?.kind != .directory else {
      throw FormatError(.io, "can't be replaced: it is a folder", path: [path])
    }
    guard fchmod(descriptor, mode ?? 0o666 & ~Self.creationMask) == 0, fsync(descriptor) == 0 else {
      throw .system("can't be written", path: path)
    }
    if temporaryPath.withLock({ $0 != nil }) { return }
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

  /// - Parameter keepingEarlier: the temporary name becomes that of the file that was there, if any.
  private func publish(keepingEarlier: Bool = false) throws(FormatError) {
    guard let staged = temporaryPath.withLock({ $0 }) else { return }
    if keepingEarlier, FileTree.status(path) != nil {
      earlier.withLock { $0 = EarlierFile(path) }
      if FileTree.exchange(staged, path) { return }
      // Where two names can't be swapped, the earlier file gets another one first.
      let earlier = TemporaryPaths.reserve(in: FileTree.parent(of: path))
      if unsafe link(path, earlier) == 0 {
        do throws(FormatError) {
          try FileTree.rename(staged, to: path)
        } catch {
          unsafe unlink(earlier)
          TemporaryPaths.forget(earlier)
          throw error
        }
        TemporaryPaths.forget(staged)
        temporaryPath.withLock { $0 = earlier }
        return
      }
      TemporaryPaths.forget(earlier)
    }
    try FileTree.rename(staged, to: path)
    TemporaryPaths.forget(staged)
    temporaryPath.withLock { $0 = nil }
  }

  /// Undoes `publish(keepingEarlier: true)`.
  private func takeBack() {
    guard let earlier = temporaryPath.withLock({ $0 }) else {
      unsafe unlink(path)
      return
    }
    // Its temporary name is about to be removed, so that one way has to do.
    if !FileTree.exchange(earlier, path) { try? FileTree.rename(earlier, to: path) }
  }

  private func removeTemporaryName() {
    temporaryPath.withLock { name in
      guard let path = name else { return }
      unsafe unlink(path)
      TemporaryPaths.forget(path)
      name = nil
    }
    earlier.withLock { $0 = nil }
  }

  private static let creationMask: mode_t = {
    let mask = umask(0o077)
    umask(mask)
    return mask
  }()
}

/// A lock on a file that gets a temporary name: without one, another program would take it for what a killed
/// program has left, and remove it.
private final class EarlierFile: Sendable {
  private let descriptor: Int32

  init(_ path: String) {
    descriptor = retrying {
      unsafe open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    }
    if descriptor >= 0 { flock(descriptor, LOCK_SH | LOCK_NB) }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }
}
