/// The chain from a trusted key to a package, as manifests keep it.
package struct SignatureChain: Codable, Sendable, Hashable {
  /// The signed list.
  package var release: TrustedRelease
  /// The address of the index that names the package.
  package var index: String
  /// The SHA-256 of the index that names the package.
  package var indexSHA256: String
}

/// A signed list that a trusted key vouches for, and how it was found. Manifests keep it.
package struct TrustedRelease: Sendable, Hashable, Codable {
  /// As it was asked for.
  package var suite: String
  /// Where the list came from.
  package var url: String
  /// When the suite's list was made: `2026-07-11T10:16:37Z`.
  package var date: String
  /// Of the primary keys whose signatures are good: what archives publish.
  package var fingerprints: [String]
  /// Of the keys that made these signatures, in the same order: often subkeys of the primary ones.
  package var signingKeys: [String]
  /// The day that the user said it is, for an archive of the past.
  package var at: String?

  /// Makes a list that a key vouches for.
  package init(
    suite: String, url: String, date: String, fingerprints: [String], signingKeys: [String],
    at: String? = nil
  ) {
    self.suite = suite
    self.url = url
    self.date = date
    self.fingerprints = fingerprints
    self.signingKeys = signingKeys
    self.at = at
  }
}
