import Formats
import Foundation
import Testing

@Suite struct Ext4WriterTests {
  @Test func anEmptyFileSystemIsClean() throws {
    let folder = try ImageFolder()
    let summary = try rawImage(folder["disk"], size: 200 << 20) { _ in }
    #expect(summary.size == 200 << 20)
    try ImageTool.check(folder["disk"])
    let description = try ImageTool.run("dumpe2fs", ["-h", folder["disk"]]).output
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

  @Test func theModulesOfTheCloudKernelComeBack() throws {
    let folder = try ImageFolder()
    let modules = try unpackedKernel("cloud") + "/lib/modules"
    try rawImage(folder["disk"], size: 200 << 20) { writer in
      try addTree(modules, to: writer, at: "")
    }
    try ImageTool.check(folder["disk"])
    try FileTree.makeDirectories(folder["out"])
    _ = try ImageTool.debugfs(folder["disk"], "rdump / \(folder["out"])")
    let expected = try fingerprint(modules)
    var found = try fingerprint(folder["out"])
    found["/lost+found"] = nil
    #expect(expected.count > 1000)
    #expect(found == expected)
  }
}
