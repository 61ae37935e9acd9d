import Basics
import Formats
import Glibc
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// How machines are put together, and the command that `boot --print` shows for them.
@Suite struct MachineTests {
  /// A kit that can be shown, in a folder that needs quotes.
  private static let folder = "it's a, kit"

  private static func bench() async throws -> CommandBench {
    let bench = try CommandBench()
    try bench.folder.write("t/bin/busybox", staticProgram(["sh"]))
    let result = try await bench.run(["build", "p.deb", "--template", "t", "--out", folder])
    #expect(result.status == 0, "\(result.errors)")
    return bench
  }

  /// The words of the command as a shell takes it, without QEMU on the machine.
  private static func words(_ bench: CommandBench, _ arguments: [String]) async throws -> [String] {
    let nothing = ["PATH": bench.folder("home")]
    let shown = try await bench.run(["boot", folder, "--print"] + arguments, environment: nothing)
    #expect(shown.status == 0, "\(shown.errors)")
    let emulator = try bench.folder.write(
      "home/bin/qemu-system-x86_64", "#!/bin/sh\nprintf '%s\\n' \"$@\"\n".utf8)
    try FileTree.setAttributes(emulator, mode: 0o755, seconds: 0)
    let words = try await Tool.run(
      "sh", ["-euc", "PATH=\(FileTree.parent(of: emulator)):$PATH; " + shown.output])
    #expect(words.status == 0, "\(words.errors)")
    return words.output.split(separator: "\n").map(String.init)
  }

  @Test("An image that has QEMU open other files is booted when the user says that it is one")
  func otherFiles() async throws {
    let bench = try await Self.bench()
    let disk = "\(Self.folder)/modules-\(CommandBench.release).qcow2"
    let images = try await bench.shell(
      """
      truncate -s 1M base raw
      qemu-img create -q -f qcow2 plain 1M
      qemu-img create -q -f qcow2 -b base -F raw over
      qemu-img create -q -f qcow2 -o data_file=data,data_file_raw=on split 1M
      qemu-img create -q -f qcow2 -o compat=0.10 -b base -F raw old
      """)
    #expect(images.status == 0, "\(images.errors)")
    for (name, format) in [("raw", "raw"), ("plain", "qcow2")] {
      let shown = try await Self.words(bench, ["--root", name])
      #expect(shown.contains { $0.hasPrefix("file=\(name),") && $0.contains("format=\(format)") })
    }
    for name in ["over", "split", "old"] {
      try await bench.expectFailure(
        ["boot", Self.folder, "--root", name, "--print"], 1, "\(name): is a qcow2 image",
        "--root-format")
      for format in ["raw", "qcow2"] {
        let shown = try await Self.words(bench, ["--root", name, "--root-format", format])
        #expect(shown.contains { $0.hasPrefix("file=\(name),") && $0.contains("format=\(format)") })
      }
    }
    // Before a colon QEMU expects a protocol.
    try bench.folder.write("nbd:x", [0])
    let shown = try await Self.words(bench, ["--root", "nbd:x"])
    #expect(shown.contains { $0.hasPrefix("file=./nbd:x,") })
    // Only root can make a block device.
    if geteuid() == 0 {
      let device = try await bench.shell("mknod device b 7 200")
      #expect(device.status == 0, "\(device.errors)")
      let shown = try await Self.words(bench, ["--root", "device"])
      #expect(shown.contains { $0.hasPrefix("file=device,") && $0.contains("format=raw") })
    }
    // Nor does a kit's own disk have QEMU open anything.
    try bench.folder.write(disk, bench.folder.read("over"))
    try await bench.expectFailure(["boot", Self.folder, "--print"], 1, "qcow2: is a qcow2 image")
  }

  @Test("What --print shows is one shell command with all of it, and its disk is kept")
  func printed() async throws {
    let bench = try await Self.bench()
    let words = try await Self.words(
      bench,
      [
        "--accel", "tcg", "--append", "a=\"b c\" $HOME 'x'", "--append", "b=1", "--memory", "300",
        "--cpus", "3",
        "--net", "e1000e", "--", "-device", "virtio-rng-pci,id=$(id)", "-s",
      ])
    func follows(_ option: String, _ value: String) -> Bool {
      zip(words, words.dropFirst()).contains { $0 == option && $1 == value }
    }
    #expect(follows("-machine", "q35,accel=tcg") && follows("-m", "300M") && follows("-smp", "3"))
    #expect(follows("-kernel", "\(Self.folder)/vmlinuz-\(CommandBench.release)"))
    #expect(
      follows(
        "-append",
        "console=ttyS0 no_timer_check root=/dev/vda panic=-1 a=\"b c\" $HOME 'x' b=1"))
    #expect(follows("-device", "e1000e,netdev=net0") && follows("-serial", "mon:stdio"))
    #expect(words.suffix(3) == ["-device", "virtio-rng-pci,id=$(id)", "-s"])
    let disk = bench.folder("home/minivm/proof/\(CommandBench.release).raw")
    #expect(follows("-drive", "file=\(disk),if=none,id=disk0,format=raw"))
    #expect(try await Tool.run("e2fsck", ["-fn", disk]).status == 0)
    let modules = "it's a,, kit/modules-\(CommandBench.release).qcow2"
    #expect(follows("-drive", "file=\(modules),if=none,id=disk1,format=qcow2,readonly=on"))
    let cache = try await bench.run(["cache", "ls"])
    #expect(cache.output.contains("proof\t"))
  }

  @Test("Devices stand on the bus that the machine has")
  func buses() async throws {
    let bench = try await Self.bench()
    for (arguments, device) in [
      (["--machine", "pc"], "virtio-blk-pci,drive=disk0"),
      (["--machine", "microvm"], "virtio-blk-device,drive=disk0"),
      (["--machine", "microvm,pcie=on"], "virtio-blk-pci,drive=disk0"),
      (["--machine", "microvm", "--disk", "virtio-scsi"], "virtio-scsi-device,id=scsi"),
      (["--machine", "microvm", "--net", "virtio-net"], "virtio-net-device,netdev=net0"),
      (["--machine", "microvm,pcie=on", "--disk", "nvme"], "nvme,serial=minivm,drive=disk0"),
      (["--disk", "ide"], "ide-hd,bus=ide.0,drive=disk0"),
      (["--disk", "ahci", "--machine", "pc"], "ahci,id=ahci"),
    ] {
      let words = try await Self.words(bench, arguments + ["--accel", "tcg"])
      #expect(words.contains(device), "\(arguments): \(words)")
    }
    let microvm = try await Self.words(bench, ["--machine", "microvm", "--accel", "tcg"])
    #expect(microvm.contains("microvm,accel=tcg,acpi=on"))
    // Its clock is the emulator's; without other timers the guest has to be told how fast it runs.
    #expect(microvm.contains { $0.contains("no_timer_check tsc_early_khz=") })
    let kvm = try await Self.words(bench, ["--machine", "microvm", "--accel", "kvm"])
    #expect(kvm.contains("host") && !kvm.contains { $0.contains("tsc_early_khz") })
  }

  @Test("Machines that can't be are usage errors that say what can")
  func impossible() async throws {
    let bench = try await Self.bench()
    for (arguments, message) in [
      (["--machine", "virt"], "machine virt does not exist for amd64; use --machine pc, q35 or"),
      (["--machine", "isapc"], "there is no machine “isapc”: it is pc, q35, microvm, virt"),
      (["--machine", "q35,"], "there is no machine “q35,”"),
      (["--machine", ""], "there is no machine “”"),
      (["--disk", "ide", "--machine", "q35"], "q35 has no IDE disks; use --machine pc, or --disk"),
      (
        ["--disk", "nvme", "--machine", "microvm"], "has no PCI bus for an NVMe disk; use --machine"
      ),
      (["--disk", "ahci", "--machine", "microvm"], "has no PCI bus for an AHCI controller"),
      (["--net", "e1000", "--machine", "microvm"], "has no PCI bus for the network card e1000"),
      (["--net", "virtio"], "--net must be none, user, virtio-net"),
      (["--disk", "floppy"], "floppy"),
      (["--memory", "16"], "--memory must be at least 32"),
    ] {
      for mode in [[], ["--print"]] {
        try await bench.expectFailure(["boot", Self.folder] + mode + arguments, 2, message)
      }
    }
  }

  @Test("Every machine has its emulator, console and firmware")
  func architectures() throws {
    func arguments(_ architecture: Architecture) throws -> [String] {
      try MachineDescription(
        model: MachineModel(architecture), kernel: "k", initramfs: "i", disks: [],
        bus: .virtioBlk, commandLine: []
      ).arguments(.tcg, isInteractive: false)
    }
    #expect(MachineModel(.arm64).emulator == "qemu-system-aarch64")
    #expect(try arguments(.arm64).contains("console=ttyAMA0"))
    #expect(MachineModel(.riscv64).emulator == "qemu-system-riscv64")
    let riscv = try arguments(.riscv64)
    #expect(riscv.contains("console=ttyS0") && riscv.contains("-bios") && !riscv.contains("-cpu"))
    for name in [MachineModel.Name.pc, .q35, .microvm] {
      #expect(throws: KitError.self) { try MachineModel(.arm64, name: name) }
    }
  }
}
