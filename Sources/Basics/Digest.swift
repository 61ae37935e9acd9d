package import Formats

/// SHA-256 in small hexadecimal digits, as sha256sum prints it. FIPS 180-4.
package enum Digest {
  /// Returns the SHA-256 of a whole file, in hexadecimal digits. FIPS 180-4.
  /// - Throws: `FormatError` for what can't be read.
  package static func sha256(of file: InputFile) throws -> String {
    let hash = HashComputation()
    try file.source(0..<file.size).forEachPiece { hash.update($0) }
    return text(hash.finalize())
  }

  /// Returns the SHA-256 of bytes, in hexadecimal digits. FIPS 180-4.
  package static func sha256(of bytes: [UInt8]) -> String {
    text(hash(bytes))
  }

  /// Returns the hash of bytes that are all there.
  package static func hash(
    _ bytes: some Collection<UInt8>, _ function: LibCrypto.HashFunction = .sha256
  ) -> [UInt8] {
    let hash = HashComputation(function)
    hash.update(bytes)
    return hash.finalize()
  }

  /// Adds what is there to read, to its end.
  /// - Parameter read: up to `count` bytes from an offset; none at the end.
  /// - Returns: how many bytes there were.
  package static func update(
    _ hash: HashComputation, from read: (_ offset: Int, _ count: Int) throws -> [UInt8]
  ) throws -> Int {
    var size = 0
    while true {
      let piece = try read(size, 1 << 20)
      if piece.isEmpty { return size }
      hash.update(piece)
      size += piece.count
    }
  }

  /// Returns bytes in hexadecimal digits.
  package static func text(_ digest: some Sequence<UInt8>) -> String {
    digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
