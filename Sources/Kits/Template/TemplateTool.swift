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

  /// Reads the program from a package of a mirror.
  /// - Parameter architecture: Debian's name of the one it has to be for.
  /// - Throws: `FormatError` for a damaged package; `KitError` for one without the program, or with one for another
  ///   architecture.
  package func read(
    _ download: PackageDownload<some PackageReference>, architecture: String
  ) throws -> Provided {
    var provided = try read(
      download.archive, sha256: download.sha256, architecture: architecture,
      origin: download.url, signedBy: download.signedBy)
    provided.note.chain = download.package.chain
    return provided
  }

  /// Reads the program from a package or the bare executable; which of them a file is, its content says.
  /// - Parameters:
  ///   - architecture: Debian's name of the one it has to be for; nil for any.
  ///   - origin: what the note says of it; nil for the file's name.
  ///   - keys: one of them has to have signed it, which then has to be a package; nil for a file that is
  ///     taken as it is.
  /// - Throws: `FormatError` for a damaged file; `KitError` for one without the program, with the
  ///   wrong one, or that is not what was signed.
  package func read(
    _ file: String, architecture: String? = nil, origin: String? = nil,
    keys: (any PackageKeys)? = nil
  ) throws -> Provided {
    let input = try InputFile(file)
    let origin = origin ?? FileTree.name(of: file)
    if try PackageFormat.isPackage(input) {
      let package = try PackageFormat.open(input)
      let key = try keys.map { try $0.signer(of: package) }
      return try read(
        package, sha256: try package.hash(.sha256).text, architecture: architecture, origin: origin,
        signedBy: key)
    }
    guard keys == nil else {
      throw KitError(
        .usage, "\(file): --keys requires a package, and this is not one",
        advice: "omit --keys, or give an .apk")
    }
    let bytes = try input.readAll(limit: StaticProgram.sizeLimit)
    let note = TemplateProgram(path: path, architecture: "", sha256: "", origin: origin)
    return try provided(bytes, note, file, architecture)
  }

  private func read(
    _ package: any PackageArchive, sha256: String, architecture: String?, origin: String,
    signedBy key: String?
  ) throws -> Provided {
    let identity = package.identity
    let note = TemplateProgram(
      path: path, architecture: "", sha256: "", origin: origin, package: identity.name,
      version: identity.version, packageSHA256: sha256, packageSize: package.size, signedBy: key)
    return try provided(pick(package), note, package.path, architecture)
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

  /// Returns the program's bytes out of a package.
  private func pick(_ package: any PackageArchive) throws -> [UInt8] {
    var found: [Int: [UInt8]] = [:]
    try package.walk(jobs: 1) { entry, body in
      guard entry.kind == .file, let rank = members.firstIndex(of: entry.path) else { return }
      found[rank] = try SourceReader(body).readToEnd(limit: StaticProgram.sizeLimit)
    }
    guard let best = found.keys.min(), let bytes = found[best] else {
      throw KitError(
        .invalid,
        "\(package.path): there is no \(members.prefix(2).joined(separator: " or ")) in it",
        advice: "give a \(rawValue)-static package")
    }
    return bytes
  }
}
