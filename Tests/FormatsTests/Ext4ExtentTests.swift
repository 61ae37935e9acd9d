import TestSupport
import Testing

@testable import Formats

/// Files in many pieces, and disks that end near a group's end.
@Suite struct Ext4ExtentTests {
  /// A root holds 4 extents, a block of the tree 340.
  @Test(arguments: [1, 4, 5, 340, 341, 1360, 1361])
  func extents(count: Int) async throws {
    let folder = try TemporaryFolder()
    let size = count * Ext4Geometry.blockSize
    let bytes = noise(2 * size)
    try rawImage(folder("disk"), size: 64 << 20) { writer in
      try writer.addFile("/a", .plain(), bytes: Array(bytes[..<size]))
      try writer.addFile("/b", .plain(), bytes: Array(bytes[size...]))
      // This writer leaves no gaps: of two files that lie together, one takes every other block.
      let (a, b) = try (
        #require(writer.find([Ext4Name("a".utf8)])), #require(writer.find([Ext4Name("b".utf8)]))
      )
      let (first, end) = (writer.nodes[a].runs[0].lowerBound, writer.nodes[b].runs[0].upperBound)
      try #require(end - first == 2 * count)
      writer.nodes[a].runs = stride(from: first, to: end, by: 2).map { $0..<$0 + 1 }
      writer.nodes[b].runs = stride(from: first + 1, to: end, by: 2).map { $0..<$0 + 1 }
    }
    try await ImageTool.check(folder("disk"))
    let blocks = stride(from: 0, to: 2 * size, by: Ext4Geometry.blockSize).map {
      bytes[$0..<$0 + Ext4Geometry.blockSize]
    }
    let system = try Ext4Reader(DiskImage.open(InputFile(folder("disk"))))
    for (name, parity) in [("a", 0), ("b", 1)] {
      let expected = blocks.enumerated().filter { $0.offset % 2 == parity }.flatMap(\.element)
      _ = try await ImageTool.debugfs(folder("disk"), "dump /\(name) \(folder("out"))")
      #expect(try folder.read("out") == expected)
      #expect(try system.contents(of: name, limit: 1 << 30) == expected)
    }
    // debugfs names a range of blocks for each extent, and the blocks of the tree.
    let said = try await ImageTool.debugfs(folder("disk"), "stat /a")
    #expect(said.contains("(ETB0)") == (count > 4))
    #expect(said.contains("(ETB1)") == (count > 4 * 340))
  }

  /// Groups have 128 MiB.
  @Test(arguments: [1, 2, 3, 4, 5, 8, 9, 16], [-4096, 0, 4096])
  func groupBoundaries(groups: Int, difference: Int) async throws {
    let folder = try TemporaryFolder()
    let size = groups << 27 + difference
    let summary = try rawImage(folder("disk"), size: size, mayGrow: false) { writer in
      try writer.addFile("/a/b", .plain(), bytes: noise(1 << 20))
    }
    #expect(summary.size == size)
    try await ImageTool.check(folder("disk"))
    _ = try await ImageTool.debugfs(folder("disk"), "dump /a/b \(folder("out"))")
    #expect(try folder.read("out") == noise(1 << 20))
  }
}
