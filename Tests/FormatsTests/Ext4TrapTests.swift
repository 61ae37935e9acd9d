import Formats
import TestSupport
import Testing

/// What other writers of ext4 got wrong.
@Suite struct Ext4TrapTests {
  /// The value behind `label` in what debugfs says of an inode.
  private func field(_ label: String, _ text: String) -> String? {
    guard let range = text.firstRange(of: label) else { return nil }
    return String(
      text[range.upperBound...].drop { $0 == " " }.prefix { !$0.isWhitespace })
  }

  @Test func attributesAreKeptWhole() async throws {
    let folder = try TemporaryFolder()
    let disk = folder("disk")
    let seconds = [-(1 << 31), -1, 0, 1 << 31 - 1, 1 << 31, 1 << 32, 3 << 32 + 1 << 31 - 1]
    try rawImage(disk, size: 64 << 20) { writer in
      for (index, time) in seconds.enumerated() {
        try writer.addFile("/time\(index)", .plain(0o640, time, 123_456_789), bytes: [])
      }
      try writer.addFile(
        "/owned",
        Ext4Attributes(
          mode: 0o6755, owner: 0x1_0002, group: 0xFFFF_FFFE, modified: Ext4Time(seconds: 1)),
        bytes: [1])
      try writer.addDirectory("/sticky", .plain(0o1777))
      try writer.addFile("/made/file", .plain(), bytes: [])
    }
    try await ImageTool.check(disk)
    for (index, time) in seconds.enumerated() {
      let text = try await ImageTool.debugfs(disk, "stat /time\(index)")
      let signed = Int(Int32(truncatingIfNeeded: time))
      let low = String(UInt32(truncatingIfNeeded: time), radix: 16)
      let extra = String(123_456_789 << 2 | (time - signed) >> 32, radix: 16)
      let word = String(repeating: "0", count: 8 - low.count) + low
      for name in [" atime:", " mtime:", " ctime:", "crtime:"] {
        #expect(field(name, text) == "0x\(word):\(extra)")
      }
    }
    let owned = try await ImageTool.debugfs(disk, "stat /owned")
    #expect(field("User:", owned) == "65538" && field("Mode:", owned) == "06755")
    #expect(field("Group:", owned) == "4294967294" || field("Group:", owned) == "-2")
    #expect(try await field("Mode:", ImageTool.debugfs(disk, "stat /sticky")) == "01777")
    // Made for the path's sake: as a folder of root's, with the time of what is in it.
    let made = try await ImageTool.debugfs(disk, "stat /made")
    #expect(field("Mode:", made) == "0755" && field(" mtime:", made) == "0x5f5e1000:00000000")
  }

  @Test func linksOfAllLengths() async throws {
    let folder = try TemporaryFolder()
    let disk = folder("disk")
    let lengths = [1, 58, 59, 60, 61, 1000, 4095]
    let targets = lengths.map { String(repeating: "t", count: $0) }
    try rawImage(disk, size: 64 << 20) { writer in
      for target in targets {
        try writer.addSymbolicLink("/links/\(target.utf8.count)", to: target, .plain())
      }
      try writer.addFile("/a", .plain(), bytes: noise(5000))
      for name in ["b", "c", "deep/d"] { try writer.addHardLink("/\(name)", to: "/a") }
    }
    try await ImageTool.check(disk)
    try FileTree.makeDirectories(folder("out"))
    _ = try await ImageTool.debugfs(disk, "rdump /links \(folder("out"))")
    for target in targets {
      let path = folder("out") + "/links/\(target.utf8.count)"
      if target.utf8.count < 4095 {
        #expect(try FileTree.linkTarget(path) == target)
      }
      let text = try await ImageTool.debugfs(disk, "stat /links/\(target.utf8.count)")
      #expect(field("Size:", text) == "\(target.utf8.count)")
      #expect(field("Blockcount:", text) == (target.utf8.count < 60 ? "0" : "8"))
    }
    #expect(try await field("Links:", ImageTool.debugfs(disk, "stat /deep/d")) == "4")
  }

  @Test func filesOfAllSizesComeBack() async throws {
    let folder = try TemporaryFolder()
    let sizes = [0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 300_000, 5 << 20 + 7]
    var writer: Ext4Writer?
    try rawImage(folder("disk"), size: 64 << 20) {
      writer = $0
      for size in sizes { try $0.addFile("/f\(size)", .plain(), bytes: noise(size)) }
      // A file that is read back while its last cluster is still being collected.
      let last = try #require(sizes.last)
      #expect(try allBytes($0.contents(of: "/f\(last)")) == noise(last))
    }
    try await ImageTool.check(folder("disk"))
    for size in sizes {
      _ = try await ImageTool.debugfs(folder("disk"), "dump /f\(size) \(folder("out"))")
      #expect(try InputFile(folder("out")).readAll(limit: 1 << 30) == noise(size))
      #expect(try allBytes(writer?.contents(of: "/f\(size)")) == noise(size))
    }
    #expect(try writer?.contents(of: "/nothing") == nil)
    #expect(try writer?.contents(of: "/") == nil)
  }

  @Test func namesThatNoDirectoryMayHold() async throws {
    let folder = try TemporaryFolder()
    for path in [
      "", "/", "..", "a/../b", "./a", "a//b", "a/", "a\0b", String(repeating: "n", count: 256),
    ] {
      let writer = try Ext4Writer(
        RawImageWriter(OutputFile(replacing: folder("disk"))), size: 64 << 20, mayGrow: true)
      #expect(throws: FormatError.self) { try writer.addFile(path, .plain(), bytes: []) }
    }
    try rawImage(folder("disk"), size: 64 << 20) { writer in
      try writer.addFile("/" + String(repeating: "n", count: 255), .plain(), bytes: [])
      try writer.addFile("/...", .plain(), bytes: [])
      try writer.addFile("/caf\u{e9}", .plain(), bytes: [1])
      try writer.addFile("/cafe\u{301}", .plain(), bytes: [2])  // other bytes, so another name
    }
    try await ImageTool.check(folder("disk"))
  }

  @Test func whatContradictsItselfIsRefused() throws {
    let folder = try TemporaryFolder()
    func refused(_ body: (Ext4Writer) throws -> Void) throws {
      let writer = try Ext4Writer(
        RawImageWriter(OutputFile(replacing: folder("disk"))), size: 64 << 20, mayGrow: true)
      try writer.addFile("/file", .plain(), bytes: [1])
      try writer.addDirectory("/folder", .plain(0o755))
      #expect(throws: FormatError.self) { try body(writer) }
      // A writer that has failed makes no file system.
      #expect(throws: FormatError.self) { try writer.finish(.sample()) }
    }
    try refused { try $0.addFile("/file", .plain(), bytes: []) }
    try refused { try $0.addDirectory("/folder", .plain()) }
    try refused { try $0.addDirectory("/file", .plain()) }
    try refused { try $0.addFile("/file/below", .plain(), bytes: []) }
    try refused { try $0.addHardLink("/link", to: "/folder") }
    try refused { try $0.addHardLink("/link", to: "/nothing") }
    try refused { try $0.addSymbolicLink("/link", to: "", .plain()) }
    try refused { try $0.addSymbolicLink("/link", to: "a\0b", .plain()) }
    try refused {
      try $0.addSymbolicLink("/link", to: String(repeating: "t", count: 4096), .plain())
    }
    try refused { try $0.addFile("/short", .plain(), size: 3, source: MemorySource([1, 2])) }
    try refused { writer in
      try writer.addFile("/outer", .plain()) { _ in
        try writer.addFile("/inner", .plain(), bytes: [])
      }
    }
    #expect(throws: FormatError.self) { try Ext4Time(seconds: 3 << 32 + 1 << 31) }
    #expect(throws: FormatError.self) { try Ext4Time(seconds: -(1 << 31) - 1) }
    #expect(throws: FormatError.self) { try Ext4Identity.sample(label: "seventeen letters") }
    #expect(FileTree.status(folder("disk")) == nil)
  }

  /// More extents than an inode holds, and block numbers behind several groups' superblocks.
  @Test func aFileOfSeveralGiB() async throws {
    let folder = try TemporaryFolder()
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    let size = 5 << 30 + 12345
    var writer: Ext4Writer?
    let summary = try rawImage(folder("disk"), size: 200 << 20) {
      writer = $0
      try $0.addFile("/small", .plain(), bytes: noise(10000))
      try $0.addFile("/large", .plain()) { append in
        var left = size
        while left > zeros.count {
          try append(zeros[...])
          left -= zeros.count
        }
        try append(noise(left)[...])
      }
      try $0.addFile("/last", .plain(), bytes: noise(10000, seed: 2))
    }
    #expect(summary.size > size)
    try await ImageTool.check(folder("disk"))
    let text = try await ImageTool.debugfs(folder("disk"), "stat /large")
    #expect(field("Size:", text) == "\(size)")
    #expect(text.contains("(ETB0):"))
    #expect(try allBytes(writer?.contents(of: "/last")) == noise(10000, seed: 2))
    let tail = size % zeros.count
    let part = try InputFile(folder("disk"))
    let last = try await ImageTool.debugfs(folder("disk"), "bmap /large \(size / 4096)")
    let block = try #require(Int(last.split(separator: "\n").last.map(String.init) ?? ""))
    #expect(
      try part.read(at: block * 4096, count: size % 4096) == Array(noise(tail).suffix(size % 4096)))
  }
}
