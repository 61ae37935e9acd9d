internal import Formats
internal import FoundationEssentials

/// ASCII armour. RFC 9580, section 6.
enum Armour {
  enum Kind: String {
    case publicKey = "PUBLIC KEY BLOCK"
    case signature = "SIGNATURE"
  }

  /// The bytes of all blocks of a kind, one after another.
  /// - Throws: `FormatError.malformed` for text that holds none.
  static func decoded(_ bytes: [UInt8], _ kind: Kind) throws(FormatError) -> [UInt8] {
    let name = kind.rawValue.filter { $0 != " " }
    let what = kind == .publicKey ? "key" : "signature"
    var result: [UInt8] = []
    var isInBody = false
    var isInBlock = false
    var base64: [UInt8] = []
    for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) {
      let text = String(decoding: line, as: UTF8.self).filter { !$0.isWhitespace }
      if text == "-----BEGINPGP\(name)-----" {
        isInBlock = true
      } else if text == "-----ENDPGP\(name)-----" {
        guard let block = Data(base64Encoded: Data(base64)) else {
          throw FormatError(.malformed, "holds a \(what) that is not Base64")
        }
        result += Array(block)
        (isInBlock, isInBody, base64) = (false, false, [])
      } else if isInBlock, !isInBody {
        // Headers, then an empty line.
        isInBody = text.isEmpty
      } else if isInBody, !text.hasPrefix("=") {
        base64 += Array(text.utf8)
      }
    }
    guard !result.isEmpty else {
      throw FormatError(.malformed, "holds no \(kind == .publicKey ? "public key" : what)")
    }
    return result
  }
}
