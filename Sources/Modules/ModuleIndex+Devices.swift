internal import Formats

extension ModuleIndex {
  /// `MODULE NAME cMAJ:MIN`: device nodes whose opening loads a module. Empty when there are none.
  func deviceText() -> [UInt8] {
    var text: [UInt8] = []
    for position in modules.indices {
      var name: ArraySlice<UInt8>?
      var numbers: String?
      for alias in modules[position].facts.values(of: "alias") {
        // Most are of devices on a bus.
        guard let first = alias.first, "bcd".utf8.contains(first) else { continue }
        if let found = Self.deviceNumbers(alias, "char-major-", "c")
          ?? Self.deviceNumbers(alias, "block-major-", "b")
        {
          numbers = found
        } else if alias.starts(with: "devname:".utf8) {
          name = alias.dropFirst(8)
        }
        if name != nil, numbers != nil { break }
      }
      guard let name, let numbers else { continue }
      if text.isEmpty {
        text += "# Device nodes to trigger on-demand module loading.\n".utf8
      }
      text += "\(modules[position].name) ".utf8
      text += name
      text += " \(numbers)\n".utf8
    }
    return text
  }

  /// `c10:200` of `char-major-10-200`, and of whatever else scanf(3) takes for two numbers.
  private static func deviceNumbers(
    _ alias: ArraySlice<UInt8>, _ start: String, _ kind: String
  ) -> String? {
    guard alias.starts(with: start.utf8) else { return nil }
    var rest = alias.dropFirst(start.utf8.count)
    guard let major = scanNumber(&rest), rest.popFirst() == UInt8(ascii: "-"),
      let minor = scanNumber(&rest)
    else { return nil }
    return "\(kind)\(major):\(minor)"
  }

  /// scanf(3), `%u`: blanks, a sign, digits; a long that is cut to 32 bits.
  private static func scanNumber(_ bytes: inout ArraySlice<UInt8>) -> UInt32? {
    bytes = bytes.drop(while: ByteWords.isBlank)
    let isNegative = bytes.first == UInt8(ascii: "-")
    if isNegative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
    let digits = bytes.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard !digits.isEmpty else { return nil }
    bytes = bytes[digits.endIndex...]
    guard let number = UInt64(String(decoding: digits, as: UTF8.self)) else { return .max }
    return UInt32(truncatingIfNeeded: isNegative ? 0 &- number : number)
  }
}
