/// Keys that vouch for packages which carry signatures of their own.
package protocol PackageKeys: Sendable {
  /// Checks a package's own signature.
  /// - Returns: the name of the key.
  /// - Throws: `KitError.unverified` for a package that none of the keys has signed, `.usage` for one of a format
  ///   that they are not for.
  func signer(of package: any PackageArchive) throws -> String
}
