/// Where a program in a RAM disk template came from: an entry of its SOURCES.json.
public struct TemplateProgram: Codable, Sendable, Hashable {
  /// Below the template.
  public var path: String
  /// Debian's name of the architecture.
  public var architecture: String
  public var sha256: String
  /// The file's name, or the address that it was fetched from.
  public var origin: String
  /// Nil when the program did not come in a package.
  public var package: String?
  public var version: String?
  public var packageSHA256: String?
  /// Bytes; nil in notes of earlier versions.
  public var packageSize: Int?
  /// The name of the Alpine key whose signature was checked; nil for a file that was taken as it is,
  /// and for Debian's.
  public var signedBy: String?
  /// What vouches for a package of a Debian mirror.
  public var chain: Manifest.Chain?

  /// `busybox-static 1:1.35.0-4`
  var title: String { [package ?? origin, version].compactMap { $0 }.joined(separator: " ") }

  public init(
    path: String, architecture: String, sha256: String, origin: String, package: String? = nil,
    version: String? = nil, packageSHA256: String? = nil, packageSize: Int? = nil,
    signedBy: String? = nil
  ) {
    self.path = path
    self.architecture = architecture
    self.sha256 = sha256
    self.origin = origin
    self.package = package
    self.version = version
    self.packageSHA256 = packageSHA256
    self.packageSize = packageSize
    self.signedBy = signedBy
  }
}
