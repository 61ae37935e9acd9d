package import Packages

/// Where a program in a RAM disk template came from: an entry of its SOURCES.json.
package struct TemplateProgram: Codable, Sendable, Hashable {
  /// Below the template.
  package var path: String
  /// Debian's name of the architecture.
  package var architecture: String
  /// The SHA-256 of the program.
  package var sha256: String
  /// The file's name, or the address that it was fetched from.
  package var origin: String
  /// Nil when the program did not come in a package.
  package var package: String?
  /// The package's version; nil for a program of no package.
  package var version: String?
  /// The SHA-256 of the package; nil for a program of no package.
  package var packageSHA256: String?
  /// Bytes; nil in notes of earlier versions.
  package var packageSize: Int?
  /// The name of the key whose signature in the package was checked; nil for a file that was taken as it is, and for
  /// formats without signatures.
  package var signedBy: String?
  /// What vouches for a package of a mirror with signed lists.
  package var chain: SignatureChain?

  /// `busybox-static 1:1.35.0-4`
  var title: String { [package ?? origin, version].compactMap { $0 }.joined(separator: " ") }

  /// Makes the note of a program.
  package init(
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
