/// The commands of a shell script, as far as their names are written in it. It is read without running it.
struct ShellCommands {
  /// Programs that run the command which follows their name.
  private static let prefixes: Set<String> = [
    "busybox", "command", "env", "exec", "ionice", "nice", "nohup", "setsid", "taskset", "time",
    "timeout", "unshare", "watch", "xargs",
  ]
  private static let keywords: Set<String> = [
    "do", "elif", "else", "if", "then", "until", "while", "!", "{",
  ]
  /// Tests of files, and ways to ask whether there is a program.
  private static let questions: Set<String> = [
    "-e", "-f", "-h", "-L", "-s", "-v", "-x", "alias", "function", "type", "unalias", "which",
  ]

  /// Names that begin a command, without their folders, but for the script's own functions and programs that
  /// the script looks for before it runs them.
  private(set) var names: Set<String>

  /// The script's functions, files that are redirected to or tested, and programs that are looked for.
  private(set) var provided: Set<String>

  /// What text stands in: quotes, `$(…)` and `(…)`.
  private enum Place { case double, single, parentheses, backquotes }

  private let bytes: [UInt8]
  private var index = 0
  private var places: [Place] = []
  /// Whether the next word begins a command.
  private var isAtCommand = true
  private var isAfterPrefix = false
  private var isAfterQuestion = false
  private var word: [UInt8] = []
  private var wordIsPlain = true
  private var found: Set<String> = []
  private var known: Set<String> = []
  /// Ends of here-documents whose text begins with the next line.
  private var documents: [[UInt8]] = []

  init(_ script: [UInt8]) {
    bytes = script
    (names, provided) = ([], [])
    while index < bytes.count { step() }
    endWord()
    (names, provided) = (found.subtracting(known), known)
  }

  private mutating func step() {
    let byte = bytes[index]
    switch (places.last, byte) {
    case (.single, UInt8(ascii: "'")), (.double, UInt8(ascii: "\"")):
      places.removeLast()
      index += 1
    case (.single, _):
      take(byte)
    case (_, UInt8(ascii: "\\")):
      // A line that goes on; else a character that stands for itself.
      if index + 1 < bytes.count, bytes[index + 1] != 0x0a { take(bytes[index + 1]) }
      index += index + 1 < bytes.count && bytes[index + 1] != 0x0a ? 1 : 2
    case (_, UInt8(ascii: "$")) where next == UInt8(ascii: "("):
      index += 2
      if index < bytes.count, bytes[index] == UInt8(ascii: "(") {
        skipArithmetic()
      } else {
        begin(.parentheses)
      }
    case (_, UInt8(ascii: "$")):
      skipVariable()
    case (.backquotes, UInt8(ascii: "`")):
      endWord()
      places.removeLast()
      isAtCommand = false
      wordIsPlain = false
      index += 1
    case (_, UInt8(ascii: "`")):
      index += 1
      begin(.backquotes)
    case (.double, _):
      take(byte)
    case (_, UInt8(ascii: "\"")):
      places.append(.double)
      index += 1
    case (_, UInt8(ascii: "'")):
      places.append(.single)
      index += 1
    default: stepOutsideOfQuotes(byte)
    }
  }

  private var next: UInt8? { index + 1 < bytes.count ? bytes[index + 1] : nil }

  private mutating func stepOutsideOfQuotes(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "#") where word.isEmpty && wordIsPlain:
      index = bytes[index...].firstIndex(of: 0x0a) ?? bytes.count
    case 0x20, 0x09:
      endWord()
      index += 1
    case 0x0a:
      endWord()
      beginCommand()
      index += 1
      skipDocuments()
    case UInt8(ascii: "<") where next == byte: readDocument()
    case UInt8(ascii: "<"), UInt8(ascii: ">"):
      // What follows is a file.
      endWord()
      isAfterQuestion = true
      index += 1
    case UInt8(ascii: "&") where index > 0 && bytes[index - 1] == UInt8(ascii: ">"):
      index += 1
    case UInt8(ascii: ";"), UInt8(ascii: "&"), UInt8(ascii: "|"):
      endWord()
      beginCommand()
      index += 1
    case UInt8(ascii: "(") where next == UInt8(ascii: ")") && !word.isEmpty:
      known.insert(String(decoding: word, as: UTF8.self))
      word = []
      index += 2
      beginCommand()
    case UInt8(ascii: "("):
      index += 1
      endWord()
      begin(.parentheses)
    case UInt8(ascii: ")"): closeParenthesis()
    default: take(byte)
    }
  }

  private mutating func closeParenthesis() {
    index += 1
    guard places.last == .parentheses else {
      // The end of a pattern of `case`.
      (word, wordIsPlain) = ([], true)
      return beginCommand()
    }
    endWord()
    places.removeLast()
    isAtCommand = false
    wordIsPlain = false
  }

  private mutating func begin(_ place: Place) {
    (word, wordIsPlain) = ([], true)
    places.append(place)
    beginCommand()
  }

  private mutating func beginCommand() {
    (isAtCommand, isAfterPrefix, isAfterQuestion) = (true, false, false)
  }

  private mutating func take(_ byte: UInt8) {
    word.append(byte)
    index += 1
  }

  /// A variable's value is no word of the script.
  private mutating func skipVariable() {
    wordIsPlain = false
    index += 1
    guard index < bytes.count else { return }
    if bytes[index] == UInt8(ascii: "{") {
      index += 1
      // Up to what may hold quotes and commands: `${x#"$y"}` goes on as text of this word.
      while index < bytes.count, Self.isPartOfName(bytes[index]) { index += 1 }
      return
    }
    while index < bytes.count, Self.isPartOfName(bytes[index]) { index += 1 }
  }

  /// `$((…))`, up to its end.
  private mutating func skipArithmetic() {
    wordIsPlain = false
    var depth = 1
    while index < bytes.count, depth > 0 {
      if bytes[index] == UInt8(ascii: "(") { depth += 1 }
      if bytes[index] == UInt8(ascii: ")") { depth -= 1 }
      index += 1
    }
  }

  /// Whether what begins as a command does is a pattern of `case`: `a | b)`.
  private var isPattern: Bool {
    guard places.last != .parentheses else { return false }
    let end = bytes[index...].first {
      $0 == 0x0a || "();&\"'$`#".utf8.contains($0)
    }
    return end == UInt8(ascii: ")")
  }

  private static func isPartOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "_"): true
    default: false
    }
  }

  private mutating func endWord() {
    defer { (word, wordIsPlain) = ([], true) }
    guard !word.isEmpty || !wordIsPlain else { return }
    let text = String(decoding: word, as: UTF8.self)
    if isAfterQuestion {
      isAfterQuestion = text.hasPrefix("-")
      known.insert(String(text.split(separator: "/").last ?? ""))
      return
    }
    if Self.questions.contains(text) {
      isAfterQuestion = true
      return
    }
    if text == "-c" || text == "-exec" {
      // `sh -c "…"`, `find -exec …`
      (isAtCommand, isAfterPrefix) = (true, true)
      return
    }
    guard isAtCommand, !isPattern else { return }
    if wordIsPlain, Self.keywords.contains(text) { return }
    if isAfterPrefix, text.first.map({ $0 == "-" || $0.isNumber }) ?? true { return }
    if let sign = text.firstIndex(of: "="), sign > text.startIndex { return }
    isAtCommand = false
    guard wordIsPlain else { return }
    let name = String(text.split(whereSeparator: \.isWhitespace).first ?? "")
    let last = String(name.split(separator: "/").last ?? "")
    found.insert(last)
    if Self.prefixes.contains(last) { (isAtCommand, isAfterPrefix) = (true, true) }
  }

  /// `<<END` and its like.
  private mutating func readDocument() {
    endWord()
    index += 2
    guard index < bytes.count, bytes[index] != UInt8(ascii: "<") else {
      index += 1
      isAfterQuestion = true
      return
    }
    var end: [UInt8] = []
    while index < bytes.count,
      ![0x20, 0x09, 0x0a, UInt8(ascii: ";"), UInt8(ascii: ")")].contains(bytes[index])
    {
      if ![UInt8(ascii: "-"), UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "\\")].contains(
        bytes[index])
        || !end.isEmpty && bytes[index] == UInt8(ascii: "-")
      {
        end.append(bytes[index])
      }
      index += 1
    }
    if !end.isEmpty { documents.append(end) }
  }

  private mutating func skipDocuments() {
    for end in documents {
      while index < bytes.count {
        let line = bytes[index...].prefix { $0 != 0x0a }
        index = min(line.endIndex + 1, bytes.count)
        if line.drop(while: { $0 == 0x09 }).elementsEqual(end) { break }
      }
    }
    documents = []
  }
}
