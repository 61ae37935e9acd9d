internal import Glibc

/// A lock on a folder, which keeps other programs from putting their results there meanwhile.
package final class FolderLock: Sendable {
  private let descriptor: Int32

  /// Waits for the lock. Where the file system has none, the folder is not locked.
  /// - Parameter isShared: for a reader, who keeps out nobody but those that write.
  package init(_ folder: String, isShared: Bool = false) {
    descriptor = retrying { unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    if descriptor >= 0 { retrying { flock(descriptor, isShared ? LOCK_SH : LOCK_EX) } }
  }

  package func unlock() {
    if descriptor >= 0 { flock(descriptor, LOCK_UN) }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
  }
}
