/// A package's version, ordered as dpkg orders them. deb-version(7).
package struct DebianVersion: Sendable, Comparable, CustomStringConvertible {
  /// The version, as it was written.
  package let description: String

  /// Takes a version as it is: every text can be compared.
  package init(_ text: String) {
    description = text
  }

  /// Orders versions as dpkg does. deb-version(7).
  package static func < (left: DebianVersion, right: DebianVersion) -> Bool {
    let (a, b) = (left.parts, right.parts)
    if a.epoch != b.epoch {
      // Digits only, without leading zeros: the longer one is the larger one.
      return (a.epoch.count, a.epoch) < (b.epoch.count, b.epoch)
    }
    let upstream = compare(Array(a.upstream.utf8), Array(b.upstream.utf8))
    return upstream != 0
      ? upstream < 0 : compare(Array(a.revision.utf8), Array(b.revision.utf8)) < 0
  }

  /// Versions that dpkg takes for the same are the same, however they are written (1.0 and 1.00).
  package static func == (left: DebianVersion, right: DebianVersion) -> Bool {
    !(left < right) && !(right < left)
  }

  private var parts: (epoch: String, upstream: Substring, revision: Substring) {
    let colon = description.firstIndex(of: ":")
    let epoch = colon.map { String(description[..<$0].drop { $0 == "0" }) } ?? ""
    let rest = colon.map { description[description.index(after: $0)...] } ?? description[...]
    guard let dash = rest.lastIndex(of: "-") else { return (epoch, rest, "") }
    return (epoch, rest[..<dash], rest[rest.index(after: dash)...])
  }

  /// Runs of other characters and of digits in turn.
  private static func compare(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var (i, j) = (0, 0)
    while i < a.count || j < b.count {
      while i < a.count && !isDigit(a[i]) || j < b.count && !isDigit(b[j]) {
        let difference = rank(a, i) - rank(b, j)
        if difference != 0 { return difference }
        i += 1
        j += 1
      }
      let first = number(a, &i)
      let second = number(b, &j)
      if first.count != second.count { return first.count - second.count }
      if first != second { return first.lexicographicallyPrecedes(second) ? -1 : 1 }
    }
    return 0
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30..<0x3a).contains(byte) }

  private static func number(_ text: [UInt8], _ position: inout Int) -> ArraySlice<UInt8> {
    let digits = text[min(position, text.count)...].prefix(while: isDigit)
    position += digits.count
    return digits.drop { $0 == 0x30 }
  }

  /// `~` before the end, the end before letters, letters before all else.
  private static func rank(_ text: [UInt8], _ position: Int) -> Int {
    guard position < text.count, !isDigit(text[position]) else { return 0 }
    let byte = text[position]
    if byte == UInt8(ascii: "~") { return -1 }
    let isLetter = (0x41..<0x5b).contains(byte) || (0x61..<0x7b).contains(byte)
    return isLetter ? Int(byte) : Int(byte) + 256
  }
}
