import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

struct AppletTableTests {
  @Test func namesAreThoseThatBusyboxLists() async throws {
    let path = try busyboxPath()
    let table = try AppletTable(InputFile(path).readAll(limit: 1 << 26))
    let listed = try await Tool.output(path, ["--list"])
    #expect(table.names == listed.split(separator: "\n").map(String.init))
  }

  @Test func firstTableThatIsOneCounts() throws {
    let program = Array("x[\0[[\0oops/\0\0 [\0[[\0cat\0sh\0\0[\0[[\0sh\0\0".utf8)
    #expect(try AppletTable(program).names == ["[", "[[", "cat", "sh"])
  }

  @Test(arguments: [
    "", "[\0[[", "[\0[[\0", "[\0[[\0sh", "[\0[[\0sh\0", "[\0[[\0ls\0\0", "[\0[[\0sh\0cat\0\0",
    "[\0[[\0a/b\0sh\0\0", "[\0[[\0a b\0sh\0\0", "[\0[[\0sh\0sh\0\0", "[\0[[\0\0sh\0\0",
    "[\0[[\0a\u{e4}\0sh\0\0",
  ])
  func whatIsNoTableIsRefused(_ text: String) {
    #expect(throws: FormatError.self) { try AppletTable(Array(text.utf8)) }
  }

  @Test func longNamesAreRefused() {
    let name = String(repeating: "a", count: 65)
    #expect(throws: FormatError.self) { try AppletTable(Array("[\0[[\0\(name)\0sh\0\0".utf8)) }
  }

  @Test func damagedProgramsAreRefusedOrRead() throws {
    let bytes = try Array(InputFile(busyboxPath()).readAll(limit: 1 << 26).prefix(4096))
    var random = SeededGenerator(seed: 7)
    for _ in 0..<2000 {
      var copy = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
      for _ in 0..<8 where !copy.isEmpty {
        let place = Int.random(in: 0..<min(copy.count, 512), using: &random)
        copy[place] = UInt8.random(in: 0...255, using: &random)
      }
      do {
        _ = try StaticProgram(copy)
      } catch {
        #expect(!error.reason.isEmpty)
      }
    }
  }
}

/// Debian's static busybox, as scripts/test-cache unpacked it.
func busyboxPath() throws -> String {
  let tree = try TestCache.tree("busybox")
  let candidates = ["\(tree)/bin/busybox", "\(tree)/usr/bin/busybox"]
  return try #require(candidates.first { FileTree.status($0)?.kind == .file })
}
