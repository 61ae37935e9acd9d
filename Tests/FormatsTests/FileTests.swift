import Formats
import TestSupport
import Testing

@Suite struct FileTests {
  @Test("A pipe is refused, not waited for")
  func pipe() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell("mkfifo pipe", in: folder.path)
    let error = #expect(throws: FormatError.self) { try InputFile(folder("pipe")) }
    #expect(error?.description == "\(folder("pipe")): is not a regular file")
  }

  @Test(
    "Paths are taken apart as basename and dirname do it",
    arguments: ["a", "a/b", "/a", "a/", "/a/b/", "./a", "a/\u{301}b", "a\u{301}/b"])
  func parts(_ path: String) async throws {
    let parent = try await Tool.output("dirname", [path])
    let name = try await Tool.output("basename", [path])
    #expect(FileTree.parent(of: path).utf8.elementsEqual(parent.dropLast().utf8))
    #expect(FileTree.name(of: path).utf8.elementsEqual(name.dropLast().utf8))
  }

  @Test(
    "A copy is of the file that is open, whatever comes in its place, and of one that stays as it is"
  )
  func copied() throws {
    let folder = try TemporaryFolder()
    try folder.write("file", "hashed".utf8)
    let file = try InputFile(folder("file"))
    try folder.write("other", "planted".utf8)
    try FileTree.rename(folder("other"), to: folder("file"))
    try FileTree.copied(file, to: folder("copy")).commit()
    #expect(try folder.read("copy") == Array("hashed".utf8))
    let planted = try InputFile(folder("file"))
    try FileTree.setAttributes(folder("file"), mode: 0o644, seconds: 7)
    #expect(throws: FormatError.self) { _ = try FileTree.copied(planted, to: folder("copy")) }
    #expect(try folder.read("copy") == Array("hashed".utf8))
  }

  @Test("Several programs put a folder in one place at once: one of the folders is there")
  func foldersAtOnce() throws {
    let folder = try TemporaryFolder()
    for round in 0..<50 {
      let destination = folder("place-\(round)")
      _ = try OrderedWork.map(0..<8 as Range<UInt8>, jobs: 8) { number in
        let staging = try StagingDirectory(in: folder.path)
        try staging.addFile("new/file", mode: 0o644, modified: 0, body: MemorySource([number]))
        try staging.publish("new", to: destination)
      }
      #expect(try folder.read("place-\(round)/file").count == 1)
    }
  }

  @Test("Of several outputs none is put in its place when one can't be")
  func outputs() throws {
    let folder = try TemporaryFolder()
    try folder.write("one", "old".utf8)
    try FileTree.makeDirectories(folder("two"))
    let outputs = try ["one", "two"].map { try OutputFile(replacing: folder($0)) }
    for output in outputs { try output.write(Array("new".utf8), at: 0) }
    let error = #expect(throws: FormatError.self) {
      var transaction = FileTransaction()
      for output in outputs { transaction.add(output) }
      try transaction.commit()
    }
    #expect(error?.path == [folder("two")])
    #expect(try folder.read("one") == Array("old".utf8))
  }

  @Test("What is to go goes with the outputs, or stays with what was there before")
  func stale() throws {
    let folder = try TemporaryFolder()
    func commit(removing stale: [String]) throws {
      let output = try OutputFile(replacing: folder("one"))
      try output.write(Array("new".utf8), at: 0)
      var transaction = FileTransaction()
      transaction.add(output)
      for name in stale { transaction.remove(folder(name)) }
      try transaction.commit()
    }
    for name in ["one", "two"] { try folder.write(name, "old".utf8) }
    #expect(throws: FormatError.self) { try commit(removing: ["two", "three"]) }
    #expect(try folder.read("one") == Array("old".utf8))
    #expect(try folder.read("two") == Array("old".utf8))
    try commit(removing: ["two"])
    #expect(try folder.read("one") == Array("new".utf8))
    #expect(try FileTree.names(in: folder.path) == ["one"])
  }
}
