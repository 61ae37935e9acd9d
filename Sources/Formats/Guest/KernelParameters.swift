/// The parameters of a kernel's command line, one after the other, up to `--`: `NAME`, `NAME=VALUE`.
///
/// They stand apart by blanks outside of double quotes; a quote before the name or the value, and the
/// one at the end, are not part of it. Linux, lib/cmdline.c, next_arg().
package struct KernelParameters: Sendable {
  package struct Parameter: Equatable, Sendable {
    package var name: [UInt8]
    package var value: [UInt8]?
  }

  private let line: [UInt8]
  private var position = 0
  /// Whether `--` has come.
  private var isOver = false

  package init(_ line: [UInt8]) {
    self.line = line
  }

  package mutating func next() -> Parameter? {
    while position < line.count, ByteWords.isBlank(line[position]) { position += 1 }
    guard position < line.count, !isOver else { return nil }
    var word: [UInt8] = []
    var isQuoted = false
    while position < line.count {
      let byte = line[position]
      if ByteWords.isBlank(byte), !isQuoted { break }
      if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
      word.append(byte)
      position += 1
    }
    if word.isText("--") {
      isOver = true
      return nil
    }
    return Self.parameter(word)
  }

  /// The words behind `--`, which are arguments of init.
  package mutating func arguments() -> [[UInt8]] {
    while next() != nil {}
    var words: [[UInt8]] = []
    while position < line.count {
      isOver = false
      if let word = next() {
        words.append(word.name + (word.value.map { [UInt8(ascii: "=")] + $0 } ?? []))
      } else if isOver {
        words.append([0x2d, 0x2d])
      }
    }
    return words
  }

  private static func parameter(_ word: [UInt8]) -> Parameter {
    let quote = UInt8(ascii: "\"")
    var word = word
    let isQuoted = word.first == quote
    if isQuoted {
      word.removeFirst()
      if word.last == quote { word.removeLast() }
    }
    guard let equals = word.firstIndex(of: UInt8(ascii: "=")) else {
      return Parameter(name: word, value: nil)
    }
    var value = Array(word[(equals + 1)...])
    if !isQuoted, value.first == quote {
      value.removeFirst()
      if value.last == quote { value.removeLast() }
    }
    return Parameter(name: Array(word[..<equals]), value: value)
  }
}
