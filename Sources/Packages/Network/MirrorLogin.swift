internal import Formats

/// What stands before the host in a mirror's address. It is sent to that mirror, and neither shown nor
/// written. RFC 3986, 3.2.1.
package struct MirrorLogin: Sendable, Hashable {
  /// The user's name.
  package var user: String
  /// Empty where the address has none.
  package var password: String

  /// An address without its login, and that.
  static func split(_ address: String) -> (address: String, login: MirrorLogin?) {
    guard let scheme = address.firstRange(of: "://") else { return (address, nil) }
    let authority = address[scheme.upperBound...].prefix { !"/?#".contains($0) }
    guard let end = authority.lastIndex(of: "@") else { return (address, nil) }
    let parts = authority[..<end].split(
      separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let login = MirrorLogin(
      user: unescaped(parts[0]), password: parts.count > 1 ? unescaped(parts[1]) : "")
    return (String(address[..<scheme.upperBound] + address[end...].dropFirst()), login)
  }

  /// Percent-encoded bytes. RFC 3986, 2.1.
  private static func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      let digits = String(decoding: rest.prefix(2), as: UTF8.self)
      if byte == UInt8(ascii: "%"), digits.utf8.count == 2, digits.allSatisfy(\.isHexDigit),
        let value = UInt8(digits, radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
