internal import Basics
internal import Formats

/// A root in a tar archive, made into a disk image without unpacking it anywhere: owners, modes, links and devices
/// are the archive's, whoever runs this program.
struct RootArchive {
  private let path: String
  private let file: InputFile
  private let compression: Compression

  /// The most files that are taken: each needs memory.
  private static let fileLimit = 4_000_000

  /// - Returns: nil for what is no tar archive, compressed or not.
  static func open(_ path: String) throws -> RootArchive? {
    let file = try InputFile(path)
    let start = try file.read(at: 0, count: 512)
    let compression = Compression.detect(start)
    guard compression != .none || TarReader.isArchive(start) else { return nil }
    return RootArchive(path: path, file: file, compression: compression)
  }

  private init(path: String, file: InputFile, compression: Compression) {
    (self.path, self.file, self.compression) = (path, file, compression)
  }

  /// Writes the image: raw, ext4.
  /// - Throws: `FormatError` for what is no archive of a root: a path that leads out of it or through a link, a hard
  ///   link to what is not there, an archive that unpacks to too much.
  func write(to output: String, jobs: Int) throws {
    try inside(path) {
      // Of a name that comes again, the last one counts: which that is takes a pass of its own.
      if try write(to: output, last: nil, jobs: jobs) { return }
      _ = try write(to: output, last: lastPlaces(jobs: jobs), jobs: jobs)
    }
    try file.checkUnchanged()
  }

  private func reader(jobs: Int) throws -> TarReader {
    let bytes = try compression.decode(file.source(0..<file.size), jobs: jobs)
    return TarReader(
      compression == .none
        ? bytes : LimitedSource(bytes, limit: 1 << 40, compressedSize: file.size))
  }

  /// Which entry of the archive, from 1, is the last one of each path.
  private func lastPlaces(jobs: Int) throws -> [String: Int] {
    let tar = try reader(jobs: jobs)
    var places: [String: Int] = [:]
    var count = 0
    while let entry = try tar.next() {
      count += 1
      if !Self.isOwnLink(entry) { places[entry.path] = count }
      try Self.check(count: count)
    }
    return places
  }

  /// Whether it is a file's link to itself, which tar writes of what it is told to archive twice.
  private static func isOwnLink(_ entry: TarEntry) -> Bool {
    entry.kind == .hardLink(path: entry.path)
  }

  private static func check(count: Int) throws(FormatError) {
    guard count <= fileLimit else {
      throw FormatError(.limit, "the archive has more than \(fileLimit) files")
    }
  }

  /// - Returns: false, and nothing is written, where a name came a second time.
  private func write(to output: String, last: [String: Int]?, jobs: Int) throws -> Bool {
    let image = try OutputFile(replacing: output)
    let writer = try Ext4Writer(RawImageWriter(image), size: 64 << 20, mayGrow: true)
    let tar = try reader(jobs: jobs)
    var count = 0
    while let entry = try tar.next() {
      count += 1
      try Self.check(count: count)
      if Self.isOwnLink(entry) { continue }
      if let last {
        if entry.kind != .directory, last[entry.path] != count { continue }
      } else if entry.kind != .directory, try writer.contains(entry.path) {
        return false
      }
      try Self.add(entry, tar, to: writer)
    }
    guard count > 0 else { throw FormatError(.malformed, "the archive is empty") }
    try ReadOnlyImage.finish(writer)
    try image.commit(mode: 0o600)
    return true
  }

  private static func add(_ entry: TarEntry, _ tar: TarReader, to writer: Ext4Writer) throws {
    let path = entry.path.isEmpty ? "/" : entry.path
    let attributes = Ext4Attributes(
      mode: UInt16(truncatingIfNeeded: entry.mode), owner: entry.owner, group: entry.group,
      modified: ReadOnlyImage.time(entry.modified))
    switch entry.kind {
    case .directory: try writer.addDirectory(path, attributes, isAgain: true)
    case .file: try writer.addFile(path, attributes, size: entry.size, source: tar.body)
    case .symbolicLink(let target): try writer.addSymbolicLink(path, to: target, attributes)
    case .hardLink(let target): try writer.addHardLink(path, to: target)
    case .fifo: try writer.addSpecialFile(path, .fifo, attributes)
    case .characterDevice(let major, let minor):
      try writer.addSpecialFile(path, .characterDevice(major: major, minor: minor), attributes)
    case .blockDevice(let major, let minor):
      try writer.addSpecialFile(path, .blockDevice(major: major, minor: minor), attributes)
    }
  }
}

/// What the images of one run have in common.
enum ReadOnlyImage {
  /// Completes a file system that is for one run.
  static func finish(_ writer: Ext4Writer) throws {
    let bytes = [UInt8](repeating: 0x5a, count: 16)
    try writer.finish(
      Ext4Identity(uuid: bytes, hashSeed: bytes, label: "minivm-run", timestamp: time(0)))
  }

  /// The nearest time that an inode can hold.
  static func time(_ seconds: Int, _ nanoseconds: Int = 0) -> Ext4Time {
    if let time = try? Ext4Time(seconds: seconds, nanoseconds: nanoseconds) { return time }
    let bound = seconds < 0 ? -(1 << 31) : 3 << 32 + 1 << 31 - 1
    guard let time = try? Ext4Time(seconds: bound) else { preconditionFailure("ext4 has \(bound)") }
    return time
  }
}
