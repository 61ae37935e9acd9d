/// The words of a line of bytes, one after the other.
package struct ByteWords: Sendable {
  private let line: [UInt8]
  private var position = 0

  package init(_ line: [UInt8]) {
    self.line = line
  }

  package static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0d).contains(byte)
  }

  package mutating func next() -> [UInt8]? {
    skipBlanks()
    guard position < line.count else { return nil }
    let start = position
    while position < line.count, !Self.isBlank(line[position]) { position += 1 }
    return Array(line[start..<position])
  }

  /// All that follows the last word, without blanks around it.
  package var rest: [UInt8] {
    var words = self
    words.skipBlanks()
    var end = line.count
    while end > words.position, Self.isBlank(line[end - 1]) { end -= 1 }
    return Array(line[words.position..<end])
  }

  private mutating func skipBlanks() {
    while position < line.count, Self.isBlank(line[position]) { position += 1 }
  }
}

extension [UInt8] {
  /// Whether these are the bytes of a text: comparing strings would bring Unicode's tables into the
  /// guest.
  package func isText(_ text: StaticString) -> Bool {
    span.count == text.utf8CodeUnitCount && span.has(text, at: 0)
  }

  package func startsWithText(_ text: StaticString) -> Bool {
    span.has(text, at: 0)
  }

  /// A module's name as the kernel has it.
  package var withUnderscores: [UInt8] {
    map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
  }
}
