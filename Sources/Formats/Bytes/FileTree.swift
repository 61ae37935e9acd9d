internal import CMiniVM
internal import Glibc

/// Which file it is, whatever its names.
package struct FileIdentity: Sendable, Hashable {
  package var device: UInt64
  package var inode: UInt64

  package init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }
}

/// Folders and what is in them, without following links.
package enum FileTree {
  package enum Kind: Sendable, Hashable {
    case file, directory, symbolicLink, other
  }

  /// A time of a file, since 1970.
  package struct Time: Sendable, Hashable, Comparable {
    package var seconds: Int
    package var nanoseconds: Int

    package static func < (left: Time, right: Time) -> Bool {
      (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
  }

  /// What lstat(2) says of one path.
  package struct Status: Sendable, Hashable {
    package var kind: Kind
    /// Permission bits, with set-uid, set-gid and sticky.
    package var mode: UInt32
    package var owner: UInt32
    package var group: UInt32
    /// Bytes.
    package var size: Int
    /// Seconds since 1970.
    package var modified: Int
    package var modifiedNanoseconds: Int
    /// When it was last written to, renamed, or given other attributes: by the system's clock, which whoever sets
    /// `modified` can't choose.
    package var changed: Time
    /// When it was last written to, as far as nobody has set another time.
    package var written: Time { Time(seconds: modified, nanoseconds: modifiedNanoseconds) }
    package var identity: FileIdentity
    /// How many names it has.
    package var links: Int
  }

  /// - Returns: nil when there is no such path.
  package static func status(_ path: String, followingLink: Bool = false) -> Status? {
    var status = stat()
    let result = unsafe followingLink ? stat(path, &status) : lstat(path, &status)
    guard result == 0 else { return nil }
    let kind: Kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .directory
      case S_IFLNK: .symbolicLink
      default: .other
      }
    return Status(
      kind: kind, mode: UInt32(status.st_mode & 0o7777), owner: status.st_uid,
      group: status.st_gid, size: Int(status.st_size),
      modified: Int(status.st_mtim.tv_sec), modifiedNanoseconds: Int(status.st_mtim.tv_nsec),
      changed: Time(
        seconds: Int(status.st_ctim.tv_sec), nanoseconds: Int(status.st_ctim.tv_nsec)),
      identity: FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)),
      links: Int(clamping: status.st_nlink))
  }

  /// Links are followed.
  package static func isBlockDevice(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFBLK
  }

  /// The path without links, as realpath(3) gives it.
  /// - Returns: nil for a path that leads nowhere.
  package static func realPath(_ path: String) -> String? {
    guard let resolved = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
  }

  package static func isDirectory(_ path: String) -> Bool {
    status(path, followingLink: true)?.kind == .directory
  }

  /// Names in a folder, in byte order.
  /// - Throws: `FormatError.malformed` for a name that is not UTF-8.
  package static func names(in folder: String) throws(FormatError) -> [String] {
    try entries(in: folder).map(\.name)
  }

  /// Names in a folder that are UTF-8, in byte order; others are left out.
  package static func textNames(in folder: String) throws(FormatError) -> [String] {
    guard let raw = rawEntries(in: Array(folder.utf8CString)) else {
      throw .system("can't be listed", path: folder)
    }
    return raw.compactMap { name, _ in String(validating: name, as: UTF8.self) }
      .sorted { $0.isBefore($1) }
  }

  /// What is in a folder, in the byte order of the names.
  /// - Returns: kinds as lstat(2) has them; nil for what was removed meanwhile.
  /// - Throws: `FormatError.malformed` for a name that is not UTF-8.
  package static func entries(
    in folder: String
  ) throws(FormatError) -> [(name: String, kind: Kind?)] {
    guard let raw = rawEntries(in: Array(folder.utf8CString)) else {
      throw .system("can't be listed", path: folder)
    }
    var entries: [(name: String, kind: Kind?)] = []
    for (bytes, type) in raw {
      guard let name = String(validating: bytes, as: UTF8.self) else {
        let shown = String(decoding: bytes, as: UTF8.self).quoted
        throw FormatError(.malformed, "has the name \(shown), which is not UTF-8", path: [folder])
      }
      let kind: Kind? =
        switch Int(type) {
        case DT_REG: .file
        case DT_DIR: .directory
        case DT_LNK: .symbolicLink
        // Not every file system says it with the name.
        case DT_UNKNOWN: status("\(folder)/\(name)")?.kind
        default: .other
        }
      entries.append((name, kind))
    }
    return entries.sorted { $0.name.isBefore($1.name) }
  }

  /// Those names in a folder that begin with `prefix`, in no order; none when it can't be listed.
  static func names(in folder: String, withPrefix prefix: String) -> [String] {
    (rawEntries(in: Array(folder.utf8CString)) ?? []).compactMap { name, _ in
      String(validating: name, as: UTF8.self)
    }.filter { $0.hasPrefix(prefix) }
  }

  /// Names in a folder, which need not be text, in no order.
  /// - Parameter folder: with its final NUL.
  /// - Returns: nil, and `errno`, when the folder can't be listed.
  static func rawNames(in folder: [CChar]) -> [[UInt8]]? {
    rawEntries(in: folder)?.map(\.name)
  }

  /// - Parameter folder: with its final NUL; names come without.
  /// - Returns: `d_type` of readdir(3) beside each; nil, and `errno`, when the folder can't be listed.
  private static func rawEntries(in folder: [CChar]) -> [(name: [UInt8], type: UInt8)]? {
    let descriptor = retrying { unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return rawEntries(of: descriptor)
  }

  /// - Parameter folder: stays open.
  private static func rawEntries(of folder: Int32) -> [(name: [UInt8], type: UInt8)]? {
    let descriptor = fcntl(folder, F_DUPFD_CLOEXEC, 0)
    guard descriptor >= 0 else { return nil }
    guard let stream = unsafe fdopendir(descriptor) else {
      close(descriptor)
      return nil
    }
    defer { unsafe closedir(stream) }
    var entries: [(name: [UInt8], type: UInt8)] = []
    errno = 0
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
        unsafe Array($0.prefix(strnlen($0.baseAddress!, $0.count)))
      }
      let type = unsafe entry.pointee.d_type
      if name != [0x2e], name != [0x2e, 0x2e] { entries.append((name, type)) }
      errno = 0
    }
    return errno == 0 ? entries : nil
  }

  /// - Throws: `FormatError.malformed` for a target that is not UTF-8.
  package static func linkTarget(_ path: String) throws(FormatError) -> String {
    let target = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      count = max(0, unsafe readlink(path, buffer.baseAddress!, 4096))
    }
    guard !target.isEmpty else { throw .system("can't be read", path: path) }
    guard let text = String(validating: target, as: UTF8.self) else {
      let shown = String(decoding: target, as: UTF8.self).quoted
      throw FormatError(.malformed, "leads to \(shown), which is not UTF-8", path: [path])
    }
    return text
  }

  /// Makes a folder and those above it.
  package static func makeDirectories(_ path: String) throws(FormatError) {
    for folder in try missingDirectories(path) { try makeDirectoryIfMissing(folder) }
  }

  /// Runs a job whose results go into a folder, which is made when it is missing. Folders that were
  /// made and into which nothing was put, as after a failure, are removed.
  package static func withDirectories<T>(_ path: String, _ job: () throws -> T) throws -> T {
    var made: [String] = []
    defer { made.reversed().forEach(TemporaryPaths.removeIfEmpty) }
    for folder in try missingDirectories(path) {
      TemporaryPaths.add(madeFolder: folder)
      made.append(folder)
      try makeDirectoryIfMissing(folder)
    }
    return try job()
  }

  /// Outermost first.
  private static func missingDirectories(_ path: String) throws(FormatError) -> [String] {
    var missing: [String] = []
    var path = path
    while let kind = .some(status(path, followingLink: true)?.kind), kind != .directory {
      guard kind == nil, status(path) == nil else {
        throw FormatError(.io, "is not a folder", path: [path])
      }
      missing.insert(path, at: 0)
      let above = parent(of: path)
      if above == path { break }
      path = above
    }
    return missing
  }

  private static func makeDirectoryIfMissing(_ path: String) throws(FormatError) {
    guard unsafe mkdir(path, 0o777) == 0 || errno == EEXIST && isDirectory(path) else {
      throw .system("can't be made", path: path)
    }
  }

  /// Makes one folder, whose parent exists.
  /// - Parameter mode: permission bits, less those of the process's mask.
  package static func makeDirectory(_ path: String, mode: UInt32 = 0o777) throws(FormatError) {
    guard unsafe mkdir(path, mode) == 0 else { throw .system("can't be made", path: path) }
  }

  package static func makeLink(_ path: String, to target: String) throws(FormatError) {
    guard unsafe symlink(target, path) == 0 else { throw .system("can't be made", path: path) }
  }

  /// Makes another name of a file, in the same file system.
  package static func makeName(_ path: String, ofFile file: String) throws(FormatError) {
    guard unsafe link(file, path) == 0 else { throw .system("can't be made", path: path) }
  }

  /// Copies a file's bytes; the copy appears whole or not at all.
  package static func copy(_ path: String, to copy: String) throws {
    try copied(InputFile(path), to: copy).commit()
  }

  /// A copy of an open file's bytes that has not been put in its place yet.
  package static func copied(_ input: InputFile, to copy: String) throws -> OutputFile {
    let output = try OutputFile(replacing: copy)
    var offset = 0
    try input.source(0..<input.size).forEachPiece { piece in
      try output.write(piece, at: offset)
      offset += piece.count
    }
    return output
  }

  /// Sets permission bits and time, in seconds since 1970, as far as the file system has them.
  package static func setAttributes(_ path: String, mode: UInt32, seconds: Int) throws(FormatError)
  {
    let time = timespec(tv_sec: seconds, tv_nsec: 0)
    guard isDoneOrRefused(unsafe chmod(path, mode)),
      isDoneOrRefused(unsafe utimensat(AT_FDCWD, path, [time, time], 0))
    else { throw .system("can't be given its mode and time", path: path) }
  }

  /// Sets a symbolic link's own time.
  static func setTime(ofLink path: String, seconds: Int) throws(FormatError) {
    let time = timespec(tv_sec: seconds, tv_nsec: 0)
    guard
      isDoneOrRefused(unsafe utimensat(AT_FDCWD, path, [time, time], AT_SYMLINK_NOFOLLOW))
    else {
      throw .system("can't be given its time", path: path)
    }
  }

  static func setAttributes(
    _ descriptor: Int32, path: String, mode: UInt32, seconds: Int
  ) throws(FormatError) {
    let time = timespec(tv_sec: seconds, tv_nsec: 0)
    guard isDoneOrRefused(fchmod(descriptor, mode)),
      isDoneOrRefused(unsafe futimens(descriptor, [time, time]))
    else {
      throw .system("can't be given its mode and time", path: path)
    }
  }

  package static func rename(_ path: String, to new: String) throws(FormatError) {
    let result = unsafe Glibc.rename(path, new)
    guard result == 0 else { throw .system("can't be replaced", path: new) }
  }

  /// Swaps two paths in one step, where the file system can.
  static func exchange(_ first: String, _ second: String) -> Bool {
    unsafe minivm_exchange(first, second) == 0
  }

  /// Removes a path and all below it, whatever the names. What can't be removed stays.
  ///
  /// Somebody may put a link where a folder was meanwhile: each name is looked up in a folder that is open.
  package static func remove(_ path: String) {
    remove(Array(path.utf8CString), in: AT_FDCWD)
  }

  /// - Parameter name: with its final NUL.
  private static func remove(_ name: [CChar], in parent: Int32) {
    if unsafe unlinkat(parent, name, 0) == 0 { return }
    let folder = openToRemove(name, in: parent)
    guard folder >= 0 else { return }
    defer { close(folder) }
    for (below, _) in rawEntries(of: folder) ?? [] {
      remove(below.map { CChar(bitPattern: $0) } + [0], in: folder)
    }
    unsafe unlinkat(parent, name, AT_REMOVEDIR)
  }

  /// Opens a folder that is no link, whatever its mode. Where no more files can be open, others are closed in
  /// a moment.
  private static func openToRemove(_ name: [CChar], in parent: Int32) -> Int32 {
    for _ in 0..<20 {
      let place = retrying {
        unsafe openat(parent, name, minivm_o_path() | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      }
      if place >= 0 {
        defer { close(place) }
        var folder = openList(in: place)
        if folder < 0, errno == EACCES {
          unsafe chmod("/proc/self/fd/\(place)", 0o700)
          folder = openList(in: place)
        }
        if folder >= 0 {
          fchmod(folder, 0o700)
          return folder
        }
      }
      guard errno == EMFILE || errno == ENFILE else { break }
      usleep(10_000)
    }
    return -1
  }

  private static func openList(in place: Int32) -> Int32 {
    retrying { unsafe openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
  }

  private static let slash = UInt8(ascii: "/")

  /// The folder that a path is in; `.` for a bare name.
  package static func parent(of path: String) -> String {
    let path = withoutFinalSlashes(path)
    guard let last = path.lastIndex(of: slash) else { return "." }
    return last == path.startIndex ? "/" : String(Substring(path[..<last]))
  }

  /// A path without slashes at its end; `/` stays.
  package static func withoutSlash(_ path: String) -> String {
    String(Substring(withoutFinalSlashes(path)))
  }

  /// The last name of a path; empty for the root.
  package static func name(of path: String) -> String {
    let path = withoutFinalSlashes(path)
    return String(
      Substring(path[(path.lastIndex(of: slash).map(path.index(after:)) ?? path.startIndex)...]))
  }

  /// Paths are taken apart as bytes, as the kernel does it: to Swift's strings a slash and an accent
  /// behind it are one character, which is no slash.
  private static func withoutFinalSlashes(_ path: String) -> Substring.UTF8View {
    var path = path[...].utf8
    while path.count > 1, path.last == slash { path.removeLast() }
    return path
  }
}
