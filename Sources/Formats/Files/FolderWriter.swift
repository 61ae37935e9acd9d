internal import CMiniVM
internal import Glibc

/// Makes files of this machine, in a folder that nobody else writes to.
///
/// Owners, devices and attributes of the system are made where the user may make them; `losses` counts the others.
/// Without root rights no file is set-uid or set-gid: it would run as another user than it did. Folders get their
/// modes and times at the end.
package final class FolderWriter: FileSystemWriter {
  private let root: [UInt8]
  private let isRoot: Bool
  private var folders: Set<[UInt8]> = [[]]
  private var attributes: [(path: [UInt8], attributes: FileAttributes)] = []
  /// What this user could not make, and of how many files.
  package private(set) var losses: [String: Int] = [:]

  /// - Parameter folder: an empty one of this user.
  package init(_ folder: String) {
    root = Array(folder.utf8)
    isRoot = geteuid() == 0
  }

  package func add(
    _ path: [UInt8], _ kind: FileKind, _ attributes: FileAttributes, content: (any ByteSource)?
  ) throws {
    if kind == .directory {
      try makeFolder(path)
      self.attributes.append((path, attributes))
      return
    }
    try makeFolder(Self.parent(of: path))
    let place = cPath(path)
    switch kind {
    case .directory: break
    case .file:
      try write(path, content)
    case .symbolicLink(let target):
      try check(unsafe symlink(Self.cString(target), place), path)
    case .characterDevice(let major, let minor):
      guard try makeNode(path, S_IFCHR, minivm_device(major, minor)) else { return }
    case .blockDevice(let major, let minor):
      guard try makeNode(path, S_IFBLK, minivm_device(major, minor)) else { return }
    case .fifo: guard try makeNode(path, S_IFIFO, 0) else { return }
    case .socket: guard try makeNode(path, S_IFSOCK, 0) else { return }
    }
    try setAttributes(path, attributes, isLink: kind.isSymbolicLink)
  }

  package func addHardLink(_ path: [UInt8], to target: [UInt8]) throws {
    guard !folders.contains(target) else {
      throw FormatError(.malformed, "\(ByteText.escaped(path).quoted): is a hard link to a folder")
    }
    try makeFolder(Self.parent(of: path))
    // A device that could not be made has no second name either.
    var status = stat()
    guard unsafe lstat(cPath(target), &status) == 0 else { return }
    try check(unsafe link(cPath(target), cPath(path)), path)
  }

  /// Gives folders their modes and times, once nothing more is put into them.
  /// - Throws: `FormatError.io`.
  package func finish() throws {
    for (path, attributes) in attributes.reversed() {
      try setAttributes(path, attributes, isLink: false)
    }
    attributes = []
  }

  // MARK: - One file

  private func makeFolder(_ path: [UInt8]) throws {
    if folders.contains(path) { return }
    try makeFolder(Self.parent(of: path))
    try check(unsafe mkdir(cPath(path), 0o700), path)
    folders.insert(path)
  }

  private func write(_ path: [UInt8], _ content: (any ByteSource)?) throws {
    let descriptor = unsafe open(
      cPath(path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    guard let content else { return }
    var offset = 0
    while true {
      offset += try (content as? any SparseByteSource)?.skipHole() ?? 0
      let piece = try content.next()
      if piece.isEmpty { break }
      let isWritten = unsafe piece.withUnsafeBytes { unsafe writeFully(descriptor, $0, at: offset) }
      guard isWritten else { throw failure(path) }
      offset += piece.count
    }
    try check(ftruncate(descriptor, offset), path)
  }

  /// - Returns: false where this user may not make it.
  private func makeNode(_ path: [UInt8], _ type: mode_t, _ device: UInt64) throws -> Bool {
    if unsafe mknod(cPath(path), type | 0o600, dev_t(device)) == 0 { return true }
    guard errno == EPERM else { throw failure(path) }
    losses["devices", default: 0] += 1
    return false
  }

  private func setAttributes(
    _ path: [UInt8], _ attributes: FileAttributes, isLink: Bool
  ) throws {
    let place = cPath(path)
    if isRoot {
      try check(unsafe lchown(place, attributes.owner, attributes.group), path)
    } else if attributes.owner != geteuid() || attributes.group != getegid() {
      losses["owners", default: 0] += 1
    }
    if !isLink {
      let mode = mode_t(attributes.mode) & (isRoot ? 0o7777 : 0o1777)
      try check(unsafe chmod(place, mode), path)
      if mode != mode_t(attributes.mode) { losses["set-uid and set-gid bits", default: 0] += 1 }
    }
    for attribute in attributes.extended {
      let done = unsafe minivm_set_attribute(
        place, Self.cString(attribute.name), attribute.value, attribute.value.count)
      if done != 0 {
        losses["extended attribute \(ByteText.escaped(attribute.name))", default: 0] += 1
      }
    }
    let time = timespec(
      tv_sec: attributes.modified.seconds, tv_nsec: Int(attributes.modified.nanoseconds))
    try check(unsafe utimensat(AT_FDCWD, place, [time, time], AT_SYMLINK_NOFOLLOW), path)
  }

  private static func parent(of path: [UInt8]) -> [UInt8] {
    Array(path[..<(path.lastIndex(of: UInt8(ascii: "/")) ?? 0)])
  }

  private func cPath(_ path: [UInt8]) -> [CChar] {
    Self.cString(path.isEmpty ? root : root + [UInt8(ascii: "/")] + path)
  }

  private static func cString(_ bytes: [UInt8]) -> [CChar] {
    bytes.map { CChar(bitPattern: $0) } + [0]
  }

  private func check(_ result: Int32, _ path: [UInt8]) throws {
    if result != 0 { throw failure(path) }
  }

  private func failure(_ path: [UInt8]) -> FormatError {
    FormatError.system("can't be written", path: ByteText.escaped(path))
  }
}
