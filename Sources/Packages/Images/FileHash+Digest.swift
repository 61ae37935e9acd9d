/// Digests as images write them: `sha256:HEX`. OCI Image Format Specification, "Digests".
extension FileHash {
  /// Reads a digest.
  /// - Returns: nil for text that is no SHA-256 or SHA-512 in small hexadecimal digits.
  package init?(digest: some StringProtocol) {
    let parts = digest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[1].utf8.contains(where: { (0x41...0x5a).contains($0) }) else {
      return nil
    }
    switch parts[0] {
    case "sha256": self.init(.sha256, parts[1])
    case "sha512": self.init(.sha512, parts[1])
    default: return nil
    }
  }

  /// `sha256:HEX`.
  package var digest: String { "\(algorithm == .sha256 ? "sha256" : "sha512"):\(text)" }

  /// The first digits, which are enough to find a digest among others: `sha256:0123456789ab`.
  package var shortDigest: String { String(digest.prefix(7 + 12)) }
}
