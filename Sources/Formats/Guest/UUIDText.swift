/// How UUIDs are written.
package enum UUIDText {
  private static let groups = [4, 6, 8, 10]

  /// Sixteen bytes in their order. RFC 9562, section 4.
  package static func plain(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    for (index, byte) in bytes.enumerated() {
      if groups.contains(index) { text.append(UInt8(ascii: "-")) }
      appendHexadecimal(byte, to: &text)
    }
    return text
  }

  /// Sixteen bytes of a GUID, whose first three numbers are little-endian. UEFI, appendix A.
  package static func mixed(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count == 16 else { return [] }
    var ordered = bytes
    for (to, from) in [3, 2, 1, 0, 5, 4, 7, 6].enumerated() { ordered[to] = bytes[from] }
    return plain(ordered)
  }

  static func appendHexadecimal(_ byte: UInt8, to text: inout [UInt8], isUpper: Bool = false) {
    for digit in [byte >> 4, byte & 15] {
      let letter = UInt8(ascii: isUpper ? "A" : "a")
      text.append(digit < 10 ? UInt8(ascii: "0") + digit : letter + digit - 10)
    }
  }
}

/// Names in UTF-16, as partition tables have them.
enum UTF16Text {
  /// The text up to a zero, in UTF-8; what is no character becomes U+FFFD.
  static func utf8(_ bytes: Span<UInt8>, at offset: Int, units: Int) -> [UInt8] {
    var text: [UInt8] = []
    var index = 0
    func unit(_ index: Int) -> UInt32 {
      index < units
        ? (bytes.littleEndian(at: offset + 2 * index) as UInt16?).map(UInt32.init) ?? 0 : 0
    }
    while unit(index) != 0 {
      var scalar = unit(index)
      index += 1
      if scalar & 0xfc00 == 0xd800, unit(index) & 0xfc00 == 0xdc00 {
        scalar = 0x10000 + (scalar & 0x3ff) << 10 + (unit(index) & 0x3ff)
        index += 1
      } else if scalar & 0xf800 == 0xd800 {
        scalar = 0xfffd
      }
      append(scalar, to: &text)
    }
    return text
  }

  private static func append(_ scalar: UInt32, to text: inout [UInt8]) {
    func tail(_ shift: UInt32) -> UInt8 { UInt8(0x80 | scalar >> shift & 0x3f) }
    switch scalar {
    case ..<0x80: text.append(UInt8(scalar))
    case ..<0x800: text += [UInt8(0xc0 | scalar >> 6), tail(0)]
    case ..<0x10000: text += [UInt8(0xe0 | scalar >> 12), tail(6), tail(0)]
    default: text += [UInt8(0xf0 | scalar >> 18 & 7), tail(12), tail(6), tail(0)]
    }
  }
}

extension [UInt8] {
  var withoutTrailingBlanks: [UInt8] {
    var bytes = self
    while let last = bytes.last, last == 0x20 || last == 0 { bytes.removeLast() }
    return bytes
  }

  /// Whether two texts are the same but for the case of ASCII's letters.
  package func isSameIgnoringCase(_ other: [UInt8]) -> Bool {
    func lower(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }
    guard count == other.count else { return false }
    for index in indices where lower(self[index]) != lower(other[index]) { return false }
    return true
  }
}
