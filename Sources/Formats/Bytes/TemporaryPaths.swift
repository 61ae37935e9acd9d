internal import CMiniVM
internal import Glibc
internal import Synchronization

/// Names that exist only while something is being made. A program that is told to stop removes them.
///
/// Whoever owns such a name holds a lock (flock(2)) on what it names, so that the next program that
/// works in the folder knows what a killed one has left there, and removes it.
package enum TemporaryPaths {
  private struct State {
    var paths: Set<String> = []
    /// Folders that were made for results, outermost first.
    var madeFolders: [String] = []
    /// Folders in which nothing is left of programs that were killed.
    var sweptFolders: Set<String> = []
    /// Threads that put results in their places.
    var publishing = 0
    var isEnding = false
  }

  private static let state = Mutex(State())
  private static let counter = Atomic<Int>(0)
  private static let prefix = ".minivm-"
  private static let earlierMark = "earlier"

  /// A name in `folder` that no other writer uses. It is remembered until `forget`.
  static func reserve(in folder: String) -> String {
    tidy(folder)
    let path = "\(folder)/\(prefix)\(getpid())-\(next())"
    unlessEnding { $0.paths.insert(path) }
    return path
  }

  /// A name in the same folder for what was at `path` before, until something else is there. When the program ends and
  /// nothing is, it gets its name back.
  static func reserve(aside path: String) -> String {
    let name = FileTree.name(of: path)
    let reserved = reserve(in: FileTree.parent(of: path))
    let aside = "\(reserved)-\(earlierMark)-\(name)"
    guard FileTree.name(of: aside).utf8.count <= 255 else { return reserved }
    unlessEnding { state in
      state.paths.remove(reserved)
      state.paths.insert(aside)
    }
    return aside
  }

  static func forget(_ path: String) {
    unlessEnding { $0.paths.remove(path) }
  }

  static func add(madeFolder path: String) {
    unlessEnding { $0.madeFolders.append(path) }
  }

  static func removeIfEmpty(madeFolder path: String) {
    unsafe rmdir(path)
    unlessEnding { state in state.madeFolders.removeAll { $0 == path } }
  }

  /// Puts results in their places: when the program is told to stop, this is done first.
  package static func publishing<T, E: Error>(_ body: () throws(E) -> T) throws(E) -> T {
    unlessEnding { $0.publishing += 1 }
    defer { state.withLock { $0.publishing -= 1 } }
    return try body()
  }

  /// Never returns when the program is ending by a signal: nothing is to be said or done any more.
  package static func waitIfEnding() {
    unlessEnding { _ in }
  }

  private static func unlessEnding(_ change: (inout sending State) -> Void) {
    while true {
      let isDone = state.withLock { state in
        // What a thread needs to complete its publishing is not refused.
        if state.isEnding, state.publishing == 0 { return false }
        change(&state)
        return true
      }
      if isDone { return }
      sleep(1)
    }
  }

  /// Removes all that is unfinished, while other threads go on. For a program that ends by a signal.
  package static func removeAll() {
    state.withLock { $0.isEnding = true }
    // Results take a moment to be put in their places, unless a disk hangs.
    for _ in 0..<5000 where state.withLock({ $0.publishing > 0 }) { usleep(1000) }
    let (paths, folders) = state.withLock { ($0.paths, $0.madeFolders) }
    for path in paths {
      if putBack(path) { continue }
      // Under another name, no other thread puts more into it.
      let moved = "\(FileTree.parent(of: path))/\(prefix)\(getpid())-\(next())-removed"
      let isMoved = unsafe rename(path, moved) == 0
      for _ in 0..<100 where FileTree.status(isMoved ? moved : path) != nil {
        FileTree.remove(isMoved ? moved : path)
      }
    }
    for folder in folders.reversed() { unsafe rmdir(folder) }
  }

  /// Removes what killed programs have left in a folder, unless that was done. Where something is written it is
  /// done anyway.
  package static func tidy(_ folder: String) {
    if state.withLock({ $0.sweptFolders.insert(folder).inserted }) { sweep(folder) }
  }

  /// Removes what killed programs of this user have left in a folder: that, nobody has a lock on.
  private static func sweep(_ folder: String) {
    for name in FileTree.names(in: folder, withPrefix: prefix) where isTemporary(name) {
      let path = "\(folder)/\(name)"
      // Another thread's. Not every file system has locks.
      if state.withLock({ $0.paths.contains(path) }) { continue }
      let descriptor = retrying {
        unsafe open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      }
      guard descriptor >= 0 else { continue }
      var status = stat()
      let isOwn = unsafe fstat(descriptor, &status) == 0 && status.st_uid == geteuid()
      if isOwn, flock(descriptor, LOCK_EX | LOCK_NB) == 0, !putBack(path) { FileTree.remove(path) }
      close(descriptor)
    }
  }

  private static func next() -> Int { counter.add(1, ordering: .relaxed).newValue }

  /// Gives an earlier file its name back, if nothing has that name.
  /// - Returns: whether it is there again.
  private static func putBack(_ path: String) -> Bool {
    let parts = parts(of: FileTree.name(of: path)) ?? []
    guard parts.count == 4 else { return false }
    let place = "\(FileTree.parent(of: path))/\(parts[3])"
    return unsafe FileTree.status(place) == nil && rename(path, place) == 0
  }

  /// Whether a file of this name is one that is being made, or was left by a killed program.
  package static func isTemporary(_ name: String) -> Bool {
    parts(of: name) != nil
  }

  /// Process, number, and what the name says besides: `removed`, or `earlier` and the earlier name.
  /// - Returns: nil for a name that is not temporary.
  private static func parts(of name: String) -> [Substring]? {
    guard name.hasPrefix(prefix) else { return nil }
    let parts = name.dropFirst(prefix.count).split(
      separator: "-", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count >= 2, parts[..<2].allSatisfy({ Int($0) != nil }) else { return nil }
    switch parts.count {
    case 2: return parts
    case 3: return parts[2] == "removed" ? parts : nil
    default: return parts[2] == earlierMark && !parts[3].isEmpty ? parts : nil
    }
  }
}
