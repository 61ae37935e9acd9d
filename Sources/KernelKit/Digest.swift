internal import Crypto
internal import Formats

/// SHA-256 in small hexadecimal digits, as sha256sum prints it. FIPS 180-4.
enum Digest {
  static func sha256(of file: InputFile) throws -> String {
    var hash = SHA256()
    try file.source(0..<file.size).forEachPiece { hash.update(data: $0) }
    return text(hash.finalize())
  }

  static func sha256(of bytes: [UInt8]) -> String {
    text(SHA256.hash(data: bytes))
  }

  static func text(_ digest: some Sequence<UInt8>) -> String {
    digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
