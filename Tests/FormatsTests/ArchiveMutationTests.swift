import Formats
import TestSupport
import Testing

/// Readers of archives, with damaged ones: an error or entries, and no trap.
@Suite struct ArchiveMutationTests {
  static func damaged(_ bytes: [UInt8], _ round: Int, _ random: inout SeededGenerator) -> [UInt8] {
    var copy = bytes
    for _ in 0...round % 5 {
      copy[Int.random(in: 0..<copy.count, using: &random)] = UInt8.random(
        in: 0...255, using: &random)
    }
    if round % 3 == 0 { copy.removeLast(Int.random(in: 0..<copy.count, using: &random)) }
    return copy
  }

  @Test func newc() throws {
    var writer = NewcWriter()
    try writer.add("bin", .directory, mode: 0o755, modified: 1)
    try writer.add("bin/tool", .file(Array("hello".utf8)), mode: 0o755, modified: 1)
    try writer.add("bin/link", .symbolicLink(target: "tool"), mode: 0o777, modified: 1)
    try writer.add("console", .characterDevice(major: 5, minor: 1), mode: 0o600, modified: 1)
    let archive = try writer.finish()
    var random = SeededGenerator(seed: 31)
    for round in 0..<2000 {
      let reader = NewcReader(MemorySource(Self.damaged(archive, round, &random)))
      var entries = 0
      while let entry = try? reader.next() {
        #expect(!entry.path.split(separator: "/").contains("..") && !entry.path.hasPrefix("/"))
        if entries % 2 == 0 { _ = try? reader.body(limit: 100) }
        entries += 1
      }
    }
  }

  @Test func ar() throws {
    let folder = try TemporaryFolder()
    var archive = Array("!<arch>\n".utf8)
    for (name, content) in [("debian-binary", "2.0\n"), ("control.tar/", "odd"), ("data.tar", "")] {
      func padded(_ text: String, _ width: Int) -> [UInt8] {
        Array(text.utf8) + [UInt8](repeating: 0x20, count: width - text.utf8.count)
      }
      archive += padded(name, 16) + padded("0", 12) + padded("0", 6) + padded("0", 6)
      archive += padded("100644", 8) + padded("\(content.utf8.count)", 10) + [0x60, 0x0a]
      archive += Array(content.utf8) + (content.utf8.count % 2 == 1 ? [0x0a] : [])
    }
    var random = SeededGenerator(seed: 32)
    for round in 0..<600 {
      let bytes = Self.damaged(archive, round, &random)
      let file = try InputFile(folder.write("a", bytes))
      guard var reader = try? ArReader(file) else { continue }
      while let member = try? reader.next() {
        #expect(member.range.lowerBound >= 68 && member.range.upperBound <= bytes.count)
      }
    }
  }

  @Test("Extremes in the fields of a tar header")
  func tarExtremes() throws {
    for value in ["-9223372036854775808.5", "9223372036854775807", "-9223372036854775808", "-1"] {
      for key in ["mtime", "size", "uid", "gid"] {
        let record = " \(key)=\(value)\n"
        let length = record.utf8.count + (record.utf8.count + 2 > 99 ? 3 : 2)
        var bytes = Self.header("x", "x", size: length) + Array("\(length)\(record)".utf8)
        bytes += [UInt8](repeating: 0, count: 512 - length)
        bytes += Self.header("file", "0", size: 0)
        let reader = TarReader(MemorySource(bytes))
        for _ in 0..<3 { _ = try? reader.next() }
      }
    }
  }

  private static func header(_ name: String, _ type: Character, size: Int) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
      for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
    }
    put(name, at: 0)
    put(String(size, radix: 8), at: 124)
    put(String(type), at: 156)
    put("        ", at: 148)
    put(String(header.reduce(0) { $0 + Int($1) }, radix: 8) + "\0", at: 148)
    return header
  }
}
