import Formats
import TestSupport
import Testing

@Suite struct Ext4SizeTests {
  @Test(arguments: [
    8, 9, 64, 127, 128, 129, 130, 140, 200, 256, 257, 384, 1023, 1024, 2048, 4100, 16384, 20480,
  ])
  func anySizeIsClean(mebibytes: Int) async throws {
    let folder = try TemporaryFolder()
    let summary = try rawImage(folder("disk"), size: mebibytes << 20, mayGrow: false) { writer in
      try writer.addFile("/a/b", .plain(), bytes: noise(1 << 20))
    }
    #expect(summary.size == mebibytes << 20)
    #expect(try InputFile(folder("disk")).size == mebibytes << 20)
    try await ImageTool.check(folder("disk"))
    // As many inodes as mke2fs makes, and its journal.
    let ours = try await Tool.run("dumpe2fs", [folder("disk")]).output
    let made = try OutputFile(replacing: folder("mke2fs"))
    try made.truncate(to: mebibytes << 20)
    try made.commit()
    _ = try await Tool.run(
      "mke2fs",
      // What mke2fs 1.47.1 and later add, kernels before 5.15 can't mount.
      [
        "-q", "-t", "ext4", "-O", "^metadata_csum_seed,^orphan_file", "-b", "4096", "-i", "16384",
        folder("mke2fs"),
      ])
    let theirs = try await Tool.run("dumpe2fs", [folder("mke2fs")]).output
    for label in [
      "Filesystem features:", "Inode count:", "Block count:", "Total journal blocks:",
      "Flex block group size:",
    ] {
      func line(_ text: String) -> Substring? {
        text.split(separator: "\n").first { $0.hasPrefix(label) }
      }
      #expect(line(ours) == line(theirs))
    }
  }

  @Test func oddSizes() async throws {
    let folder = try TemporaryFolder()
    for size in [8 << 20 + 512, 200 << 20 + 4096 * 3, 128 << 20 + 65536, 300_000_256] {
      try rawImage(folder("disk"), size: size, mayGrow: false) { _ in }
      try await ImageTool.check(folder("disk"))
      #expect(try InputFile(folder("disk")).size == size)
    }
  }

  /// The size that the error names is enough, and one MiB less is not.
  @Test(arguments: [(3, 10), (40, 10), (110, 3000), (1, 40000), (990, 1), (3990, 1)])
  func aDiskTooSmall(mebibytes: Int, files: Int) async throws {
    let folder = try TemporaryFolder()
    let piece = [UInt8](repeating: 0, count: 1 << 20)
    func fill(_ writer: Ext4Writer) throws {
      for index in 0..<mebibytes { try writer.addFile("/data/\(index)", .plain(), bytes: piece) }
      try writer.addFile("/whole", .plain()) { append in
        for _ in 0..<mebibytes { try append(piece[...]) }
      }
      for index in 0..<files { try writer.addFile("/many/\(index)", .plain(), bytes: []) }
    }
    func attempt(_ size: Int, mayGrow: Bool) throws -> Ext4Writer.Summary {
      try rawImage(folder("disk"), size: size, mayGrow: mayGrow, fill)
    }
    let error = #expect(throws: FormatError.self) { try attempt(5 << 20, mayGrow: false) }
    #expect(FileTree.status(folder("disk")) == nil)
    let reason = try #require(error?.reason)
    let needed = try #require(
      Int(reason.split(separator: " ").drop { $0 != "of" }.dropFirst().first.map(String.init) ?? "")
    )
    #expect(throws: FormatError.self) { try attempt((needed - 1) << 20, mayGrow: false) }
    #expect(try attempt(needed << 20, mayGrow: false).size == needed << 20)
    try await ImageTool.check(folder("disk"))
    // One that grew keeps the little room for descriptors that a small disk has.
    #expect(try attempt(5 << 20, mayGrow: true).size <= needed << 20)
    try await ImageTool.check(folder("disk"))
  }

  @Test(arguments: [(64, 200), (200, 3000), (200, 20000), (3000, 9000)])
  func resize2fsGrowsIt(from: Int, to: Int) async throws {
    let folder = try TemporaryFolder()
    try rawImage(folder("disk"), size: from << 20) { writer in
      for index in 0..<100 {
        try writer.addFile("/d/\(index)", .plain(), bytes: noise(100_000, seed: UInt64(index)))
      }
    }
    let result = try await Tool.run("resize2fs", [folder("disk"), "\(to)M"])
    #expect(result.status == 0, "\(result.output)")
    try await ImageTool.check(folder("disk"))
    _ = try await ImageTool.debugfs(folder("disk"), "dump /d/99 \(folder("out"))")
    #expect(try InputFile(folder("out")).readAll(limit: 1 << 30) == noise(100_000, seed: 99))
  }

  @Test func theRequiredSizeIsKnownBefore() async throws {
    let folder = try TemporaryFolder()
    let file = try OutputFile(replacing: folder("disk"))
    let writer = try Ext4Writer(RawImageWriter(file), size: 512, mayGrow: true)
    try writer.addFile("/a", .plain(), bytes: noise(12 << 20))
    let size = try writer.requiredSize(.sample())
    #expect(throws: FormatError.self) { try writer.addFile("/b", .plain(), bytes: []) }
    #expect(try writer.finish(.sample()).size == size)
    #expect(throws: FormatError.self) { try writer.finish(.sample()) }
    try file.commit()
    try await ImageTool.check(folder("disk"))
    #expect(try allBytes(writer.contents(of: "a")) == noise(12 << 20))
    // A journal of 4 MiB, and less than 2 MiB of tables.
    #expect(size > 16 << 20 && size <= 18 << 20)
  }

  /// Between two sizes of the journal a tree may fit into less than what was asked for: the disk grows.
  @Test func aDiskNeverShrinks() async throws {
    let folder = try TemporaryFolder()
    let piece = [UInt8](repeating: 0, count: 1 << 20)
    let summary = try rawImage(folder("disk"), size: 1024 << 20) { writer in
      try writer.addFile("/a", .plain()) { append in
        for _ in 0..<988 { try append(piece[...]) }
      }
      #expect(try writer.requiredSize(.sample()) < 1024 << 20)
    }
    #expect(summary.size > 1024 << 20)
    try await ImageTool.check(folder("disk"))
  }

  @Test func checksumsAreCRC32C() {
    #expect(CRC32C.update(~0, Array("123456789".utf8)) == ~0xE306_9283)
    #expect(CRC32C.update(~0, littleEndian: 0x3433_3231) == CRC32C.update(~0, Array("1234".utf8)))
    #expect(CRC32C.update(7, []) == 7)
  }

  /// The check finds what is damaged, so its silence means something.
  @Test func damageIsFound() async throws {
    let folder = try TemporaryFolder()
    try rawImage(folder("disk"), size: 64 << 20) { writer in
      for index in 0..<1000 { try writer.addFile("/d/\(index)", .plain(), bytes: [1]) }
    }
    try await Tool.shell(
      """
      place=$(LC_ALL=C grep -obUaP '999\\x00' disk | head -n 1 | cut -d: -f1)
      printf 8 | dd of=disk bs=1 seek="$place" conv=notrunc 2>/dev/null
      """, in: folder.path)
    #expect(try await Tool.run("e2fsck", ["-fn", folder("disk")]).status == 4)
  }
}
