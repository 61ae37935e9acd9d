internal import Basics
internal import Formats

/// The list of a repository's packages, `APKINDEX.tar.gz`: a signature member, then an archive with the
/// file APKINDEX, of records that an empty line ends. apk-repositories(5), Alpine's wiki, "Apk spec".
struct ApkIndex {
  /// A package as the index names it.
  struct Package: Sendable {
    var name: String
    var version: AlpineVersion
    /// Alpine's name of it.
    var architecture: String
    /// Bytes of the whole file.
    var size: Int
    /// SHA-1 of the control member's compressed bytes.
    var checksum: [UInt8]

    var fileName: String { "\(name)-\(version).apk" }

    var identity: PackageIdentity {
      PackageIdentity(name: name, version: version.description, architecture: architecture)
    }
  }

  private static let textLimit = 1 << 27

  let packages: [Package]
  /// The name of the key that vouches for the index.
  let key: String

  /// Checks the signature, then reads the packages of one name. Those that this program can't read are
  /// left out.
  /// - Parameter url: for messages.
  /// - Throws: `KitError.unverified`, `FormatError`.
  init(_ bytes: [UInt8], keys: AlpineKeys, package name: String, url: String) throws {
    var members = GzipMembers(bytes)
    guard let first = try members.next(limit: ApkSignatures.memberLimit),
      let signatures = try ApkSignatures.read(first)
    else { throw KitError(.unverified, "\(url): is not signed", advice: "use another mirror") }
    key = try keys.verify(bytes[members.offset...], signatures, name: url)
    packages = try Self.packages(in: TarReader(members.rest()), name)
  }

  static func packages(in tar: TarReader, _ name: String) throws -> [Package] {
    while let entry = try tar.next() {
      guard entry.path == "APKINDEX", entry.kind == .file else { continue }
      let text = try tar.body(limit: textLimit)
      let wanted = Array("P:\(name)".utf8)
      return text.split(separator: 0x0a, omittingEmptySubsequences: false).split { $0.isEmpty }
        .filter { $0.contains { $0.elementsEqual(wanted) } }.compactMap(package)
    }
    throw FormatError(.malformed, "the index has no file APKINDEX")
  }

  private static func package(_ lines: ArraySlice<ArraySlice<UInt8>>) -> Package? {
    var fields: [Character: String] = [:]
    for line in lines {
      let text = String(decoding: line, as: UTF8.self)
      guard let letter = text.first, text.dropFirst().first == ":" else { continue }
      // A field that comes twice could be read in two ways.
      guard fields.updateValue(String(text.dropFirst(2)), forKey: letter) == nil else { return nil }
    }
    guard let name = fields["P"], let version = fields["V"].flatMap({ AlpineVersion($0) }),
      let architecture = fields["A"], let size = fields["S"].flatMap({ Int(digits: $0) }), size > 0,
      let checksum = fields["C"].flatMap(ApkChecksum.sha1)
    else { return nil }
    return Package(
      name: name, version: version, architecture: architecture, size: size, checksum: checksum)
  }
}
