internal import Basics
package import Formats

/// An Alpine package of version 2: gzip members whose tars follow each other, signature, control and
/// data. Alpine's wiki, "Apk spec"; apk-package(5).
///
/// The signature is of the control member, as it is compressed, and the control member has the hash of
/// the data, as it is compressed. All of it is in memory: what was checked is what is read.
package struct ApkArchive: PackageArchive {
  /// Fields of .PKGINFO that this program uses.
  struct Control: Sendable, Hashable {
    var package: String
    var version: String
    /// Alpine's name of it.
    var architecture: String
    /// SHA-256 of the data's compressed bytes, in hexadecimal digits.
    var dataHash: String
  }

  /// Alpine's largest packages are larger; those with one static program have a few MB.
  static let sizeLimit = 1 << 27
  /// Scripts and .PKGINFO.
  private static let controlLimit = 1 << 24
  /// The most bytes of all files and headers.
  private static let contentLimit = 1 << 30

  /// How names of files end.
  package static let fileExtension = ".apk"
  private static let version3Magic = Array("ADB".utf8)

  /// The file's path, or its address.
  package let path: String
  private let bytes: [UInt8]
  let control: Control
  private let signatures: [AlpineKeys.Signature]
  private let controlRange: Range<Int>
  private let members: GzipMembers

  /// Bytes of the whole file.
  package var size: Int { bytes.count }
  /// The name, version and architecture in .PKGINFO.
  package var identity: PackageIdentity {
    PackageIdentity(
      name: control.package, version: control.version, architecture: control.architecture)
  }

  /// Returns whether a file may begin so: with gzip.
  package static func isBegun(by start: [UInt8]) -> Bool {
    Compression.detect(start) == .gzip || start.starts(with: version3Magic)
  }

  /// Reads a package.
  /// - Throws: `FormatError` for what is none, or is too large.
  package init(_ file: InputFile) throws {
    try self.init(file.readAll(limit: Self.sizeLimit), name: file.path)
  }

  /// Reads a package that is in memory.
  /// - Parameter name: a path or an address, for messages.
  /// - Throws: `FormatError` for a damaged package, `KitError.invalid` for one of version 3, `KitError.unverified` for
  ///   one whose data has another hash than its control member states.
  init(_ bytes: [UInt8], name: String) throws {
    guard !bytes.starts(with: Self.version3Magic) else {
      throw KitError(
        .invalid, "\(name): is an Alpine package of version 3 (expected version 2)",
        advice: "unpack it with apk, and give its executable")
    }
    path = name
    self.bytes = bytes
    (signatures, control, controlRange, members) = try inside(name) {
      var members = GzipMembers(bytes)
      guard var member = try members.next(limit: Self.controlLimit) else {
        throw FormatError(.truncated, "is empty")
      }
      let signatures = try ApkSignatures.read(member)
      if signatures != nil {
        guard let next = try members.next(limit: Self.controlLimit) else {
          throw FormatError(.truncated, "ends after the signature", offset: bytes.count)
        }
        member = next
      }
      return (signatures ?? [], try Self.control(member), member.range, members)
    }
    let hash = Digest.text(Digest.hash(bytes[members.offset...]))
    guard hash == control.dataHash else {
      throw KitError(
        .unverified,
        "\(name): its data has SHA-256 \(hash) (.PKGINFO: \(control.dataHash))",
        advice: "download it again")
    }
  }

  /// Checks the package's own signature.
  /// - Returns: the key's name.
  /// - Throws: `KitError.unverified`.
  package func verify(_ keys: AlpineKeys) throws -> String {
    guard !signatures.isEmpty else {
      throw KitError(
        .unverified, "\(path): is not signed", advice: "use one that Alpine signed")
    }
    return try keys.verify(bytes[controlRange], signatures, name: path)
  }

  /// Checks that this is the package that an index names.
  /// - Throws: `KitError.unverified`.
  func check(against package: ApkIndex.Package) throws {
    func refused(_ reason: String) -> KitError {
      KitError(.unverified, "\(path): \(reason)", advice: "try again, or use another mirror")
    }
    guard bytes.count == package.size else {
      throw refused("has \(bytes.count) bytes (index: \(package.size))")
    }
    let checksum = ApkChecksum.sha1(of: bytes[controlRange])
    guard checksum == package.checksum else {
      throw refused(
        "its control member has checksum \(ApkChecksum.text(checksum)) (index: \(ApkChecksum.text(package.checksum)))"
      )
    }
    guard identity == package.identity else {
      throw refused("is \(identity) (index: \(package.identity))")
    }
  }

  /// Returns the hash of the whole file.
  package func hash(_ algorithm: FileHash.Algorithm) -> FileHash {
    FileHash(of: bytes, algorithm)
  }

  /// Hands on the entries of the package's data.
  /// - Throws: `FormatError` for what is damaged, and what `receive` throws.
  package func walk(
    jobs: Int, _ receive: (TarEntry, any ByteSource) throws -> Void
  ) throws {
    try inside(path) {
      let tar = TarReader(
        LimitedSource(
          try members.rest(), limit: Self.contentLimit, compressedSize: bytes.count))
      while let entry = try tar.next() {
        if !entry.path.hasPrefix(".") { try receive(entry, tar.body) }
      }
    }
  }

  private static func control(_ member: GzipMembers.Member) throws -> Control {
    let tar = TarReader(MemorySource(member.content))
    guard let entry = try tar.next(), entry.path == ".PKGINFO", entry.kind == .file else {
      throw FormatError(
        .malformed, "is not an Alpine package: .PKGINFO does not come first",
        offset: member.range.lowerBound)
    }
    let control = try Self.control(tar.body(limit: 1 << 20))
    // What the control member holds for itself has names with a dot; files belong into the data.
    while let entry = try tar.next() {
      guard entry.path.hasPrefix("."), entry.path != ".PKGINFO" else {
        throw FormatError(
          .malformed, "the control member holds \(entry.path.quoted)",
          offset: member.range.lowerBound)
      }
    }
    return control
  }

  private static func control(_ text: [UInt8]) throws(FormatError) -> Control {
    var fields: [Substring: String] = [:]
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, !line.hasPrefix("#"), let name = parts[0].split(separator: " ").first
      else { continue }
      fields[name] = parts[1].split(separator: " ").joined(separator: " ")
    }
    guard let package = fields["pkgname"], let version = fields["pkgver"],
      let architecture = fields["arch"], let dataHash = fields["datahash"]
    else {
      throw FormatError(.malformed, ".PKGINFO lacks pkgname, pkgver, arch or datahash")
    }
    return Control(
      package: package, version: version, architecture: architecture, dataHash: dataHash)
  }
}
