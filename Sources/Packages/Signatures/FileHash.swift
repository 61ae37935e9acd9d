internal import Basics
internal import Formats

/// The hash that an archive gives of one of its files: SHA-256, or SHA-512 in lists that have no other.
package struct FileHash: Sendable, Hashable {
  /// The hashes that a list may state, by the names of its fields.
  package enum Algorithm: String, Sendable {
    case sha256 = "SHA256"
    case sha512 = "SHA512"

    /// The number of hexadecimal digits of a hash.
    var digits: Int { self == .sha256 ? 64 : 128 }

    var function: LibCrypto.HashFunction { self == .sha256 ? .sha256 : .sha512 }

    /// `SHA-256`, as messages have it.
    var title: String { self == .sha256 ? "SHA-256" : "SHA-512" }
  }

  /// How the hash was computed.
  package let algorithm: Algorithm
  /// In small hexadecimal digits.
  package let text: String

  /// - Returns: nil for text that is no hash of this kind.
  package init?(_ algorithm: Algorithm, _ text: some StringProtocol) {
    guard text.utf8.count == algorithm.digits,
      text.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit })
    else { return nil }
    self.algorithm = algorithm
    self.text = text.lowercased()
  }

  /// The hash of bytes that are all there.
  init(of bytes: [UInt8], _ algorithm: Algorithm) {
    self.algorithm = algorithm
    text = Digest.text(Digest.hash(bytes, algorithm.function))
  }

  /// The hash of a file.
  init(of file: InputFile, _ algorithm: Algorithm) throws {
    let hash = HashComputation(algorithm.function)
    try file.source(0..<file.size).forEachPiece { hash.update($0) }
    self.algorithm = algorithm
    text = Digest.text(hash.finalize())
  }
}
