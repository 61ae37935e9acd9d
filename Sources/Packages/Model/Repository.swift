package import Formats

/// A package as a signed list names it.
package protocol PackageReference: Sendable {
  /// What the package has to say of itself.
  var identity: PackageIdentity { get }
  /// The file's name, without folders.
  var fileName: String { get }
  /// Where it is.
  var url: String { get }
  /// Bytes of the whole file.
  var size: Int { get }
  /// What vouches for it; nil for lists without a chain that a manifest could keep.
  var chain: SignatureChain? { get }
}

/// A package that was downloaded, or was in the cache, and is the one that a signed list names.
package struct PackageDownload<Reference: PackageReference>: Sendable {
  /// The package on this machine, open: it is what was checked, whatever comes in its place.
  package var archive: any PackageArchive
  /// The same file.
  package var file: InputFile
  /// The package, as the index names it.
  package var package: Reference
  /// Of the whole file, in small hexadecimal digits.
  package var sha256: String
  /// The name of the key whose signature in the package was checked; nil for formats that have none.
  package var signedBy: String?

  /// Where it came from.
  package var url: String { package.url }
}

/// The packages of a distribution's mirror. It hands on only files that a trusted key vouches for.
package protocol Repository: Sendable {
  associatedtype Reference: PackageReference

  /// Returns the name of the package that holds a static build of a program.
  /// - Throws: `KitError.usage` for a program that this distribution does not have as such.
  func packageName(ofStatic program: String) throws -> String

  /// Returns the newest version of a package.
  /// - Parameter architecture: Debian's name of the architecture.
  /// - Throws: `KitError.missing` where there is none, with the nearest name if there is one;
  ///   `KitError.unverified` for a list that no trusted key vouches for.
  func find(_ name: String, architecture: String) async throws -> Reference

  /// Downloads packages, or takes them from the cache.
  /// - Throws: `KitError.unverified` for a file that is not the one that the list names.
  func download(_ packages: [Reference]) throws -> [PackageDownload<Reference>]
}

extension Repository {
  /// Downloads the newest version of a package.
  /// - Throws: as `find` and `download`.
  package func newest(
    _ name: String, architecture: String
  ) async throws -> PackageDownload<Reference> {
    try await download([find(name, architecture: architecture)])[0]
  }
}

/// A repository with kernels that kits are made of.
package protocol KernelRepository: Repository {
  /// Returns the packages of a kernel.
  /// - Parameters:
  ///   - name: a package, a kernel release or the beginning of a version; nil for the kernel that the distribution
  ///     means for virtual machines.
  ///   - version: the version of the package that is named; nil for the newest.
  /// - Throws: as `find`.
  func findKernel(_ name: String?, version: String?, architecture: String) async throws
    -> [Reference]

  /// Returns what the signed lists say of a package that is on this machine already.
  /// - Parameter architecture: whose lists to look in for a package for all architectures.
  /// - Throws: `KitError.unverified` when no list has a package of these bytes.
  func twin(of package: any PackageArchive, architecture: String) async throws -> Reference

  /// Downloads the file with a SHA-256 that some version of a package has.
  /// - Parameter size: bytes; nil where that is not known.
  /// - Returns: nil when no list has it.
  /// - Throws: as `find` and `download`.
  func file(
    of name: String, architecture: String, size: Int?, sha256: String
  ) async throws -> InputFile?
}

extension KernelRepository {
  /// Downloads the packages of a kernel.
  /// - Throws: as `findKernel` and `download`.
  package func kernelPackages(
    _ name: String?, version: String? = nil, architecture: String
  ) async throws -> [PackageDownload<Reference>] {
    try await download(findKernel(name, version: version, architecture: architecture))
  }
}
