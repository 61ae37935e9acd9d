internal import Basics
internal import Formats

/// What QEMU calls a machine and its devices.
extension MachineModel {
  /// The name of QEMU's program for the architecture.
  package var emulator: String { "qemu-system-\(architecture.qemu)" }

  /// Debian's package of the emulator and its firmware.
  package var emulatorPackages: String {
    switch architecture {
    case .amd64: "qemu-system-x86"
    case .arm64: "qemu-system-arm"
    default: "qemu-system-misc and opensbi"
    }
  }

  /// What makes the machine itself, without its devices.
  func arguments(_ accelerator: Accelerator) -> [String] {
    var words = [description, "accel=\(accelerator.rawValue)"]
    // How Debian's kernels find the devices: they don't read them from their command line.
    if name == .microvm, !properties.contains(where: { $0.hasPrefix("acpi=") }) {
      words.append("acpi=on")
    }
    let cpu = accelerator == .kvm ? "host" : emulatedCPU
    return ["-machine", words.joined(separator: ",")] + (cpu.map { ["-cpu", $0] } ?? [])
      + (architecture == .riscv64 ? ["-bios", "default"] : [])
  }

  /// Nil for the model's own.
  private var emulatedCPU: String? {
    switch architecture {
    case .amd64: "max"
    // `max` signs every return address, which takes an emulator long, and kernels before 5.12
    // don't start on its 52-bit page tables.
    case .arm64: "cortex-a57"
    default: nil
    }
  }

  /// What the kernel has to be told where the machine is emulated.
  var emulationParameters: [String] {
    guard architecture == .amd64 else { return [] }
    // On a busy host an emulated timer may tick too late for the kernel's check of it, which panics.
    var parameters = ["no_timer_check"]
    // Without legacy timers there is nothing to measure the time stamp counter by.
    if name == .microvm { parameters.append("tsc_early_khz=\(Machine.timeStampRate)") }
    return parameters
  }

  /// A virtio device of this machine.
  private func virtio(_ device: String) -> String {
    "virtio-\(device)-\(hasPCI ? "pci" : "device")"
  }

  /// - Throws: `KitError.usage` for a device that stands on PCI, where there is none.
  private func checkPCI(_ device: String) throws {
    guard hasPCI else {
      let other = hasACPI ? "\(description),pcie=on" : "\(name.rawValue),pcie=on"
      throw KitError(
        .usage, "the machine \(description) has no PCI bus for \(device)",
        advice: "use --machine \(other), or a virtio device")
    }
  }

  /// Arguments that attach the disks: the first as `bus` says, the others by virtio-blk. Two disks of
  /// a guest's SCSI or ATA bus get their names in no certain order, so there is only one there.
  /// - Throws: `KitError.usage` for a bus that the model has not.
  func diskArguments(_ disks: [MachineDisk], _ bus: MachineDisk.Bus) throws -> [String] {
    var arguments: [String] = []
    switch bus {
    case .virtioBlk: break
    case .virtioSCSI: arguments += ["-device", "\(virtio("scsi")),id=scsi"]
    case .ide:
      guard name == .pc else {
        throw KitError(
          .usage, "the machine \(description) has no IDE disks",
          advice: architecture == .amd64 ? "use --machine pc, or --disk ahci" : "use --disk ahci")
      }
    case .ahci:
      try checkPCI("an AHCI controller")
      if !hasAHCI { arguments += ["-device", "ahci,id=ahci"] }
    case .nvme: try checkPCI("an NVMe disk")
    }
    for (index, disk) in disks.enumerated() {
      let id = "disk\(index)"
      let bus = index == 0 ? bus : .virtioBlk
      let device =
        switch bus {
        case .virtioBlk: virtio("blk") + (disk.serial.map { ",serial=\($0)" } ?? "")
        case .virtioSCSI: "scsi-hd,bus=scsi.0"
        case .ide: "ide-hd,bus=ide.0"
        case .ahci: "ide-hd,bus=\(hasAHCI ? "ide" : "ahci").0"
        case .nvme: "nvme,serial=minivm"
        }
      arguments += ["-drive", disk.driveArgument(id: id, bus), "-device", "\(device),drive=\(id)"]
    }
    return arguments
  }

  /// Arguments for a network card whose other end is QEMU's own network, which needs no rights.
  /// - Throws: `KitError.usage` for a card that the model can't have.
  func networkArguments(_ network: NetworkDevice, id: String) throws -> [String] {
    let card = network.card
    if card != .virtio { try checkPCI("the network card \(card.rawValue)") }
    let device = card == .virtio ? virtio("net") : card.rawValue
    return [
      "-netdev", (["user", "id=\(id)"] + network.userOptions).joined(separator: ","),
      "-device", (["\(device)", "netdev=\(id)"] + network.deviceOptions).joined(separator: ","),
    ]
  }
}
