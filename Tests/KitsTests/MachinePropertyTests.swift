import Formats
import TestSupport
import Testing
@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// Properties of `--machine`, and network cards.
@Suite struct MachinePropertyTests {
  private static let configuration = [
    "PCI", "ACPI", "SERIAL_8250_CONSOLE", "VIRTIO_MMIO", "VIRTIO_BLK", "EXT4_FS",
  ]

  private func report(_ machine: String, _ options: [String]) throws -> RootCheck.Report {
    let text = options.map { "CONFIG_\($0)=y\n" }.joined()
    return try RootCheck(
      KernelRelease("6.1"), kernel: ModuleIndex([]),
      configuration: KernelConfiguration(reading: Array(text.utf8)), inside: [],
      hasModulesDisk: false
    ).report(CheckedMachine(.amd64, argument: machine), disk: .virtioBlk)
  }

  @Test("check knows what properties take away from a machine")
  func takenAway() throws {
    #expect(try report("microvm", Self.configuration).reachesRoot)
    #expect(try report("microvm,acpi=on", Self.configuration).reachesRoot)
    #expect(try report("microvm,acpi=auto,rtc=off", Self.configuration).reachesRoot)
    let told = "VIRTIO_MMIO_CMDLINE_DEVICES"
    let off = try report("microvm,acpi=off", Self.configuration)
    #expect(off.error?.message.contains("without CONFIG_\(told)") == true, "\(off)")
    #expect(try report("microvm,acpi=off", Self.configuration + [told]).reachesRoot)
    // The last one counts.
    #expect(try !report("microvm,acpi=on,acpi=off", Self.configuration).reachesRoot)
    let silent = try report(
      "microvm,acpi=off,auto-kernel-cmdline=off", Self.configuration + [told])
    #expect(silent.error?.message.contains("the kernel cannot find") == true)
    let mute = try report("microvm,isa-serial=off", Self.configuration)
    #expect(mute.reachesRoot && mute.steps[0].state == .missing)
  }

  @Test("ACPI tells of microvm's PCI Express; q35 without SATA gets a controller")
  func controllers() throws {
    func model(_ text: String) throws -> MachineModel {
      try MachineModel(.amd64, argument: text)
    }
    #expect(try model("microvm,pcie=on").hasPCI)
    #expect(try !model("microvm,pcie=on,acpi=off").hasPCI)
    #expect(try !model("microvm,pcie=on,pcie=off").hasPCI)
    let disk = MachineDisk("d", format: .raw, access: .readWrite)
    for (machine, bus) in [("q35", "ide.0"), ("q35,sata=off", "ahci.0"), ("pc", "ahci.0")] {
      let arguments = try model(machine).diskArguments([disk], .ahci)
      #expect(arguments.contains("ide-hd,bus=\(bus),drive=disk0"), "\(arguments)")
    }
  }

  @Test("A property that the machine has not, or that minivm sets, is a usage error")
  func unknown() async throws {
    let bench = try CommandBench()
    #expect(try await bench.run(["build", "p.deb", "--template", "t", "--out", "kit"]).status == 0)
    for (machine, message) in [
      ("microvm,apci=off", "microvm has no property “apci”; did you mean acpi?"),
      ("q35,pcie=on", "q35 has no property “pcie”"),
      ("pc,sata=off", "pc has no property “sata”"),
      ("microvm,x-option-roms=off", "pass others to QEMU with `-- -machine x-option-roms=off`"),
      ("microvm,acpi", "“acpi” of --machine has no value; write acpi=on"),
      ("microvm,acpi=no", "acpi must be on or off"), ("q35,sata=auto", "sata must be on or off"),
      ("q35,accel=kvm", "“accel”: it comes from --accel"),
      ("q35,kernel=x", "“kernel”: it comes from the kit"),
    ] {
      for command in ["boot", "check"] {
        try await bench.expectFailure([command, "kit", "--machine", machine], 2, message)
      }
    }
  }

  @Test("Network cards: several, with options of QEMU's user network")
  func networks() async throws {
    let forwarding = "hostfwd=tcp::2222-:22"
    #expect(
      try NetworkDevice(argument: "user,\(forwarding)")
        == NetworkDevice(.virtio, userOptions: [forwarding]))
    #expect(
      try NetworkDevice(argument: "e1000,user,\(forwarding),mac=52:54:00:00:00:01,dns=10.0.2.3")
        == NetworkDevice(
          .e1000, userOptions: [forwarding, "dns=10.0.2.3"],
          deviceOptions: ["mac=52:54:00:00:00:01"]))
    for text in [
      "", "tap", "e1000,", "user,hostfwd", "user,hostfwd=", "user,ifname=x", "user,e1000",
    ] {
      #expect(throws: KitError.self, "\(text)") { try NetworkDevice(argument: text) }
    }
    let bench = try CommandBench()
    #expect(try await bench.run(["build", "p.deb", "--template", "t", "--out", "kit"]).status == 0)
    let print = ["boot", "kit", "--root", "p.deb", "--print"]
    let shown = try await bench.run(
      print + ["--net", "user,\(forwarding)", "--net", "e1000,mac=52:54:00:00:00:01"])
    for argument in [
      "-netdev user,id=net0,\(forwarding) ", "-device virtio-net-pci,netdev=net0 ",
      "-netdev user,id=net1 ", "-device e1000,netdev=net1,mac=52:54:00:00:00:01\n",
    ] {
      #expect(shown.output.contains(argument), "\(shown)")
    }
    #expect(try await !bench.run(print + ["--net", "none"]).output.contains("-netdev"))
    try await bench.expectFailure(print + ["--net", "none", "--net", "e1000"], 2, "not both")
    // Its kernel has no network driver at all.
    #expect(shown.errors.contains("no driver for the network card e1000: the guest won't see it"))
  }

  @Test("discover names an added device that nothing drives, and does not call it built in")
  func withoutDriver() throws {
    var probe = GuestProbe()
    let card = "pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00"
    probe.take("minivm-report: device /sys/devices/pci0000:00/0000:00:04.0 \(card) - -")
    probe.take("minivm-report: device /sys/devices/pci0000:00/0000:00:05.0 pci:v1 - nvme")
    probe.take(
      "minivm-report: device /sys/devices/pci0000:00/0000:00:06.0 pci:v2 virtio_rng virtio_pci")
    probe.take("minivm-report: device /sys/devices/platform/x platform:x - -")
    #expect(Discovery.withoutDriver(probe.devices) == [card])
    var lists = DiscoveredLists(
      try KernelRelease("6.1"), source: "q35", index: try ModuleIndex([]), wanted: [], others: [])
    lists.withoutDriver = [card]
    #expect(lists.modulesText.contains("# No driver in this kernel: \(card)\n"))
    #expect(ModuleList(Array(lists.modulesText.utf8), name: "l").entries.isEmpty)
  }

  @Test("A kit by its manifest, and a kernel by the beginning of its release")
  func kitPaths() async throws {
    let bench = try CommandBench()
    let release = CommandBench.release
    #expect(try await bench.run(["build", "p.deb", "--template", "t", "--out", "kit"]).status == 0)
    try await Tool.shell(
      "for f in vmlinuz initramfs; do cp kit/$f-\(release) kit/$f-6.1.0-12-x; done",
      in: bench.folder.path)
    try bench.folder.write("r.img", [0])
    let print = ["--root", "r.img", "--print"]
    for words in [
      ["kit/manifest-\(release).json"], ["kit", "--kernel", release],
      ["kit", "--kernel", "6.1.0-1"],
      ["kit/manifest-\(release).json", "--kernel", "6.1"],
    ] {
      let result = try await bench.run(["boot"] + words + print)
      #expect(result.output.contains("kit/vmlinuz-\(release) "), "\(words): \(result)")
    }
    for command in ["check", "explain"] {
      #expect(try await bench.run([command, "kit/manifest-\(release).json"]).status < 2)
    }
    try await bench.expectFailure(
      ["boot", "kit", "--kernel", "6.1"] + print, 2, "more than one kernel: 6.1.0-1-x, 6.1.0-12-x")
    try await bench.expectFailure(
      ["boot", "kit", "--kernel", "6.1.0-3"] + print, 3, "vmlinuz-6.1.0-3")
    try await bench.expectFailure(
      ["boot", "kit/manifest-\(release).json", "--kernel", "6.1.0-12"] + print, 2,
      "is the kit of kernel \(release), not of 6.1.0-12")
  }
}
