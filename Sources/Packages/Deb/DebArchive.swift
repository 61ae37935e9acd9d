package import Formats

/// A Debian binary package. deb(5).
package struct DebArchive: PackageArchive {
  /// Fields of the package's control file that this program uses.
  package struct Control: Sendable, Hashable {
    /// The field Package. deb-control(5).
    package var package: String
    /// The field Version.
    package var version: String
    /// The field Architecture, by Debian's name, or `all`.
    package var architecture: String
  }

  /// The most bytes of an unpacked control member; the largest of Debian's have 2 MB.
  private static let controlLimit = 64 << 20
  /// The most bytes of all of a package's files. Those of bookworm's full kernel have 0.41 GB.
  static let contentLimit = 8 << 30
  /// The most files, folders and links of a package. Bookworm's full kernel has 4,941.
  package static let entryLimit = 1 << 17

  /// How names of files end.
  package static let fileExtension = ".deb"

  /// The file's path.
  package var path: String { file.path }
  /// Bytes of the whole file.
  package var size: Int { file.size }
  /// The name, version and architecture in the control file.
  package var identity: PackageIdentity {
    PackageIdentity(
      name: control.package, version: control.version, architecture: control.architecture)
  }
  /// The fields of the control file that are needed.
  package let control: Control
  /// What is read; hashes are to be of this, not of what may have come in its place.
  package let file: InputFile
  private let data: ArMember

  /// Reads what comes before the package's files.
  /// - Throws: `FormatError` where dpkg-deb would refuse the package, too.
  package init(_ path: String) throws {
    try self.init(InputFile(path))
  }

  /// Reads it from a file that was opened, and hashed, before.
  package init(_ file: InputFile) throws {
    self.file = file
    (control, data) = try inside(file.path) {
      var members = try ArReader(file)
      guard let version = try members.next(), version.name == "debian-binary" else {
        throw FormatError(
          .malformed, "is an ar archive, but not a .deb: debian-binary does not come first")
      }
      try Self.checkVersion(
        try file.read(at: version.range.lowerBound, count: min(version.range.count, 64)))
      guard var member = try members.next() else { throw Self.lacks("control.tar") }
      while member.name.hasPrefix("_") {
        guard let next = try members.next() else { throw Self.lacks("control.tar") }
        member = next
      }
      guard member.name == "control.tar" || member.name.hasPrefix("control.tar.") else {
        throw FormatError(.malformed, "\(member.name.quoted) is in the place of control.tar")
      }
      let control = try inside(member.name) { try Self.readControl(file, member) }
      guard let data = try members.next() else { throw Self.lacks("data.tar") }
      guard data.name == "data.tar" || data.name.hasPrefix("data.tar.") else {
        throw FormatError(.malformed, "\(data.name.quoted) is in the place of data.tar")
      }
      return (control, data)
    }
  }

  /// Returns whether a file may begin so: with the magic of ar(5).
  package static func isBegun(by start: [UInt8]) -> Bool {
    start.starts(with: "!<arch>\n".utf8)
  }

  /// Returns the hash of the whole file.
  /// - Throws: `FormatError` for what can't be read.
  package func hash(_ algorithm: FileHash.Algorithm) throws -> FileHash {
    try FileHash(of: file, algorithm)
  }

  /// Hands on the entries of data.tar.
  /// - Throws: `FormatError` for what is damaged, and what `receive` throws.
  package func walk(
    jobs: Int, _ receive: (TarEntry, any ByteSource) throws -> Void
  ) throws {
    try forEachEntry(jobs: jobs) { entry, tar in try receive(entry, tar.body) }
  }

  /// Hands on the package's entries in their order, each with a reader for its body.
  /// - Parameters:
  ///   - jobs: cores that decompression may use.
  ///   - entryLimit: the most entries.
  package func forEachEntry(
    jobs: Int, entryLimit: Int = DebArchive.entryLimit,
    _ receive: (TarEntry, TarReader) throws -> Void
  ) throws {
    try inside(path) {
      let tar = try inside(data.name) {
        TarReader(try Self.decode(file, data, limit: Self.contentLimit, jobs: jobs))
      }
      var count = 0
      while let entry = try inside(data.name, { try tar.next() }) {
        count += 1
        guard count <= entryLimit else {
          throw FormatError(.limit, "has more than \(entryLimit) files", path: [data.name])
        }
        do {
          try receive(entry, tar)
        } catch let error as FormatError where error.path.isEmpty {
          throw error.inside(entry.path).inside(data.name)
        }
      }
    }
  }

  private static func lacks(_ member: String) -> FormatError {
    FormatError(.truncated, "the .deb ends before its \(member)")
  }

  private static func checkVersion(_ bytes: [UInt8]) throws(FormatError) {
    guard let end = bytes.firstIndex(of: 0x0a) else {
      throw FormatError(.malformed, "debian-binary has no complete line")
    }
    let parts = String(decoding: bytes[..<end], as: UTF8.self).split(
      separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ Int(digits: $0) != nil }) else {
      throw FormatError(.malformed, "debian-binary does not hold a version")
    }
    guard parts[0] == "2" else {
      throw FormatError(
        .unsupported, "a .deb of version \(parts.joined(separator: ".")), 2 is known")
    }
  }

  private static func compression(_ member: String) throws(FormatError) -> Compression {
    switch member.split(separator: ".").last {
    case "tar": .none
    case "gz": .gzip
    case "xz": .xz
    case "zst": .zstd
    case "bz2": .bzip2
    case "lzma": .lzma
    default: throw FormatError(.unsupported, "\(member.quoted) has an unknown compression")
    }
  }

  /// What a member unpacks to, as long as that is not too much.
  private static func decode(
    _ file: InputFile, _ member: ArMember, limit: Int, jobs: Int = 1
  ) throws -> LimitedSource {
    LimitedSource(
      try compression(member.name).decode(file.source(member.range), jobs: jobs),
      limit: limit, compressedSize: member.range.count)
  }

  private static func readControl(_ file: InputFile, _ member: ArMember) throws -> Control {
    let tar = TarReader(try decode(file, member, limit: controlLimit))
    while let entry = try tar.next() {
      guard entry.path == "control", entry.kind == .file else { continue }
      let text = try tar.body(limit: 1 << 20)
      let fields = try ControlParagraph.parse(text).first ?? ControlParagraph()
      guard let package = fields.word("Package"), let version = fields.word("Version"),
        let architecture = fields.word("Architecture")
      else {
        throw FormatError(.malformed, "control lacks a valid Package, Version or Architecture")
      }
      return Control(package: package, version: version, architecture: architecture)
    }
    throw FormatError(.malformed, "has no control file")
  }
}
