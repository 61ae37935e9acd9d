import Formats
import TestSupport
import Testing

@Suite struct BuildIDTests {
  @Test(arguments: ["/bin/sh", "/bin/bash", "/usr/bin/readelf"])
  func isWhatReadelfSays(path: String) async throws {
    let bytes = try #require(BuildID.read(InputFile(path)))
    let text = bytes.map { String(0x100 | Int($0), radix: 16).dropFirst() }.joined()
    let note = try await Tool.output("readelf", ["-n", path])
    #expect(note.contains("Build ID: \(text)\n"))
  }

  @Test func thereIsNoneWithoutItsNote() async throws {
    let folder = try TemporaryFolder()
    try await Tool.output("objcopy", ["-R", ".note.gnu.build-id", "/bin/sh", folder("without")])
    #expect(try BuildID.read(InputFile(folder("without"))) == nil)
    #expect(BuildID.read(Array("no program".utf8)) == nil)
  }
}
