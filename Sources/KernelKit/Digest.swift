internal import Crypto
internal import Formats

/// SHA-256 in small hexadecimal digits, as sha256sum prints it. FIPS 180-4.
enum Digest {
  static func sha256(of file: InputFile) throws -> String {
    let source = file.source(0..<file.size)
    var hash = SHA256()
    while true {
      let piece = try source.next()
      if piece.isEmpty { return text(hash.finalize()) }
      hash.update(data: piece)
    }
  }

  static func sha256(of bytes: [UInt8]) -> String {
    text(SHA256.hash(data: bytes))
  }

  static func text(_ digest: some Sequence<UInt8>) -> String {
    digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
