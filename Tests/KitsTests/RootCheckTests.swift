import Formats
import TestSupport
import Testing
@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// Kits of the cached kernels, and what is said of them without booting. What really boots is compared
/// with `check` in scripts/matrix and scripts/prove-modules.
@Suite(.serialized) struct RootCheckTests {
  private func kit(
    _ name: String, _ folder: TemporaryFolder, profile: String? = "qemu", modules: String? = nil
  ) throws -> Kit {
    let template = try TestKit.makeTemplate(folder)
    let lists = ModuleLists(
      profile: try profile.map { try ProfileChoice($0) },
      modules: modules.map { ModuleList(Array($0.utf8), name: "modules.ramfs") },
      autoload: ModuleList([], name: "modules.autoload"))
    try TestKit.build(
      name, template: template, to: folder("kit"),
      options: .with { $0.lists = lists })
    return try Kit(folder: folder("kit"))
  }

  private func report(
    _ kit: Kit, _ machine: String, _ disk: MachineDisk.Bus, _ types: [String] = ["ext4"]
  ) throws -> RootCheck.Report {
    try RootCheck(kit, jobs: 2).report(
      CheckedMachine(.amd64, argument: machine), disk: disk, rootTypes: types)
  }

  @Test("Where the cloud kernel finds its root, and why not elsewhere")
  func cloud() throws {
    let folder = try TemporaryFolder()
    let kit = try kit("cloud", folder)
    for (machine, disk) in [
      ("q35", MachineDisk.Bus.virtioBlk), ("q35", .virtioSCSI), ("q35", .nvme), ("pc", .ide),
      ("microvm", .virtioBlk), ("microvm,pcie=on", .virtioSCSI), ("firecracker", .virtioBlk),
      ("cloud-hypervisor", .virtioBlk),
    ] {
      let report = try report(kit, machine, disk)
      #expect(report.reachesRoot, "\(machine) \(disk): \(report.steps)")
      #expect(report.steps.first?.state == .builtIn, "the console")
    }
    let ahci = try report(kit, "q35", .ahci)
    #expect(!ahci.reachesRoot)
    #expect(ahci.error?.message.contains("has no driver for AHCI controller") == true)
    let nvme = try report(kit, "q35", .nvme)
    #expect(nvme.steps.contains { $0.driver == "nvme" && $0.state == .builtIn })
    #expect(throws: KitError.self) { try report(kit, "microvm", .nvme) }
    #expect(throws: KitError.self) { try report(kit, "virt", .virtioBlk) }

    #expect(try report(kit, "q35", .virtioBlk, ["squashfs", "overlay"]).reachesRoot)
    let xfs = try report(kit, "q35", .virtioBlk, ["xfs"])
    #expect(
      xfs.error?.advice
        == "build it with --profile +xfs, or with a line fs/xfs/xfs.ko in modules.ramfs")
    let shared = try report(kit, "q35", .virtioBlk, ["virtiofs"])
    #expect(shared.error?.message.contains("no virtiofs") == true)

    // The program says the same, and its exit code too.
    let manifest = try JSON.decode(
      Manifest.self,
      from: InputFile("\(kit.folder)/manifest-\(kit.release).json").readAll(limit: 1 << 20))
    #expect(manifest.options.lists.profile == .standard)
    let lost = (manifest.roots ?? []).filter { $0.problem != nil }
    #expect(lost.map { "\($0.machine) \($0.disk)" } == ["q35 ahci"])
    #expect(
      manifest.initramfsAbsent?.contains { $0.isBuiltIn && $0.entry.hasSuffix("nvme") } == true)
    #expect(
      manifest.initramfsAbsent?.contains { !$0.isBuiltIn && $0.entry.hasSuffix("ahci") } == true)
  }

  @Test("build says of each machine why root is not found there")
  func summary() async throws {
    let folder = try TemporaryFolder()
    let template = try TestKit.makeTemplate(folder)
    try folder.write("modules.ramfs", "@qemu\n- drivers/ata/ata_piix.ko\n".utf8)
    let result = try await Tool.run(
      TestKit.program, ["build", TestCache.packages("cloud")[0], "--template", template],
      in: folder.path, environment: ["XDG_CACHE_HOME": folder("cache")])
    let lost = result.output.split(separator: "\n").filter { $0.hasPrefix("  but not on ") }
    #expect(lost.count == 2 && lost[0].hasPrefix("  but not on q35 (ahci): kernel"), "\(result)")
    #expect(lost.last?.hasPrefix("  but not on pc (ide): the initramfs has no ata_piix") == true)
  }

  @Test("A list of one's own that takes in a profile for a machine is checked as that")
  func ownList() throws {
    let tree = try TestCache.tree("cloud")
    let release = try KernelRelease(TestCache.release(in: tree))
    let index = try FolderModuleStore(in: tree, release, jobs: 2).wholeIndex()
    let configuration = try KernelFolder.configuration(of: release, in: tree)
    let check = RootCheck(
      release, kernel: index, configuration: configuration,
      inside: index.modules.filter { $0.name != "virtio_scsi" }.map(\.path),
      hasModulesDisk: true)
    func roots(_ list: String) throws -> [Manifest.Root]? {
      try check.roots(
        of: ModuleLists(
          modules: ModuleList(Array(list.utf8), name: "modules.ramfs"),
          autoload: ModuleList([], name: "modules.autoload")), .amd64)
    }
    #expect(try roots("@xfs\n? fs/ext4\n- @qemu\n") == nil)
    let found = try #require(try roots("@xfs\n@qemu\n"))
    #expect(found.contains { $0.disk == "virtio-blk" && $0.problem == nil })
    #expect(found.contains { $0.disk == "virtio-scsi" && $0.problem != nil })
  }

  @Test("What can't be unpacked, or only says that it takes a device, does not reach root")
  func unusable() throws {
    let tree = try TestCache.tree("cloud")
    let release = try KernelRelease(TestCache.release(in: tree))
    let index = try FolderModuleStore(in: tree, release, jobs: 2).wholeIndex()
    let configuration = try KernelFolder.configuration(of: release, in: tree)
    func report(
      _ index: ModuleIndex, _ machine: MachineModel.Name, _ disk: MachineDisk.Bus, end: String = ""
    ) throws -> RootCheck.Report {
      try RootCheck(
        release, kernel: index, configuration: configuration,
        inside: index.modules.map { $0.path + end }, hasModulesDisk: false
      ).report(CheckedMachine(MachineModel(.amd64, name: machine)), disk: disk)
    }
    // busybox unpacks .xz, nothing .zst.
    #expect(try report(index, .q35, .virtioBlk).reachesRoot)
    #expect(try report(index, .q35, .virtioBlk, end: ".xz").reachesRoot)
    let packed = try report(index, .q35, .virtioBlk, end: ".zst")
    #expect(packed.error?.message.contains("is compressed in the initramfs") == true)

    #expect(try report(index, .pc, .ide).reachesRoot)
    let others = index.modules.filter { $0.name != "ata_piix" }
    #expect(others.contains { $0.name == "ata_generic" })
    let without = try ModuleIndex(others.map { ($0.path, $0.facts) }, lists: index.lists)
    #expect(try !report(without, .pc, .ide).reachesRoot)
  }

  /// A kit of the full kernel, whose RAM disk is made anew for each case.
  private struct Bench: @unchecked Sendable {
    let folder: TemporaryFolder
    let modules: FolderModuleStore
    let configuration: KernelConfiguration?
    let release: KernelRelease
    let template: String

    init() throws {
      folder = try TemporaryFolder()
      template = try TestKit.makeTemplate(folder)
      try TestKit.build(
        "full", template: template, to: folder("kit"),
        options: .with { $0.diskCompression = .none })
      let tree = try TestCache.tree("full")
      release = try KernelRelease(TestCache.release(in: tree))
      modules = try FolderModuleStore(in: tree, release, jobs: 2)
      configuration = try KernelFolder.configuration(of: release, in: tree)
    }

    func kit(without module: String) throws -> Kit {
      let index = try modules.index()
      let position = try #require(index.position(of: module))
      let list = "@qemu\n- \(index.modules[position].path)\n"
      let ramDisk = try RamDisk(
        release, template: .folder(template),
        options: .with {
          $0.lists = ModuleLists(
            modules: ModuleList(Array(list.utf8), name: "modules.ramfs"),
            autoload: ModuleList([], name: "modules.autoload"))
          $0.initramfsCompression = .lz4
        }
      ).make(jobs: 2) {
        RamDisk.Kernel(timestamp: 0, configuration: configuration, modules: modules)
      }
      try folder.write("kit/initramfs-\(release)", ramDisk.bytes)
      return try Kit(folder: folder("kit"))
    }
  }

  private static let bench = Result { try Bench() }

  @Test(
    "With a needed module taken away, check names it",
    arguments: [
      ("virtio_pci", "q35", MachineDisk.Bus.virtioBlk), ("virtio_blk", "q35", .virtioBlk),
      ("virtio_scsi", "q35", .virtioSCSI), ("sd_mod", "q35", .virtioSCSI), ("nvme", "q35", .nvme),
      ("ahci", "q35", .ahci), ("sd_mod", "q35", .ahci), ("ata_piix", "pc", .ide),
      ("virtio_mmio", "microvm", .virtioBlk), ("ext4", "q35", .virtioBlk),
    ])
  func takenAway(_ module: String, _ machine: String, _ disk: MachineDisk.Bus) throws {
    let bench = try Self.bench.get()
    let kit = try bench.kit(without: module)
    let report = try report(kit, machine, disk)
    #expect(report.error?.message.contains(module) == true, "\(report.steps)")
    #expect(report.error?.code == .invalid)
  }

  @Test("A profile that can't find root anywhere is not built")
  func refused() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: KitError.self) {
      try kit(
        "cloud", folder, profile: "microvm", modules: "- drivers/virtio/virtio_mmio.ko")
    }
    #expect(error?.message.contains("virtio_mmio") == true)
    let left = (try? FileTree.names(in: folder("kit"))) ?? []
    #expect(left.allSatisfy { $0 == "cache" }, "\(left)")
  }
}
