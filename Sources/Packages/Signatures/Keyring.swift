internal import Formats

/// A key that a source's `Signed-By` names. sources.list(5).
package struct KeyFingerprint: Sendable, Hashable {
  /// In capital letters.
  package var text: String
  /// Whether signatures of its subkeys do not count: `!` behind it.
  package var isExact: Bool

  /// Reads a word of the field Signed-By. sources.list(5).
  package init(_ word: String) {
    isExact = word.hasSuffix("!")
    text = (isExact ? String(word.dropLast()) : word).uppercased()
  }

  /// What is no fingerprint is one that no key has, so that nothing is taken that apt refuses.
  static func signedBy(_ value: String) -> [KeyFingerprint] {
    guard !value.contains("-----BEGIN") else { return [] }
    return Keyring.words(ofSignedBy: value).filter { !$0.hasPrefix("/") }.map(KeyFingerprint.init)
  }

  func takes(_ signature: SignatureVerifier.Signature) -> Bool {
    text == signature.key || !isExact && text == signature.primaryKey
  }
}

/// Public keys.
package enum Keyring: Sendable, Hashable {
  /// A file of keys, binary or in ASCII armour.
  case file(String)
  /// Keys in ASCII armour.
  case text(String)
  /// Debian's and Ubuntu's, and those that apt takes for sources without `Signed-By`, below a root. apt-secure(8).
  case trusted(root: String)

  /// Debian's and Ubuntu's keys, as the packages debian-archive-keyring and ubuntu-keyring have them.
  static let distributions = ["debian", "ubuntu"].map {
    "/usr/share/keyrings/\($0)-archive-keyring.gpg"
  }
  private static let sizeLimit = 1 << 24

  /// Those of a source's `Signed-By`: files, or the keys themselves. sources.list(5).
  static func signedBy(_ value: String) -> [Keyring] {
    if value.contains("-----BEGIN") {
      // In a field, an empty line is written as a dot.
      let lines = value.split(separator: "\n", omittingEmptySubsequences: false)
      return [.text(lines.map { $0 == "." ? "" : String($0) }.joined(separator: "\n"))]
    }
    return words(ofSignedBy: value).filter { $0.hasPrefix("/") }.map { .file($0) }
  }

  static func words(ofSignedBy value: String) -> [String] {
    value.split { $0 == "," || $0.isWhitespace }.map(String.init)
  }

  /// The keys in the form that gpgv and sqv read, file by file.
  func binaries() throws -> [[UInt8]] {
    switch self {
    case .text(let text):
      return [try inside("Signed-By") { try Armour.decoded(Array(text.utf8), .publicKey) }]
    case .file(let path): return [try Self.binary(path)]
    case .trusted(let root):
      let apt = "\(root)/etc/apt"
      let parts = ((try? FileTree.names(in: "\(apt)/trusted.gpg.d")) ?? [])
        .filter { $0.hasSuffix(".gpg") || $0.hasSuffix(".asc") }
      let paths =
        Self.distributions.map { root + $0 } + ["\(apt)/trusted.gpg"]
        + parts.map { "\(apt)/trusted.gpg.d/\($0)" }
      // What is no file of keys vouches for nothing, for apt as well.
      return paths.compactMap { try? Self.binary($0) }.filter(Self.isKey)
    }
  }

  /// ASCII armour: RFC 9580, section 6.
  private static func binary(_ path: String) throws -> [UInt8] {
    let bytes = try InputFile(path).readAll(limit: sizeLimit)
    guard bytes.starts(with: "-----BEGIN".utf8) else { return bytes }
    return try inside(path) { try Armour.decoded(bytes, .publicKey) }
  }

  /// Whether it begins with a public key packet, and is no keybox. RFC 9580, 4.2 and 5.
  private static func isKey(_ bytes: [UInt8]) -> Bool {
    bytes.first.map { (0x98...0x9b).contains($0) || $0 == 0xc6 } ?? false
  }
}
