import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

@Suite(.serialized) struct DiscoveryBootTests {
  /// scripts/prove-modules takes each of the lines away, and has other machines.
  @Test("What drives a microvm's disk and a device that was added is found by booting it")
  func microvm() async throws {
    let folder = try TemporaryFolder()
    let template = try TestKit.makeTemplate(folder)
    let tree = try TestCache.tree("cloud")
    let release = try TestCache.release(in: tree)
    try FileTree.makeDirectories(folder("k"))
    try FileTree.makeLink(folder("k/lib"), to: "\(tree)/lib")
    try FileTree.makeLink(folder("k/vmlinuz-\(release)"), to: "\(tree)/boot/vmlinuz-\(release)")
    let result = try await Tool.run(
      TestKit.program,
      [
        "discover", "k", "--template", template, "--machine", "microvm", "--accel", "tcg", "--json",
        "--", "-device", "virtio-rng-device",
      ], in: folder.path)
    #expect(result.status == 0, "\(result.errors)")
    let lists = try JSON.decode(DiscoveredLists.self, from: Array(result.output.utf8))
    #expect(Set(lists.modules.map(\.module)) == ["virtio_mmio", "virtio_blk", "virtio_rng"])
    #expect(lists.checkedOn == "microvm with a virtio-blk disk")
    let written = try ModuleList(reading: folder("modules.ramfs"))
    #expect(written.entries.count == 3 && written.entries.allSatisfy { !$0.comment.isEmpty })
    #expect(try ModuleList(reading: folder("modules.autoload")).entries.isEmpty)
  }
}
