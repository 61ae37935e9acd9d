/// What a guest wrote to its console.
package struct Console: Sendable {
  private static let keptLines = 200

  /// Whole lines without control sequences, the latest `keptLines` of them; without the registers and stacks that a
  /// kernel dumps, which are longer than what led to them.
  package private(set) var lines: [String] = []
  /// The line that is being written.
  private var line: [UInt8] = []
  /// Whether the guest has not written a byte yet.
  package private(set) var isSilent = true

  /// Makes a console that nothing was written to.
  package init() {}

  /// - Returns: lines that were completed.
  package mutating func receive(_ bytes: some Sequence<UInt8>) -> [String] {
    var completed: [String] = []
    for byte in bytes {
      isSilent = false
      if byte == 0x0a {
        completed.append(Self.plain(line))
        line = []
      } else if line.count < 4096 {
        line.append(byte)
      }
    }
    lines += completed.filter { !ConsoleLine($0).isDump }
    if lines.count > Self.keptLines { lines.removeFirst(lines.count - Self.keptLines) }
    return completed
  }

  /// The line that has no end yet: a prompt, or the last words of a guest.
  package var unfinishedLine: String { Self.plain(line) }

  /// Without carriage returns, escape sequences (ECMA-48, 5.4) and other control characters.
  private static func plain(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    var escape = 0
    for byte in bytes {
      switch (escape, byte) {
      case (0, 0x1b): escape = 1
      case (1, UInt8(ascii: "[")): escape = 2
      case (1, _): escape = 0
      case (2, 0x40...0x7e): escape = 0
      case (2, _): break
      case (_, 0..<0x20) where byte != 0x09: break
      default: text.append(byte)
      }
    }
    var line = String.UnicodeScalarView(String(decoding: text, as: UTF8.self).unicodeScalars)
    line.removeAll { (0x7f..<0xa0).contains($0.value) }
    return String(line)
  }
}
