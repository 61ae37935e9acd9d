internal import Formats

/// What sha256sum(1) checks: a line for each file, with its SHA-256, two spaces and its name.
struct Checksums {
  static let fileName = "SHA256SUMS"

  private var lines: [String]

  init(_ files: [Manifest.Output]) {
    lines = files.map(Self.line)
  }

  /// - Throws: `FormatError` for what can't be read; lines are taken as they are.
  init(reading path: String) throws {
    let bytes = try InputFile(path).readAll(limit: 1 << 20)
    lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  func contains(_ file: Manifest.Output) -> Bool { lines.contains(Self.line(file)) }

  /// Takes the lines of another's files over.
  mutating func add(_ other: Checksums, where isWanted: (String) -> Bool) {
    lines += other.lines.filter {
      let name = String(Self.name($0))
      return !name.isEmpty && isWanted(name)
    }
  }

  /// In the names' order.
  var bytes: [UInt8] {
    let sorted = lines.sorted { Self.name($0) < Self.name($1) }
    return Array(sorted.map { $0 + "\n" }.joined().utf8)
  }

  private static func line(_ file: Manifest.Output) -> String { "\(file.sha256)  \(file.file)" }

  private static func name(_ line: String) -> Substring { line.dropFirst(66) }
}
