/// Texts are bytes here: strings would bring Unicode's tables with them.
extension [UInt8] {
  init(_ text: StaticString) {
    self = []
    self += text
  }

  static func + (left: [UInt8], right: StaticString) -> [UInt8] {
    var result = left
    result += right
    return result
  }

  static func + (left: StaticString, right: [UInt8]) -> [UInt8] {
    [UInt8](left) + right
  }

  static func += (left: inout [UInt8], right: StaticString) {
    unsafe left.append(
      contentsOf: UnsafeBufferPointer(start: right.utf8Start, count: right.utf8CodeUnitCount))
  }

  init(decimal number: Int) {
    self = []
    if number < 0 { append(UInt8(ascii: "-")) }
    var digits: [UInt8] = []
    var rest = number.magnitude
    repeat {
      digits.append(UInt8(ascii: "0") + UInt8(rest % 10))
      rest /= 10
    } while rest > 0
    self += digits.reversed()
  }

  /// The number that these digits are.
  var number: Int? {
    guard !isEmpty, count < 10 else { return nil }
    var result = 0
    for byte in self {
      guard (0x30...0x39).contains(byte) else { return nil }
      result = result * 10 + Int(byte - 0x30)
    }
    return result
  }

  var withoutNewline: [UInt8] {
    last == 0x0a ? Array(dropLast()) : self
  }

  /// What follows the last slash.
  var lastPathPart: [UInt8] {
    guard let slash = lastIndex(of: UInt8(ascii: "/")) else { return self }
    return Array(self[(slash + 1)...])
  }
}

extension UInt8 {
  /// The value of a hexadecimal digit.
  var hexadecimalDigit: UInt8? {
    switch self {
    case 0x30...0x39: self - 0x30
    case 0x41...0x46: self - 0x41 + 10
    case 0x61...0x66: self - 0x61 + 10
    default: nil
    }
  }
}

/// What coldplug says, on the console.
enum Console {
  static func say(_ text: [UInt8]) {
    System.write("minivm: " + text + "\n", to: 1)
  }
}
