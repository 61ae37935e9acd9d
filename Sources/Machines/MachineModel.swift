internal import Basics
package import Formats

/// A virtual machine that QEMU makes: what differs between architectures and models.
package struct MachineModel: Sendable, Hashable {
  package enum Name: String, Sendable, Hashable, CaseIterable {
    case pc, q35, microvm, virt
  }

  package let architecture: Architecture
  package let name: Name
  /// More of QEMU's `-machine`, such as `pcie=on`.
  package let properties: [String]

  /// The model that serves an architecture best, with the disks that are wanted.
  package init(_ architecture: Architecture, disk: MachineDisk.Bus = .virtioBlk) {
    self.architecture = architecture
    // IDE proper is what the older PC has; on q35 the same device is an AHCI one.
    name = architecture != .amd64 ? .virt : disk == .ide ? .pc : .q35
    properties = []
  }

  /// - Throws: `KitError.usage` for a model that the architecture has not, and for properties that the model has not.
  package init(_ architecture: Architecture, name: Name, properties: [String] = []) throws {
    guard (architecture == .amd64) == (name != .virt) else {
      throw KitError(
        .usage, "machine \(name.rawValue) does not exist for \(architecture.rawValue)",
        advice: "use --machine \(architecture == .amd64 ? "pc, q35 or microvm" : "virt")")
    }
    self.architecture = architecture
    self.name = name
    self.properties = properties
    try checkProperties()
  }

  /// A model as QEMU's `-machine` has it: a name, and properties after commas.
  /// - Throws: `KitError.usage` for what is no such model.
  package init(_ architecture: Architecture, argument: String) throws {
    try self.init(architecture, argument: argument, others: [])
  }

  /// - Parameter others: names of what is no machine of QEMU's, and would do, too.
  init(_ architecture: Architecture, argument: String, others: [String]) throws {
    let words = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard let name = Name(rawValue: words[0]), !words.contains("") else {
      throw KitError(
        .usage,
        "there is no machine \(argument.quoted): it is \((Name.allCases.map(\.rawValue) + others).joined(separator: ", ")), or one of QEMU's with properties of its -machine"
      )
    }
    try self.init(architecture, name: name, properties: Array(words.dropFirst()))
  }

  package var emulator: String { "qemu-system-\(architecture.qemu)" }

  /// Debian's package of the emulator and its firmware.
  package var emulatorPackages: String {
    switch architecture {
    case .amd64: "qemu-system-x86"
    case .arm64: "qemu-system-arm"
    default: "qemu-system-misc and opensbi"
    }
  }

  /// The console that the kernel writes to.
  package var console: String {
    architecture == .arm64 ? "ttyAMA0" : "ttyS0"
  }

  /// The name, and what QEMU's `-machine` needs beside it.
  package var description: String { ([name.rawValue] + properties).joined(separator: ",") }

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
