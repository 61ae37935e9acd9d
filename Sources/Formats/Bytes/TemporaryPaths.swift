internal import Glibc
internal import Synchronization

/// Names that exist only while something is being made. A program that is told to stop removes them.
public enum TemporaryPaths {
  private static let paths = Mutex<Set<String>>([])
  private static let counter = Atomic<Int>(0)

  /// A name in `folder` that no other writer uses. It is remembered until `forget`.
  static func reserve(in folder: String) -> String {
    let number = counter.add(1, ordering: .relaxed).newValue
    let path = "\(folder)/.minivm-\(getpid())-\(number)"
    _ = paths.withLock { $0.insert(path) }
    return path
  }

  static func forget(_ path: String) {
    _ = paths.withLock { $0.remove(path) }
  }

  /// Removes all that is unfinished. For a program that ends by a signal.
  public static func removeAll() {
    for path in paths.withLock({ $0 }) { FileTree.remove(path) }
  }
}
