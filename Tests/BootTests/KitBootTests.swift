import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// Kits of real kernels in virtual machines.
@Suite(.serialized) struct KitBootTests {
  /// Made once for all boots of the suite.
  private static let folder = Result { try TemporaryFolder() }
  private static let cloud = Result { try makeKit("cloud") }

  private static func makeKit(_ name: String) throws -> Kit {
    let folder = try folder.get()
    let template = try TestKit.makeTemplate(folder)
    try TestKit.build(name, template: template, to: folder(name))
    return try Kit(folder: folder(name))
  }

  @Test(
    "A kit as small as can be: its RAM disk is xz with the filter for x86 where that is smaller")
  func best() async throws {
    let folder = try TemporaryFolder()
    let template = try TestKit.makeTemplate(folder)
    let manifest = try TestKit.build(
      "cloud", template: template, to: folder("kit"), options: .with { $0.isSmallest = true })
    #expect(manifest.options.isSmallest && manifest.options.initramfsCompression == .xz)
    let kit = try Kit(folder: folder("kit"))
    let plain = try Self.cloud.get()
    for (ours, theirs) in [
      (kit.initramfs, plain.initramfs), (kit.modulesDisk?.path, plain.modulesDisk?.path),
    ] {
      #expect(try InputFile(ours ?? "").size < InputFile(theirs ?? "").size)
    }
    try await Tool.shell(
      """
      xz -lvv \(kit.initramfs) | grep -q -- --x86
      qemu-img check -q \(kit.modulesDisk?.path ?? "")
      qemu-img compare -q \(kit.modulesDisk?.path ?? "") \(plain.modulesDisk?.path ?? "")
      """, in: folder.path)
    let outcome = try await Self.boot(kit, MachineModel(.amd64), .virtioBlk, root: "/dev/vda")
    #expect(outcome.lastLines.contains { $0.contains("came from it") })
  }

  private static func boot(
    _ kit: Kit, _ model: MachineModel, _ disk: MachineDisk.Bus, root: String,
    append: [String] = []
  ) async throws -> QEMURunner.Outcome {
    let folder = try TemporaryFolder()
    try ProofDisk(kit).write(to: folder("root.raw"))
    let machine = MachineDescription(
      model: model, kernel: kit.kernel, initramfs: kit.initramfs,
      disks: [MachineDisk(folder("root.raw"), format: .raw, access: .readWrite)]
        + [kit.modulesDisk].compactMap { $0 },
      bus: disk, commandLine: ["root=\(root)"] + append)
    let outcome = try await QEMURunner(
      accelerators: [.tcg], expectation: ProofDisk.success, timeout: .seconds(120)
    ).run(machine)
    #expect(outcome.expectedAfter != nil)
    let check = try await Tool.run("e2fsck", ["-fn", folder("root.raw")])
    #expect(check.status == 0, "\(check.output)")
    return outcome
  }

  @Test(
    "Root by name, UUID and label on every kind of disk",
    arguments: [MachineDisk.Bus.virtioBlk, .virtioSCSI, .ide],
    ["name", "UUID=\(ProofDisk.uuid)", "LABEL=\(ProofDisk.label)"])
  func disks(_ disk: MachineDisk.Bus, _ root: String) async throws {
    let model = MachineModel(.amd64, disk: disk)
    let outcome = try await Self.boot(
      Self.cloud.get(), model, disk, root: root == "name" ? disk.firstDevice : root)
    #expect(outcome.lastLines.contains { $0.contains("came from it") })
  }

  @Test(
    "A modules disk without any of the modules that are usually tried shows that one loads, too")
  func smallKernel() async throws {
    let folder = try TemporaryFolder()
    let tree = try TestCache.tree("cloud")
    try await Tool.shell(
      """
      cp -r '\(tree)' k && cd k/lib/modules/*
      find . -name '*.ko' | grep -vE '^./kernel/(arch|crypto|lib)/|/(virtio|block|nvme|scsi|ata|squashfs|erofs|overlayfs|char)/|/(mbcache|virtio_net|net_failover|failover)[.]ko' | xargs rm
      rm -f modules.order kernel/drivers/block/zram/*
      """, in: folder.path)
    let template = try TestKit.makeTemplate(folder)
    let release = try KernelRelease(TestCache.release(in: tree))
    _ = try KitBuilder(
      .directory(folder("k"), release), inputs: [Manifest.Input(directoryOf: release)],
      BuildPlaces(folder: folder("kit"), template: template), options: BuildOptions(),
      environment: .testing(cache: folder("cache"))
    ).build()
    let outcome = try await Self.boot(
      Kit(folder: folder("kit")), MachineModel(.amd64), .virtioBlk, root: "/dev/vda")
    #expect(outcome.lastLines.contains { $0.contains("came from it") }, "\(outcome.lastLines)")
  }

  @Test("Compressed modules below usr/lib")
  func newer() async throws {
    _ = try await Self.boot(
      Self.makeKit("cloud-6.12"), MachineModel(.amd64), .virtioBlk, root: "/dev/vda")
  }

  @Test("Where guests are silent on KVM, or there is none, the machine is emulated")
  func fallsBack() async throws {
    let kit = try Self.cloud.get()
    let folder = try TemporaryFolder()
    try ProofDisk(kit).write(to: folder("root.raw"))
    let machine = MachineDescription(
      model: MachineModel(.amd64), kernel: kit.kernel, initramfs: kit.initramfs,
      disks: [MachineDisk(folder("root.raw"), format: .raw, access: .readWrite), kit.modulesDisk]
        .compactMap { $0 },
      bus: .virtioBlk, commandLine: ["root=/dev/vda"])
    let outcome = try await QEMURunner(
      accelerators: [.kvm, .tcg], silenceLimit: .seconds(5), expectation: ProofDisk.success,
      timeout: .seconds(120)
    ).run(machine)
    #expect(outcome.expectedAfter != nil)
  }

  @Test("An expectation that is not met says what the console said")
  func unmet() async throws {
    let kit = try Self.cloud.get()
    let machine = MachineDescription(
      model: MachineModel(.amd64), kernel: kit.kernel, initramfs: kit.initramfs, disks: [],
      bus: .virtioBlk, commandLine: ["root=/dev/nothing", "panic=1"])
    let error = await #expect(throws: KitError.self) {
      _ = try await QEMURunner(
        accelerators: [.tcg], expectation: "never", timeout: .seconds(60)
      ).run(machine)
    }
    #expect(error?.code == .unexpected)
    #expect(error?.details.contains { $0.contains("/dev/nothing") } == true)
  }
}
