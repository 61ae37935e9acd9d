import ArgumentParser
import Basics
import Formats
import Kits
import Machines

/// What a virtual machine is like.
struct MachineOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Machine model: Machine model: pc, q35, microvm (amd64) or virt (arm64, riscv64), with properties of QEMU's -machine: \
      microvm,pcie=on.
      """, valueName: "model"),
    completion: .list(["pc", "q35", "microvm", "virt"]))
  var machine: String?

  @Option(
    help: ArgumentHelp(
      "Bus of the root disk: virtio-blk, virtio-scsi, ide, ahci or nvme.", valueName: "bus"
    ))
  var disk = MachineDisk.Bus.virtioBlk

  @Option(
    help: ArgumentHelp(
      """
      Network card on QEMU's user-mode network; repeatable: \
      \(NetworkCard.allCases.map(\.rawValue).joined(separator: ", ")), with options of QEMU's -netdev user: \
      user,hostfwd=tcp::2222-:22 (default: none).
      """, valueName: "card"),
    completion: .list(NetworkCard.allCases.map(\.rawValue) + ["none"]))
  var net: [String] = []

  @Option(
    help: ArgumentHelp(
      "Format of the --root disk: raw or qcow2 (default: detected).", valueName: "format"))
  var rootFormat: MachineDisk.Format?

  @Option(
    help: ArgumentHelp("Guest memory in MiB, or with a unit, such as 2G.", valueName: "MiB"),
    transform: MemorySize.megabytes)
  var memory = 512

  @Option(help: ArgumentHelp("Number of guest processors.", valueName: "count"))
  var cpus = 1

  @Option(
    help: ArgumentHelp(
      "Accelerator: auto, kvm or tcg; auto uses KVM where guests run on it.", valueName: "name"),
    completion: .list(["auto"] + Accelerator.allCases.map(\.rawValue)))
  var accel = "auto"

  func validate() throws {
    guard accel == "auto" || Accelerator(rawValue: accel) != nil else {
      throw ValidationError("--accel must be auto, kvm or tcg, not \(accel)")
    }
    guard (32...1 << 20).contains(memory), (1...255).contains(cpus) else {
      throw ValidationError("--memory must be at least 32 MiB, --cpus 1 to 255")
    }
  }

  func check(root: String?) throws {
    guard rootFormat == nil || root != nil else {
      throw ValidationError("--root-format requires --root")
    }
  }

  /// Those to try, one after the other; nil for what suits this machine.
  var accelerators: [Accelerator]? { Accelerator(rawValue: accel).map { [$0] } }

  func rootDisk(_ path: String, access: MachineDisk.Access) throws -> MachineDisk {
    guard let rootFormat else { return try MachineDisk(detecting: path, access: access) }
    return MachineDisk(path, format: rootFormat, access: access)
  }

  /// - Throws: `KitError.usage` for a machine that the architecture has not.
  func model(_ architecture: Architecture) throws -> MachineModel {
    try machine.map { try MachineModel(architecture, argument: $0) }
      ?? MachineModel(architecture, disk: disk)
  }

  /// - Throws: `KitError.usage` for a card or an option that there is not.
  func networks() throws(KitError) -> [NetworkDevice] {
    guard net != ["none"] else { return [] }
    var networks: [NetworkDevice] = []
    for word in net {
      guard word != "none" else {
        throw KitError(.usage, "--net none means no card: give none or cards, not both")
      }
      networks.append(try NetworkDevice(argument: word))
    }
    return networks
  }

  /// - Parameters:
  ///   - place: the machine and how its disks are attached.
  ///   - disks: the root disk first.
  ///   - extraArguments: of QEMU.
  func virtualMachine(
    _ place: RootPlace, kernel: String, initramfs: String = "", disks: [MachineDisk] = [],
    commandLine: [String] = [], extraArguments: [String]
  ) throws -> MachineDescription {
    try MachineDescription(
      model: place.model, kernel: kernel, initramfs: initramfs, disks: disks, bus: place.bus,
      networks: networks(), commandLine: commandLine, memory: memory, cpus: cpus,
      extraArguments: extraArguments)
  }
}

extension MachineDisk.Bus: ExpressibleByArgument {}
