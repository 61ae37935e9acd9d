internal import Basics
package import Formats

/// A machine as the kernel sees it when it looks for its root disk: which devices stand on the way.
///
/// The devices' names are those that sysfs shows in a guest. They follow from PCI's vendor, device and
/// class codes (QEMU, docs/specs/pci-ids), the virtio specification (5, "Device Types"; 4.1.2 for PCI),
/// ACPI's ids and the device trees' `compatible`.
package struct CheckedMachine: Sendable, Hashable {
  /// Something that needs a driver.
  package struct Device: Sendable, Hashable {
    /// In words.
    package var name: String
    /// What the kernel asks modprobe for.
    package var modalias: String
    /// Those that take it, as kernels call them that have them built in.
    package var drivers: [String]

    /// Makes a device from its name in words, its modalias and the drivers that take it.
    package init(name: String, modalias: String, drivers: [String]) {
      self.name = name
      self.modalias = modalias
      self.drivers = drivers
    }
  }

  /// Where virtio devices are.
  enum Transport: Sendable, Hashable {
    case pci, acpi, deviceTree
    /// QEMU's microvm without ACPI. Linux, drivers/virtio/virtio_mmio.c.
    case commandLine

    var device: Device {
      switch self {
      case .pci:
        Device(
          name: "virtio on PCI", modalias: "pci:v00001AF4d00001042sv00001AF4sd00001100bc01sc00i00",
          drivers: ["virtio_pci"])
      case .acpi:
        Device(name: "virtio on MMIO", modalias: "acpi:LNRO0005:", drivers: ["virtio_mmio"])
      case .deviceTree:
        Device(
          name: "virtio on MMIO", modalias: "of:Nvirtio_mmioT(null)Cvirtio,mmio",
          drivers: ["virtio_mmio"])
      case .commandLine:
        Device(
          name: "virtio on MMIO", modalias: "platform:virtio-mmio", drivers: ["virtio_mmio"])
      }
    }
  }

  /// As the user writes it.
  package let name: String
  /// The machine's architecture, which its kernel is for.
  package let architecture: Architecture
  let transport: Transport
  let hasPCI: Bool
  /// How its disks may be attached.
  package let buses: [MachineDisk.Bus]
  /// The kernel's name of it, and the options that build its driver in.
  package let console: (device: String, options: [String])
  /// Why the kernel finds no device, whatever drivers it has; nil where it may.
  package let obstacle: (problem: String, advice: String)?
  /// Whether the machine has the console's serial port.
  package let hasConsole: Bool

  /// Compares names and architectures: all else follows from these.
  package static func == (left: Self, right: Self) -> Bool {
    left.name == right.name && left.architecture == right.architecture
  }

  /// Hashes what `==` compares.
  package func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(architecture)
  }

  /// QEMU's.
  package init(_ model: MachineModel) {
    name = model.description
    architecture = model.architecture
    hasPCI = model.hasPCI
    transport = model.hasPCI ? .pci : model.hasACPI ? .acpi : .commandLine
    obstacle =
      transport == .commandLine && !model.namesDevices
      ? (
        "with acpi=off and auto-kernel-cmdline=off, the kernel cannot find the machine's devices",
        "omit one of them"
      ) : nil
    hasConsole = model.hasSerialPort
    let onPCI: [MachineDisk.Bus] = hasPCI ? [.ahci, .nvme] : []
    buses = [.virtioBlk, .virtioSCSI] + (model.name == .pc ? [.ide] : []) + onPCI
    console = Self.console(model.architecture, model.console)
  }

  /// - Parameter argument: one of QEMU's, `firecracker` or `cloud-hypervisor`.
  /// - Throws: `KitError.usage` for a machine that the architecture has not.
  package init(_ architecture: Architecture, argument: String) throws {
    let others = ["firecracker", "cloud-hypervisor"]
    guard others.contains(argument) else {
      self.init(try MachineModel(architecture, argument: argument, others: others))
      return
    }
    guard architecture != .riscv64 else {
      throw KitError(.usage, "there is no \(argument) for \(architecture.rawValue)")
    }
    let hasPCI = argument == "cloud-hypervisor"
    self.init(
      name: argument, architecture: architecture,
      transport: hasPCI ? .pci : architecture == .amd64 ? .acpi : .deviceTree, hasPCI: hasPCI,
      buses: [.virtioBlk],
      console: Self.console(
        architecture, hasPCI && architecture == .arm64 ? "ttyAMA0" : "ttyS0"))
  }

  private init(
    name: String, architecture: Architecture, transport: Transport, hasPCI: Bool,
    buses: [MachineDisk.Bus], console: (device: String, options: [String])
  ) {
    self.name = name
    self.architecture = architecture
    self.transport = transport
    self.hasPCI = hasPCI
    self.buses = buses
    self.console = console
    (obstacle, hasConsole) = (nil, true)
  }

  private static func console(
    _ architecture: Architecture, _ name: String
  ) -> (device: String, options: [String]) {
    if name == "ttyAMA0" { return (name, ["SERIAL_AMBA_PL011_CONSOLE"]) }
    let options = ["SERIAL_8250_CONSOLE"]
    return (name, architecture == .amd64 ? options : options + ["SERIAL_OF_PLATFORM"])
  }

  /// What the kernel has to be built with to see any of the devices.
  package var busOptions: [String] {
    switch (hasPCI, architecture, transport) {
    case (true, .amd64, _): ["PCI", "ACPI"]
    case (true, _, _): ["PCI", "OF"]
    case (_, _, .deviceTree): ["OF"]
    case (_, _, .commandLine): ["VIRTIO_MMIO_CMDLINE_DEVICES"]
    default: ["ACPI"]
    }
  }

  /// From the processor to the disk.
  package func devices(to bus: MachineDisk.Bus) -> [Device] {
    var devices: [Device] = []
    if hasPCI, architecture != .amd64 {
      devices.append(
        Device(
          name: "PCI host bridge", modalias: "of:NpcieT(null)Cpci-host-ecam-generic",
          drivers: ["pci_host_generic"]))
    }
    let disk = Device(name: "SCSI disk", modalias: "scsi:t-0x00", drivers: ["sd_mod"])
    switch bus {
    case .virtioBlk: devices += virtio("virtio-blk", 0x2, ["virtio_blk"])
    case .virtioSCSI: devices += virtio("virtio-scsi", 0x8, ["virtio_scsi"]) + [disk]
    case .ide:
      devices.append(
        Device(
          name: "IDE controller",
          modalias: "pci:v00008086d00007010sv00001AF4sd00001100bc01sc01i80", drivers: ["ata_piix"]))
      devices.append(disk)
    case .ahci:
      devices.append(
        Device(
          name: "AHCI controller",
          modalias: "pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01", drivers: ["ahci"]))
      devices.append(disk)
    case .nvme:
      devices.append(
        Device(
          name: "NVMe disk", modalias: "pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02",
          drivers: ["nvme"]))
    }
    return devices
  }

  /// From the processor to a folder of the host.
  package var devicesToSharedFolder: [Device] { virtio("virtio-fs", 0x1A, ["virtiofs"]) }

  private func virtio(_ name: String, _ type: Int, _ drivers: [String]) -> [Device] {
    let digits = String(type, radix: 16, uppercase: true)
    let id = String(repeating: "0", count: 8 - digits.count) + digits
    return [
      transport.device,
      Device(name: name, modalias: "virtio:d\(id)v00001AF4", drivers: drivers),
    ]
  }
}
