import Basics
import Formats
@testable import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

@Suite struct ModuleProfileTests {
  private static let noAutoload = ModuleList([], name: "modules.autoload")

  private func select(
    _ index: ModuleIndex, _ profile: String?, modules: String? = nil
  ) throws -> ModuleSelection {
    try ModuleSelection(
      from: index,
      lists: ModuleLists(
        profile: profile.map { try ProfileChoice($0) },
        modules: modules.map { ModuleList(Array($0.utf8), name: "modules.ramfs") },
        autoload: Self.noAutoload))
  }

  private func names(_ selection: ModuleSelection) -> Set<String> {
    Set(selection.modules.map(\.name))
  }

  @Test("The program carries the folder profiles as it is")
  func embedded() throws {
    let folder = "\(TestKit.repository)/profiles"
    #expect(try FileTree.names(in: folder) == ModuleProfile.all.map(\.name))
    for profile in ModuleProfile.all {
      let file = try InputFile("\(folder)/\(profile.name)").readAll(limit: 1 << 20)
      #expect(Array(profile.text.utf8) == file, "Sources/CGuest/defaults.c carries another file")
      #expect(profile.summary.count > 5 && profile.text.hasPrefix("# "))
    }
  }

  @Test("The machines that a profile is for stand in its file, and there are such machines")
  func machines() throws {
    func machines(_ name: String, _ architecture: Architecture) throws -> [String] {
      try RootCheck.places(of: ModuleProfile(named: name), architecture).map {
        "\($0.machine.name) \($0.disk.rawValue)"
      }
    }
    let q35 = ["virtio-blk", "virtio-scsi", "ahci", "nvme"].map { "q35 \($0)" }
    let virt = ["virtio-blk", "virtio-scsi", "ahci", "nvme"].map { "virt \($0)" }
    for name in ["all", "gns3", "qemu"] {
      #expect(try machines(name, .amd64) == q35 + ["pc ide"])
      #expect(try machines(name, .arm64) == virt)
      #expect(try machines(name, .riscv64) == virt)
    }
    #expect(try machines("microvm", .amd64) == ["microvm virtio-blk", "microvm virtio-scsi"])
    #expect(try machines("microvm", .arm64) == [])
    for name in ["firecracker", "cloud-hypervisor"] {
      #expect(try machines(name, .amd64) == ["\(name) virtio-blk"])
      #expect(try machines(name, .arm64) == ["\(name) virtio-blk"])
      #expect(try machines(name, .riscv64) == [])
    }
    for profile in ModuleProfile.all {
      let lines = profile.text.split(separator: "\n").filter { $0.hasPrefix("#machine") }
      #expect(profile.machines.count == lines.count)
      for architecture in Architecture.allCases {
        _ = try RootCheck.places(of: profile, architecture)
      }
    }
  }

  @Test("Choices are put together, and unknown names have the nearest")
  func choices() throws {
    #expect(try ProfileChoice("qemu").description == "qemu")
    #expect(try ProfileChoice("microvm,+virtiofs,-erofs").description == "microvm,+virtiofs,-erofs")
    #expect(try ProfileChoice("+xfs").description == "qemu,+xfs")
    #expect(try ProfileChoice("-overlay").description == "qemu,-overlay")
    let error = #expect(throws: KitError.self) { try ProfileChoice("qemu,+virtofs") }
    #expect(error?.code == .usage && error?.advice?.contains("virtiofs") == true)
    #expect(throws: KitError.self) { try ProfileChoice("") }
    #expect(throws: KitError.self) { try ProfileChoice("qemu,") }
  }

  @Test(
    "Every profile holds for every kernel, as far as the kernel has what it is about",
    arguments: ["cloud", "full", "cloud-6.12"])
  func everyProfile(_ package: String) throws {
    let index = try ModuleTree(cached: package).index()
    for profile in ModuleProfile.all {
      if ["9p", "f2fs", "usb"].contains(profile.name), package.hasPrefix("cloud") {
        // Their options are off there, and whoever asks for them is told so.
        #expect(throws: KitError.self) { try select(index, profile.name) }
        continue
      }
      let selection = try select(index, profile.name)
      #expect(
        !selection.modules.isEmpty || !selection.builtin.isEmpty || !selection.missing.isEmpty)
      if profile.name == "all" { #expect(selection.modules.count == index.modules.count) }
    }
  }

  @Test("A device stands for the modules that modprobe would load", arguments: ["cloud", "full"])
  func devicesAsModprobeSeesThem(_ package: String) async throws {
    let oracle = try DepmodOracle.ofPackage(package)
    try await oracle.depmod()
    let index = try ModuleTree(cached: package).index()
    var devices: Set<String> = []
    for profile in ModuleProfile.all {
      for entry in profile.list.entries where entry.text.contains(":") {
        devices.insert(String(entry.text.split(separator: " ")[0]))
      }
    }
    #expect(devices.count > 25)
    for device in devices {
      // -R: print the modules that a name or an alias stands for; what is built in among them.
      let answer = try await oracle.run(
        "modprobe -d \(oracle.root) -S \(oracle.release) -qR '\(device)'")
      let theirs = Set(answer.output.split(separator: "\n").map(String.init))
        .filter { index.position(of: $0) != nil }
      let listed = try select(index, nil, modules: "? \(device)").modules
        .filter { $0.reasons.contains { $0.description.hasPrefix("modules.ramfs:1") } }
      #expect(Set(listed.map(\.name)) == theirs, "\(device)")
    }
  }

  @Test("The default finds what QEMU has, stays small, and says what is not there")
  func standard() throws {
    for (package, limit) in [("cloud", 4 << 20), ("full", 8 << 20)] {
      let tree = try ModuleTree(cached: package)
      let index = try tree.index()
      let selection = try ModuleSelection(from: index, lists: .defaults)
      let selected = names(selection)
      for name in [
        "virtio_pci", "virtio_mmio", "virtio_blk", "virtio_scsi", "sd_mod", "nvme", "ata_piix",
        "ext4",
        "squashfs", "erofs", "overlay", "virtio_net", "virtio_console", "virtio_rng",
      ] {
        #expect(selected.contains(name) || index.isBuiltIn(name), "\(name)")
      }
      let size = selection.modules.reduce(0) {
        $0 + (FileTree.status("\(tree.path)/\($1.path)")?.size ?? 0)
      }
      #expect(size < limit, "\(package): \(size) bytes: \(selected.sorted())")
      let missing = Set(selection.missing.map { $0.entry.text.split(separator: " ").last ?? "" })
      #expect(missing.contains("ahci") == (package == "cloud"))
      #expect(missing.contains("e1000e") == (package == "cloud"))
      let builtin = Set(selection.builtin.map { $0.entry.text.split(separator: " ").last ?? "" })
      // Its devices stand nowhere in this kernel: the driver's name in the profile tells.
      #expect(builtin.contains("nvme") == (package == "cloud"))
    }
  }

  @Test("The repository's modules.ramfs is the default profile")
  func repositoryList() throws {
    let index = try ModuleTree(cached: "cloud").index()
    let list = try ModuleList(reading: "\(TestKit.repository)/modules.ramfs")
    let selection = try ModuleSelection(
      from: index, lists: ModuleLists(modules: list, autoload: Self.noAutoload))
    #expect(try names(selection) == names(select(index, "qemu")))
  }

  @Test("Profiles add and take out, and modules.ramfs has the last word")
  func changes() throws {
    let index = try ModuleTree(cached: "full").index()
    let qemu = try names(select(index, "qemu"))
    #expect(try names(select(index, "qemu,+xfs")).subtracting(qemu).contains("xfs"))
    let lean = try names(select(index, "qemu,-erofs,-nics"))
    #expect(qemu.subtracting(lean).isSuperset(of: ["erofs", "e1000", "e1000e", "virtio_net"]))
    #expect(lean.isSubset(of: qemu) && lean.contains("virtio_blk"))
    let changed = try names(
      select(index, "qemu", modules: "- fs/erofs/erofs.ko\ndrivers/block/loop.ko\n@vfat"))
    #expect(changed.contains("loop") && changed.contains("vfat") && !changed.contains("erofs"))
    // What something else needs stays, whoever took it out.
    #expect(
      try names(select(index, "qemu", modules: "- drivers/scsi/scsi_mod.ko")).contains("scsi_mod"))
    let error = #expect(throws: KitError.self) {
      try select(index, "qemu", modules: "- fs/none.ko")
    }
    #expect(error?.message.hasPrefix("modules.ramfs:1: this kernel has no") == true)
    let unknown = #expect(throws: KitError.self) { try select(index, nil, modules: "@quemu") }
    #expect(unknown?.advice?.contains("qemu") == true)
  }

  @Test("Reasons name the device")
  func reasons() throws {
    let selection = try select(ModuleTree(cached: "full").index(), "qemu")
    let nvme = try #require(selection.modules.first { $0.name == "nvme" })
    #expect(nvme.reasons[0].description.hasPrefix("profiles/qemu:"))
    #expect(nvme.reasons[0].description.hasSuffix("nvme  # -device nvme"))
    let core = try #require(selection.modules.first { $0.name == "nvme_core" })
    #expect(core.reasons.map(\.description) == ["needed by nvme"])
  }
}
