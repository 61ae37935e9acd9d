import Formats
import TestSupport
import Testing

@Suite struct Ext4WriterTests {
  @Test func anEmptyFileSystemIsClean() async throws {
    let folder = try TemporaryFolder()
    let summary = try rawImage(folder("disk"), size: 200 << 20) { _ in }
    #expect(summary.size == 200 << 20)
    try await ImageTool.check(folder("disk"))
    let description = try await Tool.run("dumpe2fs", ["-h", folder("disk")]).output
    let features = """
      has_journal ext_attr resize_inode dir_index filetype extent 64bit flex_bg sparse_super \
      large_file huge_file dir_nlink extra_isize metadata_csum
      """
    #expect(description.contains("Filesystem features:      \(features)\n"))
    #expect(description.contains("Filesystem volume name:   sample\n"))
    #expect(description.contains("UUID:          a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf\n"))
    #expect(description.contains("Total journal size:       16M\n"))
    #expect(description.contains("Inode count:              12800\n"))
  }

  @Test func theModulesOfTheCloudKernelComeBack() async throws {
    let folder = try TemporaryFolder()
    let modules = try TestCache.tree("cloud") + "/lib/modules"
    try rawImage(folder("disk"), size: 200 << 20) { writer in
      try addTree(modules, to: writer, at: "")
    }
    try await ImageTool.check(folder("disk"))
    try FileTree.makeDirectories(folder("out"))
    _ = try await ImageTool.debugfs(folder("disk"), "rdump / \(folder("out"))")
    let expected = try fingerprint(modules)
    var found = try fingerprint(folder("out"))
    found["/lost+found"] = nil
    #expect(expected.count > 1000)
    #expect(found == expected)
  }
}

extension Ext4WriterTests {
  /// The same tree in every kind of image is the same disk, whatever the number of cores.
  @Test func allImagesHoldTheSameDisk() async throws {
    let folder = try TemporaryFolder()
    let modules = try TestCache.tree("cloud") + "/lib/modules"
    var sizes: [String: Int] = [:]
    func make(_ name: String, _ image: (OutputFile) -> any DiskImageWriter) throws {
      let file = try OutputFile(replacing: folder(name))
      let writer = try Ext4Writer(image(file), size: 200 << 20, mayGrow: true)
      try addTree(modules, to: writer, at: "")
      try writer.finish(.sample())
      try file.commit()
      sizes[name] = try InputFile(folder(name)).size
    }
    try make("raw") { RawImageWriter($0) }
    try make("zstd") { Qcow2Writer($0, jobs: 8) }
    try make("zstd1") { Qcow2Writer($0, jobs: 1) }
    try make("zlib") { Qcow2Writer($0, compression: .zlib, jobs: 2) }
    try make("none") { Qcow2Writer($0, compression: .none, jobs: 2) }
    for name in ["zstd", "zlib", "none"] {
      try await ImageTool.checkQcow2(folder(name))
      let compare = try await Tool.run(
        "qemu-img", ["compare", "-f", "raw", "-F", "qcow2", folder("raw"), folder(name)])
      #expect(compare.status == 0, "\(compare.output)")
    }
    #expect(
      try InputFile(folder("zstd")).readAll(limit: 1 << 30)
        == InputFile(folder("zstd1")).readAll(limit: 1 << 30))
    #expect(try #require(sizes["zstd"]) < #require(sizes["zlib"]))
    #expect(try #require(sizes["zlib"]) < #require(sizes["none"]) / 2)
  }
}
