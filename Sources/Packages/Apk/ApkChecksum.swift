internal import Basics
internal import FoundationEssentials

/// Checksums as Alpine's indexes write them: `Q1`, then a SHA-1 in Base64.
enum ApkChecksum {
  /// - Returns: the 20 bytes; nil for what is no such checksum.
  static func sha1(_ text: String) -> [UInt8]? {
    guard text.hasPrefix("Q1"), let bytes = Data(base64Encoded: String(text.dropFirst(2))),
      bytes.count == 20
    else { return nil }
    return Array(bytes)
  }

  static func text(_ sha1: [UInt8]) -> String {
    "Q1" + Data(sha1).base64EncodedString()
  }

  static func sha1(of bytes: ArraySlice<UInt8>) -> [UInt8] {
    Digest.hash(bytes, .sha1)
  }
}
