import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

@Suite(.serialized) struct KitExplanationTests {
  @Test(
    "What a kit says of itself reaches no terminal as it is; other files of its folder don't matter"
  )
  func hostileManifest() async throws {
    let bench = try CommandBench()
    #expect(try await bench.run(["build", "p.deb", "--template", "t", "--out", "kit"]).status == 0)
    try await Tool.shell(
      """
      sed -i 's/modules.ramfs:1/\\\\u001b]0;x\\\\u0007modules.ramfs:1/' kit/manifest-*.json
      touch "kit/$(printf 'r\\351sum\\351')"
      """, in: bench.folder.path)
    for arguments in [["explain", "kit"], ["explain", "kit", "x"]] {
      let result = try await bench.run(arguments)
      #expect(result.status == 0 && result.output.contains("\\u{1b}]0;x"), "\(result)")
      #expect(!result.output.utf8.contains(0x1b))
    }
  }

  @Test("In a kit's folder, one word is a module; anywhere else it is a kit")
  func moduleAlone() async throws {
    let bench = try CommandBench()
    #expect(try await bench.run(["build", "p.deb", "--template", "t", "--out", "kit"]).status == 0)
    let result = try await bench.shell("cd kit; \"$minivm\" explain x")
    #expect(result.status == 0 && result.output.hasPrefix("x: "), "\(result)")
    let unknown = try await bench.shell("cd kit; \"$minivm\" explain y")
    #expect(unknown.status == 3 && unknown.errors.contains("has no module “y”"), "\(unknown)")
    try await bench.expectFailure(["explain", "x"], 3, "x: no such folder")
  }

  @Test("Why things are in a RAM disk, why not, and what they cost")
  func cloud() async throws {
    let folder = try TemporaryFolder()
    let manifest = try TestKit.build(
      "cloud", template: TestKit.makeTemplate(folder), to: folder("kit"))
    let explanation = try KitExplanation(Kit(folder: folder("kit")), jobs: 2)

    let all = try explanation.modules()
    #expect(all.map(\.path) == manifest.initramfsModules.map(\.path))
    #expect(all.map(\.cost?.size) == manifest.initramfsModules.map(\.size))
    #expect(all.map(\.reasons) == manifest.initramfsModules.map(\.reasons))

    let disk = try explanation.item("sd_mod")
    #expect(disk.place == .ramDisk && disk.needs == ["scsi_common", "scsi_mod"])
    #expect(try explanation.item("kernel/drivers/scsi/sd_mod.ko") == disk)
    #expect(try explanation.item("sd-mod") == disk)

    // virtio_net's are its own; nothing else needs them.
    let net = try explanation.item("virtio_net")
    #expect(net.onlyItNeeds == ["failover", "net_failover"])
    let cost = try #require(net.cost)
    let whole = try #require(net.costWithThose)
    #expect(whole.size > cost.size && cost.compressed < cost.size / 2)
    let failover = try explanation.item("failover")
    #expect(failover.neededBy == ["net_failover", "virtio_net"])

    let builtin = try explanation.item("nvme")
    #expect(builtin.place == .builtIn && builtin.path == "kernel/drivers/nvme/host/nvme.ko")
    #expect(builtin.reasons.first?.hasPrefix("profiles/qemu:") == true)

    // Not in the initramfs: read from the modules disk, which is compressed qcow2.
    let xfs = try explanation.item("xfs")
    let size = FileTree.status("\(try ModuleTree(cached: "cloud").path)/kernel/fs/xfs/xfs.ko")?.size
    #expect(xfs.place == .modulesDisk && xfs.cost?.size == size)

    let busybox = try explanation.item("bin/busybox")
    #expect(busybox.reasons.first?.contains("busybox-static") == true && busybox.cost == nil)
    let error = #expect(throws: KitError.self) { try explanation.item("virtio_blc") }
    #expect(
      error?.code == .missing && error?.advice?.hasPrefix("the nearest is virtio_blk; ") == true)
    // Modules that nothing here knows: their options' names are others, or the configuration has no line of them.
    for name in ["iwlwifi", "snd_hda_codec_hdmi", "i915"] {
      let error = #expect(throws: KitError.self) { try explanation.item(name) }
      #expect(error?.advice?.contains("`minivm build linux-image-amd64`") == true, "\(name)")
    }
    for name in ["e1000", "e1000e", "igb", "8139too"] {
      let error = #expect(throws: KitError.self) { try explanation.item(name) }
      #expect(error?.advice?.contains("`minivm build linux-image-amd64`") == true, "\(name)")
    }

    #expect(
      explanation.drivers(of: "virtio:d00000002v00001AF4").modules.map(\.name) == ["virtio_blk"])
    #expect(
      explanation.drivers(of: "pci:v000015ADd000007B0sv000015ADsd000007B0bc02sc00i00")
        .modules.map(\.place) == [.modulesDisk])
    #expect(
      explanation.drivers(of: "pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02").builtIn
        == ["nvme"])
    #expect(explanation.drivers(of: "fs-ext4").builtIn == ["ext4"])

    for arguments in [
      ["explain", "kit", "sd_mod", "--json"], ["explain", "kit", "--json"],
      ["explain", "kit", "--device", "virtio:d00000002v00001AF4", "--json"],
    ] {
      let result = try await Tool.run(TestKit.program, arguments, in: folder.path)
      let judge = try await Tool.run(
        "python3", ["-c", "import json, sys; assert type(json.load(sys.stdin)) is dict"],
        input: Array(result.output.utf8))
      #expect(result.status == 0 && judge.status == 0 && result.errors.isEmpty)
    }
    let device = try await Tool.run(
      TestKit.program, ["explain", "kit", "--device", "pci:v00008086d000024FDsv*"], in: folder.path)
    #expect(device.output.contains("minivm build linux-image-amd64"), "\(device)")
    let unknown = try await Tool.run(
      TestKit.program, ["explain", "kit", "nothing"], in: folder.path)
    #expect(unknown.status == 3 && unknown.output.isEmpty)
  }
}
