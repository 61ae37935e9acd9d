import Formats
import TestSupport
import Testing

@Suite struct Ext4DirectoryTests {
  /// One block, a tree of one level, a tree of two.
  @Test(arguments: [10, 150, 400, 5000, 70000])
  func directoriesOfAllSizes(count: Int) async throws {
    let folder = try TemporaryFolder()
    func name(_ index: Int) -> String {
      "name-\(index)-" + String(repeating: "x", count: index % 40)
    }
    try rawImage(folder("disk"), size: 64 << 20) { writer in
      for index in 0..<count { try writer.addFile("/d/\(name(index))", .plain(), bytes: []) }
      try writer.addFile("/d/f", .plain(), bytes: noise(100))
    }
    try await ImageTool.check(folder("disk"))
    let index = try await ImageTool.debugfs(folder("disk"), "htree /d")
    #expect(index.contains("Not a hash-indexed directory") == (count < 100))
    #expect(index.contains("Indirect levels: 1") == (count > 60000))
    for index in [0, count / 2, count - 1] {
      let text = try await ImageTool.debugfs(folder("disk"), "stat /d/\(name(index))")
      #expect(text.contains("Type: regular"))
    }
  }

  /// The hash of e2fsprogs' own debugfs, for names of all lengths and bytes above 127.
  @Test func theHashIsThatOfE2fsprogs() async throws {
    let folder = try TemporaryFolder()
    let names =
      (1...80).map { String(repeating: "ab-c", count: 20).prefix($0) + "z" }
      + (1...60).map { String(repeating: "\u{e9}", count: $0) }
    try rawImage(folder("disk"), size: 64 << 20) { writer in
      for name in names { try writer.addFile("/d/\(name)", .plain(), bytes: []) }
      for index in 0..<300 { try writer.addFile("/d/more\(index)", .plain(), bytes: []) }
    }
    // e2fsck computes every hash again, and says so when a name is in the wrong leaf.
    try await ImageTool.check(folder("disk"))
    #expect(try await ImageTool.debugfs(folder("disk"), "htree /d").contains("Hash Version: 1"))
  }

  /// Directories say 1 when the number of folders in them does not fit any more.
  @Test(arguments: [64998, 64999, 65001])
  func manyFolders(count: Int) async throws {
    let folder = try TemporaryFolder()
    try rawImage(folder("disk"), size: 64 << 20) { writer in
      for index in 0..<count { try writer.addDirectory("/d/\(index)", .plain(0o755)) }
    }
    try await ImageTool.check(folder("disk"))
    let text = try await ImageTool.debugfs(folder("disk"), "stat /d")
    #expect(text.contains(count == 64998 ? "Links: 65000 " : "Links: 1 "))
  }

  @Test func manyNamesOfOneFile() async throws {
    let folder = try TemporaryFolder()
    try rawImage(folder("disk"), size: 64 << 20) { writer in
      try writer.addFile("/f", .plain(), bytes: [1])
      for index in 1..<65000 { try writer.addHardLink("/d/\(index)", to: "/f") }
    }
    try await ImageTool.check(folder("disk"))
    let writer = try Ext4Writer(
      RawImageWriter(OutputFile(replacing: folder("disk"))), size: 64 << 20, mayGrow: true)
    try writer.addFile("/f", .plain(), bytes: [1])
    for index in 1..<65000 { try writer.addHardLink("/d/\(index)", to: "/f") }
    #expect(throws: FormatError.self) { try writer.addHardLink("/d/more", to: "/f") }
  }
}
