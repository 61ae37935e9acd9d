package import Formats

/// A package's name, version and architecture, as the package or a list states them.
package struct PackageIdentity: Sendable, Hashable, CustomStringConvertible {
  /// The package's name.
  package var name: String
  /// The version, as its distribution writes it.
  package var version: String
  /// The distribution's name of the architecture.
  package var architecture: String

  /// Makes the identity of a package.
  package init(name: String, version: String, architecture: String) {
    (self.name, self.version, self.architecture) = (name, version, architecture)
  }

  /// `busybox-static 1.36.1-r29 for x86_64`
  package var description: String { "\(name) \(version) for \(architecture)" }
}

/// A package in the format of some distribution, open for reading.
///
/// Each format is a folder of this target; `PackageFormat` lists them.
package protocol PackageArchive: Sendable {
  /// The end of such files' names, with its dot.
  static var fileExtension: String { get }

  /// Returns whether a file can be of this format.
  /// - Parameter start: its first bytes, eight of them or all.
  static func isBegun(by start: [UInt8]) -> Bool

  /// Reads what comes before the package's files.
  /// - Throws: `FormatError` for a damaged or unknown package, `KitError` for one that contradicts itself.
  init(_ file: InputFile) throws

  /// The path of the file, or the address that it came from, for messages.
  var path: String { get }
  /// Bytes of the whole file.
  var size: Int { get }
  /// What the package says of itself.
  var identity: PackageIdentity { get }

  /// Returns the hash of the whole file, of the bytes that `walk` reads.
  /// - Throws: `FormatError.io`.
  func hash(_ algorithm: FileHash.Algorithm) throws -> FileHash

  /// Hands on the package's files, folders and links in their order, each with its bytes, which are there until the
  /// next one.
  /// - Parameter jobs: processors that decompression may use.
  /// - Throws: `FormatError` for a damaged package or one beyond a limit, and what `receive` throws.
  func walk(jobs: Int, _ receive: (TarEntry, any ByteSource) throws -> Void) throws
}
