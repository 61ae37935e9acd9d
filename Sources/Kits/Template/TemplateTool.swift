internal import Basics
internal import Formats
package import Packages

/// A program that a RAM disk template gets from a distribution.
package enum TemplateTool: String, Sendable, CaseIterable {
  case busybox, e2fsck

  /// A program and where it came from.
  package struct Provided: Sendable {
    package var program: StaticProgram
    package var note: TemplateProgram
  }

  /// The folder of the template that it and its links stand in.
  package var folder: String {
    switch self {
    case .busybox: "bin"
    case .e2fsck: "sbin"
    }
  }

  package var path: String { "\(folder)/\(rawValue)" }

  package var debianPackage: String { "\(rawValue)-static" }

  /// Nil for what is not taken from Alpine.
  var alpinePackage: String? { self == .busybox ? "busybox-static" : nil }

  /// What the program is called in packages, the best first.
  private var members: [String] {
    let folders = self == .busybox ? ["bin", "usr/bin"] : ["sbin", "usr/sbin"]
    return ["\(rawValue).static", rawValue].flatMap { name in folders.map { "\($0)/\(name)" } }
  }

  /// The other names that the program is called by, which become links beside it.
  /// - Throws: `FormatError.malformed` for a busybox without a table of applets, and for an e2fsck with one.
  package func linkNames(_ program: StaticProgram) throws -> [String] {
    switch self {
    case .busybox: return try AppletTable(program.bytes).names.filter { $0 != rawValue }
    case .e2fsck:
      guard (try? AppletTable(program.bytes)) == nil else {
        throw FormatError(.malformed, "is busybox, not e2fsck")
      }
      return ["fsck.ext2", "fsck.ext3", "fsck.ext4"]
    }
  }

  /// Reads the program from a package of a Debian mirror.
  /// - Parameter architecture: Debian's name of the one it has to be for.
  package func read(
    _ download: DebianRepository.Download, architecture: String
  ) throws -> Provided {
    var provided = try read(
      download.archive, sha256: download.sha256, architecture: architecture,
      origin: download.url)
    provided.note.chain = Manifest.Chain(download.package.origin)
    return provided
  }

  /// Reads the program from the newest version of its package on an Alpine mirror.
  /// - Parameter architecture: Debian's name of the one it has to be for.
  /// - Throws: `KitError.usage` for a program that is not taken from Alpine; as `AlpineRepository.download`.
  package func read(_ repository: AlpineRepository, architecture: String) throws -> Provided {
    guard let alpinePackage else {
      throw KitError(
        .usage, "\(rawValue) is not taken from Alpine's mirrors",
        advice: "use --from debian, or name a file")
    }
    let download = try repository.download(alpinePackage, architecture: architecture)
    return try repository.refusingDamage {
      try read(
        download.archive, architecture: architecture, origin: download.url,
        signedBy: download.signedBy)
    }
  }

  /// Reads the program from a .deb, an .apk or the bare executable; which of them it is, its content
  /// says.
  /// - Parameters:
  ///   - architecture: Debian's name of the one it has to be for; nil for any.
  ///   - origin: what the note says of it; nil for the file's name.
  ///   - keys: one of them has to have signed it, which then has to be an .apk; nil for a file that is
  ///     taken as it is.
  /// - Throws: `FormatError` for a damaged file; `KitError` for one without the program, with the
  ///   wrong one, or that is not what was signed.
  package func read(
    _ file: String, architecture: String? = nil, origin: String? = nil, keys: AlpineKeys? = nil
  ) throws -> Provided {
    let input = try InputFile(file)
    let start = try input.read(at: 0, count: 8)
    try ApkArchive.refuseVersion3(start, file)
    if Compression.detect(start) == .gzip {
      let package = try ApkArchive(file)
      let key = try keys.map(package.verify)
      return try read(
        package, architecture: architecture, origin: origin ?? FileTree.name(of: file),
        signedBy: key)
    }
    guard keys == nil else {
      throw KitError(
        .usage, "\(file): --keys are for Alpine's packages, and this is none",
        advice: "leave --keys out, or give an .apk")
    }
    let origin = origin ?? FileTree.name(of: file)
    if start.starts(with: "!<arch>\n".utf8) {
      return try read(
        DebArchive(input), sha256: Digest.sha256(of: input), architecture: architecture,
        origin: origin)
    }
    let bytes = try input.readAll(limit: StaticProgram.sizeLimit)
    let note = TemplateProgram(path: path, architecture: "", sha256: "", origin: origin)
    return try provided(bytes, note, file, architecture)
  }

  private func read(
    _ package: DebArchive, sha256: String, architecture: String?, origin: String
  ) throws -> Provided {
    let bytes = try pick(package.path) { receive in
      try package.forEachEntry(jobs: 1) { try receive($0, $1) }
    }
    let note = TemplateProgram(
      path: path, architecture: "", sha256: "", origin: origin, package: package.control.package,
      version: package.control.version, packageSHA256: sha256, packageSize: package.file.size)
    return try provided(bytes, note, package.path, architecture)
  }

  /// Reads the program from an Alpine package that was checked.
  /// - Parameter signedBy: the key that vouches for it.
  func read(
    _ package: ApkArchive, architecture: String?, origin: String, signedBy key: String?
  ) throws -> Provided {
    let bytes = try pick(package.name) { receive in
      try package.forEachEntry { try receive($0, $1) }
    }
    let note = TemplateProgram(
      path: path, architecture: "", sha256: "", origin: origin, package: package.control.package,
      version: package.control.version, packageSHA256: Digest.sha256(of: package.bytes),
      packageSize: package.bytes.count, signedBy: key)
    return try provided(bytes, note, package.name, architecture)
  }

  private func provided(
    _ bytes: [UInt8], _ note: TemplateProgram, _ file: String, _ architecture: String?
  ) throws -> Provided {
    let program = try inside(file) {
      let program = try StaticProgram(bytes)
      _ = try linkNames(program)
      return program
    }
    guard architecture ?? program.architecture.rawValue == program.architecture.rawValue else {
      throw KitError(
        .invalid,
        "\(file): its \(rawValue) is for \(program.architecture.rawValue), and \(architecture ?? "") is asked for"
      )
    }
    var note = note
    note.architecture = program.architecture.rawValue
    note.sha256 = Digest.sha256(of: program.bytes)
    return Provided(program: program, note: note)
  }

  private typealias Receive = (TarEntry, TarReader) throws -> Void

  /// The program's bytes out of a package's entries.
  private func pick(_ file: String, _ forEachEntry: (Receive) throws -> Void) throws -> [UInt8] {
    var found: [Int: [UInt8]] = [:]
    try forEachEntry { entry, tar in
      guard entry.kind == .file, let rank = members.firstIndex(of: entry.path) else { return }
      found[rank] = try tar.body(limit: StaticProgram.sizeLimit)
    }
    guard let best = found.keys.min(), let bytes = found[best] else {
      throw KitError(
        .invalid, "\(file): there is no \(members.prefix(2).joined(separator: " or ")) in it",
        advice: "give a \(debianPackage) package")
    }
    return bytes
  }
}
