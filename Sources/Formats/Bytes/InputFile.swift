internal import CMiniVM
internal import Glibc

/// An open file that is read at offsets, so that several readers can share it. It is taken to be what it
/// was when it was opened: another program that writes to it meanwhile is an error.
package final class InputFile: Sendable {
  package let path: String
  /// Bytes, when the file was opened.
  package let size: Int
  private let descriptor: Int32
  /// Seconds and nanoseconds of the last writing, when the file was opened.
  private let modified: [Int]

  /// - Throws: `FormatError.io`, also for what is not a regular file.
  package convenience init(_ path: String) throws(FormatError) {
    try self.init(Array(path.utf8), named: path, followingLink: true)
  }

  /// - Parameters:
  ///   - path: bytes, which need not be text.
  ///   - name: for messages.
  /// - Throws: `FormatError.io`, also for what is not a regular file.
  init(_ path: [UInt8], named name: String, followingLink: Bool) throws(FormatError) {
    let cPath = path.map { CChar(bitPattern: $0) } + [0]
    self.path = name
    // Without O_NONBLOCK the opening of a pipe waits for somebody who writes to it.
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followingLink ? 0 : O_NOFOLLOW)
    let descriptor = retrying { unsafe open(cPath, flags) }
    guard descriptor >= 0 else { throw .system("can't be opened", path: name) }
    self.descriptor = descriptor
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      let error = FormatError.system("can't be examined", path: name)
      close(descriptor)  // an initialiser that fails before all is set runs no `deinit`
      throw error
    }
    size = Int(status.st_size)
    modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FormatError(.io, "is not a regular file", path: [name])
    }
  }

  deinit {
    close(descriptor)
  }

  /// Up to `count` bytes from `offset`; fewer only at the end of the file.
  /// - Throws: `FormatError.io`, also when the file has become shorter than it was.
  package func read(at offset: Int, count: Int) throws(FormatError) -> [UInt8] {
    let count = max(0, min(count, size - offset))
    guard let result = readFully(descriptor, at: offset, count: count) else {
      throw .system("can't be read", path: path)
    }
    guard result.count == count else {
      throw FormatError(
        .io, "became shorter while it was read", offset: offset + result.count, path: [path])
    }
    return result
  }

  /// How many bytes from `offset` on are a hole of a sparse file, which reads as zeros; 0 where the file system does
  /// not tell.
  func hole(at offset: Int) -> Int {
    let data = minivm_next_data(descriptor, Int64(offset))
    if data < 0 { return errno == ENXIO ? max(0, size - offset) : 0 }
    return max(0, Int(data) - offset)
  }

  /// To be called when all of a file was read: pieces of two files are none.
  /// - Throws: `FormatError.io` when somebody has written to it since it was opened.
  package func checkUnchanged() throws(FormatError) {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      throw .system("can't be examined", path: path)
    }
    guard [status.st_mtim.tv_sec, status.st_mtim.tv_nsec] == modified, Int(status.st_size) == size
    else { throw FormatError(.io, "was written to while it was read", path: [path]) }
  }

  /// Whether what its path leads to now is this file, and as it was when it was opened.
  package var isInPlace: Bool {
    var opened = stat()
    var named = stat()
    guard unsafe fstat(descriptor, &opened) == 0, unsafe stat(path, &named) == 0 else {
      return false
    }
    return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino
      && [opened.st_mtim.tv_sec, opened.st_mtim.tv_nsec] == modified && Int(opened.st_size) == size
  }

  /// The whole file.
  /// - Throws: `FormatError.limit` when it is larger than `limit` bytes, `.io` when it changes meanwhile.
  package func readAll(limit: Int) throws(FormatError) -> [UInt8] {
    guard size <= limit else {
      throw FormatError(.limit, "\(size) bytes are more than \(limit)", path: [path])
    }
    let bytes = try read(at: 0, count: size)
    try checkUnchanged()
    return bytes
  }

  /// All that a file, a pipe or a terminal has.
  /// - Throws: `FormatError.limit` when it is more than `limit` bytes, `.io` for what can't be read.
  package static func contents(of path: String, limit: Int) throws(FormatError) -> [UInt8] {
    guard FileTree.status(path, followingLink: true)?.kind == .other else {
      return try InputFile(path).readAll(limit: limit)
    }
    // Whoever names a pipe waits for the one who writes to it.
    let isInput = path == "/dev/stdin"  // which can't be opened where it is a socket
    let descriptor = retrying {
      isInput ? fcntl(0, F_DUPFD_CLOEXEC, 3) : unsafe open(path, O_RDONLY | O_CLOEXEC)
    }
    guard descriptor >= 0 else { throw .system("can't be opened", path: path) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0,
      [S_IFIFO, S_IFCHR, S_IFSOCK].contains(status.st_mode & S_IFMT)
    else { throw FormatError(.io, "is neither a file nor a pipe", path: [path]) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = retrying { unsafe Glibc.read(descriptor, &piece, piece.count) }
      guard count >= 0 else { throw .system("can't be read", path: path) }
      if count == 0 { return bytes }
      bytes += piece[..<count]
      guard bytes.count <= limit else {
        throw FormatError(.limit, "has more than \(limit) bytes", path: [path])
      }
    }
  }

  /// The bytes of `range` as a stream.
  package func source(_ range: Range<Int>) -> FileSource {
    FileSource(self, range: range)
  }
}

/// A part of a file, a piece at a time.
package final class FileSource: SparseByteSource {
  private static let pieceSize = 1 << 18
  private let file: InputFile
  private var range: Range<Int>

  init(_ file: InputFile, range: Range<Int>) {
    self.file = file
    self.range = range
  }

  package func skipHole() throws -> Int {
    let count = min(file.hole(at: range.lowerBound), range.count)
    range = range.lowerBound + count..<range.upperBound
    if count > 0, range.isEmpty { try file.checkUnchanged() }
    return count
  }

  /// - Throws: `FormatError.io`, also when the file changes while it is read, or ends within the range.
  package func next() throws -> [UInt8] {
    guard !range.isEmpty else { return [] }
    let piece = try file.read(
      at: range.lowerBound, count: min(range.count, Self.pieceSize))
    guard !piece.isEmpty else {
      throw FormatError(
        .io, "became shorter while it was read", offset: range.lowerBound, path: [file.path])
    }
    range = range.lowerBound + piece.count..<range.upperBound
    if range.isEmpty { try file.checkUnchanged() }
    return piece
  }
}
