internal import Basics
internal import Formats

/// Files of a tar archive, which is not unpacked: they are read where they are.
struct ArchiveFiles: ImageFiles {
  /// More than any image has.
  private static let entryLimit = 1 << 16
  /// As many links as Linux follows in one path: path_resolution(7).
  private static let linkLimit = 40

  private enum Entry {
    case file(Range<Int>)
    case link(String)
  }

  let name: String
  private let archive: InputFile
  private let entries: [String: Entry]

  /// Reads which files there are. A compressed archive is unpacked to a file without a name.
  /// - Parameter folder: for that file.
  /// - Throws: `FormatError` for what is no tar archive.
  init(_ path: String, temporaryFolder folder: String, jobs: Int) throws {
    name = path
    let file = try InputFile(path)
    (archive, entries) = try inside(path) {
      let archive = try Self.plain(file, folder, jobs)
      let reader = TarReader(archive.source(0..<archive.size))
      var entries: [String: Entry] = [:]
      while let entry = try reader.next() {
        guard entries.count < Self.entryLimit else {
          throw FormatError(.limit, "an image of more than \(Self.entryLimit) files")
        }
        switch entry.kind {
        case .file:
          let start = reader.bodyOffset
          entries[entry.path] = .file(start..<start + entry.size)
        // What `docker save` writes of a layer that comes twice.
        case .symbolicLink(let target):
          entries[entry.path] = .link("\(FileTree.parent(of: entry.path))/\(target)")
        // tar writes a file's link to itself of what it is told to archive twice.
        case .hardLink(let target) where target != entry.path: entries[entry.path] = .link(target)
        default: break
        }
      }
      return (archive, entries)
    }
  }

  private static func plain(_ file: InputFile, _ folder: String, _ jobs: Int) throws -> InputFile {
    let compression = Compression.detect(try file.read(at: 0, count: 16))
    guard compression != .none else { return file }
    let bytes = LimitedSource(
      try compression.decode(file.source(0..<file.size), jobs: jobs), limit: 1 << 40,
      compressedSize: file.size)
    return try InputFile.copy(of: bytes, in: folder)
  }

  /// Whether a file is a tar archive that begins as an image does: with one of the names that are only there.
  static func mayBeImage(_ path: String) throws -> Bool {
    let file = try InputFile(path)
    let start = try file.read(at: 0, count: 512)
    let compression = Compression.detect(start)
    guard compression != .none || TarReader.isArchive(start) else { return false }
    let bytes = try compression.decode(file.source(0..<file.size))
    guard let first = try? TarReader(bytes).next() else { return false }
    let name = first.path.split(separator: "/").first.map(String.init) ?? ""
    let isDigest = name.prefix { $0.isHexDigit }.utf8.count == 64
    return isDigest
      || ["blobs", "oci-layout", "index.json", "manifest.json", "repositories"].contains(name)
  }

  func file(_ path: String) throws -> StoredBytes? {
    var path = path
    for _ in 0..<Self.linkLimit {
      switch entries[path] {
      case nil: return nil
      case .file(let range): return StoredBytes(archive, range: range)
      case .link(let target): path = try ArchivePath.normalize(Array(Self.resolved(target).utf8))
      }
    }
    return nil
  }

  /// A path without `.` and `..`.
  private static func resolved(_ path: String) -> String {
    var names: [Substring] = []
    for name in path.split(separator: "/") where name != "." {
      if name == ".." { _ = names.popLast() } else { names.append(name) }
    }
    return names.joined(separator: "/")
  }
}
