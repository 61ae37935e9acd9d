/// A shell script of a template, as far as the names of programs in it go. It is read without running it.
struct ShellScript {
  /// What words may have in them beside letters and digits.
  private static let punctuation = Set("_-+.".utf8)

  /// Every word outside of comments that may be a program's name, at the start of a command or not: shells find
  /// programs in too many ways to tell these apart. Variables and what is assigned to are no such words.
  let words: Set<String>
  /// The words that begin a command. What the script defines or looks for itself is not among them.
  let commands: Set<String>
  /// The names that the script defines or looks for itself.
  let provided: Set<String>

  /// - Returns: nil for what is no script of a shell.
  init?(_ bytes: [UInt8]) {
    guard bytes.starts(with: "#!".utf8) else { return nil }
    let lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false)
    let interpreter = String(decoding: lines[0].dropFirst(2), as: UTF8.self)
      .split(separator: " ").prefix(2).map { $0.split(separator: "/").last ?? "" }
    guard interpreter.contains(where: { $0.hasSuffix("sh") || $0 == "busybox" }) else {
      return nil
    }
    var words: Set<String> = []
    for line in lines.dropFirst() { Self.read(line, &words) }
    self.words = words
    let read = ShellCommands(bytes)
    (commands, provided) = (read.names, read.provided)
  }

  private static func read(_ line: ArraySlice<UInt8>, _ words: inout Set<String>) {
    var quote: UInt8?
    var before: UInt8 = 0x20
    var index = line.startIndex
    while index < line.endIndex {
      let byte = line[index]
      if isPartOfWord(byte) {
        let end = line[index...].firstIndex { !isPartOfWord($0) } ?? line.endIndex
        let isVariable =
          before == UInt8(ascii: "$")
          || before == UInt8(ascii: "{") && index > line.startIndex + 1
            && line[index - 2] == UInt8(ascii: "$")
        let isAssigned = end < line.endIndex && line[end] == UInt8(ascii: "=")
        if !isVariable, !isAssigned {
          words.insert(String(decoding: line[index..<end], as: UTF8.self))
        }
        before = line[end - 1]
        index = end
        continue
      }
      if byte == UInt8(ascii: "#"), quote == nil,
        [0x20, 0x09, UInt8(ascii: ";"), UInt8(ascii: "("), UInt8(ascii: "&")].contains(before)
      {
        return
      }
      if byte == UInt8(ascii: "\\") {
        // What is quoted by it starts or ends nothing.
        before = byte
        index += 1
        if index < line.endIndex, !isPartOfWord(line[index]) { index += 1 }
        continue
      }
      if byte == quote {
        quote = nil
      } else if quote == nil, byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
        quote = byte
      }
      before = byte
      index += 1
    }
  }

  private static func isPartOfWord(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: punctuation.contains(byte)
    }
  }
}
