internal import Glibc

/// Files and folders that take their places together, or not at all.
///
/// What stood in a place is kept until all are in theirs, and comes back when one of them cannot be put there. The two
/// swap names in one step where the file system can do that (renameat2(2), RENAME_EXCHANGE); where it cannot, the
/// earlier file gets a second name (link(2)); and where it cannot do that either, as exFAT and many file systems of
/// FUSE, the earlier one is moved aside. One that a killed program has left aside is put back by the next that writes
/// into the folder.
package struct FileTransaction {
  private enum Source {
    case file(OutputFile, mode: UInt32?)
    /// A path below a staged folder.
    case staged(StagingDirectory, below: String)
    /// The path goes.
    case nothing

    /// A name in the same file system under which it is now.
    var path: String? {
      switch self {
      case .file(let file, _): file.temporaryName
      case .staged(let folder, let below): "\(folder.path)/\(below)"
      case .nothing: nil
      }
    }

    /// What is under its name is somebody's earlier file, and stays.
    func leave() {
      switch self {
      case .file(let file, _): file.forgetTemporaryName()
      case .staged(let folder, _): folder.leave()
      case .nothing: break
      }
    }
  }

  private struct Step {
    /// Where it ends up.
    var place: String
    var source: Source
  }

  /// A change that was made.
  private struct Made {
    var place: String
    var source: Source
    /// Where what was there before is now; nil when nothing was.
    var earlier: String?
    var lock: EarlierFile?
  }

  private var changes: [Step] = []

  package init() {}

  /// Adds a file, whose place is its `path`.
  /// - Parameter mode: permission bits; nil for those that any new file gets.
  package mutating func add(_ file: OutputFile, mode: UInt32? = nil) {
    changes.append(Step(place: file.path, source: .file(file, mode: mode)))
  }

  /// Adds a file or a folder that was made in a staged folder.
  /// - Parameters:
  ///   - below: its path in the staged folder.
  ///   - place: where it goes. What is there is replaced, but never a folder by a file, or the other way round.
  package mutating func add(_ below: String, of folder: StagingDirectory, at place: String) {
    changes.append(Step(place: place, source: .staged(folder, below: below)))
  }

  /// Adds a path that goes if the others come.
  package mutating func remove(_ path: String) {
    changes.append(Step(place: path, source: .nothing))
  }

  /// Makes all the changes, once all the files are known to be on the disk.
  /// - Parameter jobs: how many files are brought to the disk at once.
  /// - Throws: `FormatError.io` for the first that could not be made; all is as it was before.
  package func commit(jobs: Int = 1) throws {
    let files = changes.compactMap { change -> (file: OutputFile, mode: UInt32?)? in
      guard case .file(let file, let mode) = change.source else { return nil }
      return (file, mode)
    }
    _ = try OrderedWork.map(files, jobs: jobs) { try $0.file.stage(mode: $0.mode) }
    for change in changes { try check(change) }
    var made: [Made] = []
    try TemporaryPaths.publishing { () throws(FormatError) in
      for (number, change) in changes.enumerated() {
        do throws(FormatError) {
          made.append(try make(change, isLast: number == changes.count - 1))
        } catch {
          throw takenBack(made, error)
        }
      }
    }
    for change in made {
      if let earlier = change.earlier {
        FileTree.remove(earlier)
        TemporaryPaths.forget(earlier)
      }
    }
    for (file, _) in files { file.forgetTemporaryName() }
  }

  private func check(_ change: Step) throws(FormatError) {
    guard let staged = change.source.path,
      let earlier = FileTree.status(change.place)?.kind, earlier != .symbolicLink
    else { return }
    let isFolder = FileTree.status(staged)?.kind == .directory
    guard isFolder == (earlier == .directory) else {
      throw FormatError(
        .io, "can't be replaced: it is \(isFolder ? "not " : "")a folder", path: [change.place])
    }
  }

  /// - Parameter isLast: whether nothing comes after it that could fail: a file may simply replace another then.
  private func make(_ change: Step, isLast: Bool) throws(FormatError) -> Made {
    let place = change.place
    var made = Made(place: place, source: change.source)
    guard let staged = change.source.path else {
      made.lock = EarlierFile(place)
      made.earlier = try moveAside(place)
      return made
    }
    let isFolder = FileTree.status(staged)?.kind == .directory
    if FileTree.status(place) == nil || isLast && !isFolder {
      do throws(FormatError) {
        try FileTree.rename(staged, to: place)
        return made
      } catch {
        // Another program may have been faster: its folder is there now.
        guard isFolder, FileTree.status(place) != nil else { throw error }
      }
    }
    made.lock = EarlierFile(place)
    if FileTree.exchange(staged, place) {
      made.earlier = staged
      return made
    }
    if !isFolder, let second = secondName(of: place) {
      do throws(FormatError) {
        try FileTree.rename(staged, to: place)
      } catch {
        unsafe unlink(second)
        TemporaryPaths.forget(second)
        throw error
      }
      made.earlier = second
      return made
    }
    made.earlier = try moveAside(place)
    do throws(FormatError) {
      try FileTree.rename(staged, to: place)
    } catch {
      throw takenBack([made], error)
    }
    return made
  }

  /// - Returns: nil where files cannot have two names.
  private func secondName(of path: String) -> String? {
    let name = TemporaryPaths.reserve(in: FileTree.parent(of: path))
    if unsafe link(path, name) == 0 { return name }
    TemporaryPaths.forget(name)
    return nil
  }

  /// - Parameter place: where it belongs, when it has another name already.
  private func moveAside(_ path: String, of place: String? = nil) throws(FormatError) -> String {
    let aside = TemporaryPaths.reserve(aside: place ?? path)
    guard unsafe Glibc.rename(path, aside) == 0 else {
      let error = FormatError.system("can't be replaced", path: path)
      TemporaryPaths.forget(aside)
      throw error
    }
    return aside
  }

  /// Undoes changes, the last of them first.
  /// - Returns: `error`, with where the earlier files are that could not be put back.
  private func takenBack(_ made: [Made], _ error: FormatError) -> FormatError {
    var error = error
    for change in made.reversed() where !takeBack(change) {
      guard let earlier = change.earlier else { continue }
      if earlier == change.source.path { change.source.leave() }
      let aside = (try? moveAside(earlier, of: change.place)) ?? earlier
      TemporaryPaths.forget(aside)
      error.reason += "; the earlier one of \(change.place) is \(aside)"
    }
    return error
  }

  /// - Returns: whether what was there before is there again.
  private func takeBack(_ change: Made) -> Bool {
    let place = change.place
    guard let earlier = change.earlier else {
      guard let staged = change.source.path else { return true }
      return unsafe Glibc.rename(place, staged) == 0 || unlink(place) == 0
    }
    if earlier == change.source.path, FileTree.exchange(earlier, place) { return true }
    // What was put there is not needed any more.
    var unneeded: String?
    if FileTree.status(place)?.kind == .directory {
      let name = TemporaryPaths.reserve(in: FileTree.parent(of: place))
      unsafe _ = Glibc.rename(place, name)
      unneeded = name
    }
    let isBack = unsafe Glibc.rename(earlier, place) == 0
    if isBack, earlier != change.source.path { TemporaryPaths.forget(earlier) }
    if let unneeded {
      FileTree.remove(unneeded)
      TemporaryPaths.forget(unneeded)
    }
    return isBack
  }
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
