internal import CMiniVM
internal import Glibc

/// The files of a folder of this machine, which become a root: each folder's names in byte order, folders before what
/// is in them. Names need not be text. What is mounted below the folder stays empty.
package final class FolderMembers: RootMembers {
  /// The most folders in each other.
  private static let depthLimit = ArchivePath.depthLimit

  private struct Folder {
    /// From the root, without a slash at its end; empty for the root.
    var path: [UInt8]
    /// The next one last.
    var names: [[UInt8]]
  }

  private let root: [UInt8]
  private let device: UInt64
  private var folders: [Folder] = []
  private var isBegun = false
  /// First paths of files with several names.
  private var links: [FileIdentity: [UInt8]] = [:]
  private var current: (path: [UInt8], size: Int) = ([], 0)

  /// - Throws: `FormatError.io` for what is no folder.
  package init(_ folder: String) throws {
    root = Array(FileTree.realPath(folder)?.utf8 ?? folder.utf8)
    let status = try Self.status(root)
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw FormatError(.io, "is not a folder", path: [folder])
    }
    device = UInt64(status.st_dev)
  }

  /// - Throws: `FormatError.io` for what this user can't read.
  package func next() throws -> TarMember? {
    guard isBegun else {
      isBegun = true
      return try member([])
    }
    while let folder = folders.last {
      guard let name = folder.names.last else {
        folders.removeLast()
        continue
      }
      folders[folders.count - 1].names.removeLast()
      return try member(folder.path.isEmpty ? name : folder.path + [0x2f] + name)
    }
    return nil
  }

  package var body: any ByteSource {
    HostFileSource(hostPath(current.path), named: Self.text(hostPath(current.path)), current.size)
  }

  private func hostPath(_ path: [UInt8]) -> [UInt8] {
    path.isEmpty ? root : root + [0x2f] + path
  }

  private static func text(_ path: [UInt8]) -> String { String(decoding: path, as: UTF8.self) }

  private static func status(_ path: [UInt8]) throws(FormatError) -> stat {
    var status = stat()
    guard unsafe lstat(cString(path), &status) == 0 else {
      throw .system("can't be examined", path: text(path))
    }
    return status
  }

  private static func cString(_ bytes: [UInt8]) -> [CChar] {
    bytes.map { CChar(bitPattern: $0) } + [0]
  }

  private func member(_ path: [UInt8]) throws -> TarMember {
    let place = hostPath(path)
    let status = try Self.status(place)
    let size = Int(status.st_size)
    let (major, minor) = (
      minivm_major(UInt64(status.st_rdev)), minivm_minor(UInt64(status.st_rdev))
    )
    let kind: FileKind
    switch status.st_mode & S_IFMT {
    case S_IFREG:
      let identity = FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
      if let first = links[identity] {
        return TarMember(
          path: path, kind: .hardLink(target: first), attributes: try attributes(place, status))
      }
      if status.st_nlink > 1 { links[identity] = path }
      kind = .file(size: size)
      current = (path, size)
    case S_IFDIR:
      kind = .directory
      try enter(path, place, UInt64(status.st_dev))
    case S_IFLNK: kind = .symbolicLink(target: try Self.target(place))
    case S_IFCHR: kind = .characterDevice(major: major, minor: minor)
    case S_IFBLK: kind = .blockDevice(major: major, minor: minor)
    case S_IFIFO: kind = .fifo
    default: kind = .socket
    }
    return TarMember(path: path, kind: .node(kind), attributes: try attributes(place, status))
  }

  private func enter(_ path: [UInt8], _ place: [UInt8], _ device: UInt64) throws {
    guard device == self.device else { return }
    guard folders.count < Self.depthLimit else {
      throw FormatError(
        .limit, "is more than \(Self.depthLimit) folders deep", path: [Self.text(place)])
    }
    guard let names = FileTree.rawNames(in: Self.cString(place)) else {
      throw FormatError.system("can't be listed", path: Self.text(place))
    }
    folders.append(
      Folder(path: path, names: names.sorted { $1.lexicographicallyPrecedes($0) }))
  }

  private static func target(_ place: [UInt8]) throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = unsafe buffer.withUnsafeMutableBytes { buffer in
      unsafe readlink(cString(place), buffer.baseAddress!, buffer.count)
    }
    guard count > 0 else { throw FormatError.system("can't be read", path: text(place)) }
    return Array(buffer.prefix(count))
  }

  private func attributes(_ place: [UInt8], _ status: stat) throws -> FileAttributes {
    FileAttributes(
      mode: UInt16(status.st_mode & 0o7777), owner: status.st_uid, group: status.st_gid,
      modified: FileTime(
        seconds: status.st_mtim.tv_sec, nanoseconds: UInt32(status.st_mtim.tv_nsec)),
      extended: try Self.extendedAttributes(place))
  }

  /// What this user may read of them; none where the file system has none.
  private static func extendedAttributes(_ place: [UInt8]) throws -> [ExtendedAttribute] {
    let path = cString(place)
    var names = [CChar](repeating: 0, count: 1 << 16)
    let count = unsafe minivm_attribute_names(path, &names, names.count)
    guard count > 0 else { return [] }
    var attributes: [ExtendedAttribute] = []
    for name in names.prefix(count).split(separator: 0) {
      var value = [UInt8](repeating: 0, count: ExtendedAttribute.valueLimit)
      let size = unsafe minivm_attribute(path, Array(name) + [0], &value, value.count)
      guard size >= 0 else { continue }
      attributes.append(
        ExtendedAttribute(
          name: name.map { UInt8(bitPattern: $0) }, value: Array(value.prefix(size))))
    }
    return attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }
}

/// A file of this machine that is opened when its bytes are asked for.
private final class HostFileSource: SparseByteSource {
  private let path: [UInt8]
  private let name: String
  private let size: Int
  private var source: FileSource?

  init(_ path: [UInt8], named name: String, _ size: Int) {
    (self.path, self.name, self.size) = (path, name, size)
  }

  func next() throws -> [UInt8] { try opened().next() }

  func skipHole() throws -> Int { try opened().skipHole() }

  private func opened() throws -> FileSource {
    if let source { return source }
    let file = try InputFile(path, named: name, followingLink: false)
    guard file.size == size else {
      throw FormatError(.io, "was written to while it was read", path: [name])
    }
    let source = file.source(0..<file.size)
    self.source = source
    return source
  }
}
