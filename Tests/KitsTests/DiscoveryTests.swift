import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// What is found without booting; boots are in BootTests and scripts/prove-modules.
@Suite struct DiscoveryTests {
  private struct Kernel {
    var index: ModuleIndex
    var configuration: KernelConfiguration?
    var release: KernelRelease
  }

  private func kernel(_ name: String) throws -> Kernel {
    let folder = try TestCache.tree(name)
    let release = try KernelRelease(TestCache.release(in: folder))
    return Kernel(
      index: try FolderModuleStore(in: folder, release, jobs: 2).wholeIndex(),
      configuration: try KernelFolder.configuration(of: release, in: folder), release: release)
  }

  @Test("lsmod and /proc/modules are understood, and other files are not")
  func loaded() throws {
    let text = """
      Module                  Size  Used by
      virtio_blk             32768  3
      ext4                  987136  1
      virtio_pci             24576  0 [permanent]
      scsi_mod              286720  3 virtio_scsi,sd_mod,sg
      """
    let modules = try LoadedModules(text, name: "l").modules
    #expect(modules.map(\.name) == ["virtio_blk", "ext4", "virtio_pci", "scsi_mod"])
    #expect(modules.map(\.otherUsers) == [3, 1, 0, 0])
    let ended = text.split(separator: "\n").joined(separator: "\r\n")
    #expect(try LoadedModules(ended, name: "l").modules == modules)
    let raw = "nvme_core 204800 3 nvme, Live 0x0000000000000000\nnvme 57344 2 - Live 0x0 (E)\n"
    #expect(try LoadedModules(raw, name: "l").modules.map(\.otherUsers) == [2, 2])
    for bad in [
      "", "total 5\n", "Module Size Used by\n", "ext4 large 1\n", "a 1 -9223372036854775808 b\n",
    ] {
      let error = #expect(throws: KitError.self) { try LoadedModules(bad, name: "list") }
      #expect(error?.code == .invalid && error?.message.hasPrefix("list") == true)
    }
  }

  @Test("From the modules of a Debian guest: what finds its root, and no more")
  func debianGuest() throws {
    let kernel = try kernel("full")
    let path = "\(TestKit.repository)/Tests/Fixtures/lsmod-debian-12"
    let text = String(decoding: try InputFile(path).readAll(limit: 1 << 20), as: UTF8.self)
    let (lists, place) = try DiscoveredLists.from(
      LoadedModules(text, name: "lsmod"), kernel.index, kernel.configuration, kernel.release,
      place: nil, architecture: .amd64,
      name: "lsmod")
    #expect(Set(lists.modules.map(\.module)) == ["virtio_pci", "virtio_blk", "ext4"])
    #expect(place?.bus == .virtioBlk && place?.model.name == .q35)
    #expect(lists.others.contains { $0.module == "virtio_net" })
    let again = ModuleList(Array(lists.modulesText.utf8), name: "modules.ramfs")
    #expect(again.entries.count == 3 && again.entries.allSatisfy { !$0.comment.isEmpty })
    #expect(lists.lists.autoload.entries.isEmpty)
  }

  /// The cloud kernel has NVMe built in, which would do for any guest.
  @Test("From a guest on hardware that can't be booted here", arguments: ["cloud", "full"])
  func foreignGuest(_ package: String) throws {
    let kernel = try kernel(package)
    let text = """
      vmw_pvscsi 1 2
      scsi_mod 1 2 vmw_pvscsi,sd_mod
      sd_mod 1 3
      ext4 1 1
      jbd2 1 1 ext4
      vmxnet3 1 0
      loop 1 4
      """
    let (lists, place) = try DiscoveredLists.from(
      LoadedModules(text, name: "l"), kernel.index, kernel.configuration, kernel.release,
      place: nil, architecture: .amd64, name: "l")
    #expect(place == nil)
    let isBuiltIn = kernel.index.isBuiltIn("ext4")
    #expect(
      Set(lists.modules.map(\.module))
        == Set(["vmw_pvscsi", "sd_mod"] + (isBuiltIn ? [] : ["ext4"])))
    #expect(Set(lists.others.map(\.module)) == ["vmxnet3", "loop"])
    // LVM is no other kind of disk.
    let own = try DiscoveredLists.from(
      LoadedModules("dm_mod 1 3\nnvme 1 2\next4 1 1", name: "l"), kernel.index,
      kernel.configuration, kernel.release, place: nil,
      architecture: .amd64, name: "l")
    #expect(own.place?.bus == .nvme)
    let error = #expect(throws: KitError.self) {
      try DiscoveredLists.from(
        LoadedModules("a 1 0\nb 1 0\next4 1 1", name: "l"), kernel.index, kernel.configuration,
        kernel.release, place: nil,
        architecture: .amd64, name: "l")
    }
    #expect(error?.advice?.contains("kernel that the guest runs") == true)
  }

  @Test("From a list of devices: disks, networks and what is on the way to them")
  func devices() throws {
    let kernel = try kernel("full")
    let lists = try DiscoveredLists.from(
      modaliases: [
        "pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00", "virtio:d00000002v00001AF4",
        "pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00",
        "pci:v00008086d00002930sv00001AF4sd00001100bc0Csc05i00", "serio:ty06pr00id00ex00",
      ], kernel.index, kernel.release, rootType: "ext4", name: "list")
    #expect(Set(lists.modules.map(\.module)) == ["virtio_pci", "virtio_blk", "e1000e", "ext4"])
    #expect(Set(lists.others.map(\.module)).contains("i2c_i801"))
    let error = #expect(throws: KitError.self) {
      try DiscoveredLists.from(
        modaliases: ["pci:v00001AF4d*"], kernel.index, kernel.release, rootType: "nofs",
        name: "list")
    }
    #expect(error?.message.contains("nofs") == true)
  }

  @Test("A list of modaliases, and files that are none")
  func modaliases() throws {
    let text = "# of a guest\n\n acpi:PNP0A03: \r\nplatform:Fixed MDIO bus\nof:Na,bT(null)Cc\n"
    #expect(
      try DiscoveredLists.modaliases(in: text, name: "l")
        == ["acpi:PNP0A03:", "platform:Fixed MDIO bus", "of:Na,bT(null)Cc"])
    for (bad, place) in [
      ("", "list: "), ("# none\n", "list: "), ("pci:a\nvirtio_blk 1 2\n", "list:2: "),
      ("pci:\u{0}", "list:1: "), ("a b:c", "list:1: "), (":a", "list:1: "),
      ("pci:" + String(repeating: "a", count: 5000), "list:1: "),
    ] {
      let error = #expect(throws: KitError.self) {
        try DiscoveredLists.modaliases(in: bad, name: "list")
      }
      #expect(error?.message.hasPrefix(place) == true, "\(bad)")
    }
  }

  @Test("Lists that are there stay, unless they are to be replaced")
  func existing() async throws {
    let folder = try TemporaryFolder()
    try folder.write("modules.ramfs", "fs/mine.ko\n".utf8)
    try folder.write("lsmod", "virtio_blk 1 1\nvirtio_pci 1 0\n".utf8)
    let tree = try TestCache.tree("cloud")
    let release = try TestCache.release(in: tree)
    try FileTree.makeDirectories(folder("k"))
    try FileTree.makeLink(folder("k/lib"), to: "\(tree)/lib")
    try FileTree.makeLink(folder("k/vmlinuz-\(release)"), to: "\(tree)/boot/vmlinuz-\(release)")
    _ = try TestKit.makeTemplate(folder)
    let arguments = ["discover", "k", "--lsmod", "lsmod", "--no-boot", "--template", "template"]
    let refused = try await Tool.run(TestKit.program, arguments, in: folder.path)
    #expect(refused.status == 1 && refused.errors.contains("--force"))
    #expect(try folder.read("modules.ramfs") == Array("fs/mine.ko\n".utf8))
    #expect(FileTree.status(folder("modules.autoload")) == nil)
    let done = try await Tool.run(TestKit.program, arguments + ["--force"], in: folder.path)
    #expect(done.status == 0, "\(done.errors)")
    #expect(try folder.read("modules.ramfs.old") == Array("fs/mine.ko\n".utf8))
    let list = String(decoding: try folder.read("modules.ramfs"), as: UTF8.self)
    #expect(list.contains("\ndrivers/block/virtio_blk.ko") && list.contains("Not checked"))
  }
}
