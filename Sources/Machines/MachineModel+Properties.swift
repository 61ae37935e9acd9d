internal import Basics
internal import Formats

/// Properties of QEMU's `-machine` that a user may add to a model's name.
///
/// Those that decide whether root is found are understood here; others are taken when they are known not to matter
/// for that. QEMU, `-machine MODEL,help`.
extension MachineModel {
  /// What no property of the model's own is: set by other options.
  private static let setElsewhere = [
    "accel": "--accel", "kernel": "the kit", "initrd": "the kit", "append": "--append",
    "memory": "--memory", "smp": "--cpus", "type": "--machine", "kernel-irqchip": "--accel",
  ]

  private static let common = [
    "boot", "dump-guest-core", "graphics", "mem-merge", "memory-backend", "nvdimm", "hmat",
    "suppress-vmdesc", "usb", "aux-ram-share",
  ]

  /// Names of the properties that the model may be given.
  var knownProperties: [String] {
    let own =
      switch (name, architecture) {
      case (.microvm, _):
        [
          "acpi", "auto-kernel-cmdline", "ioapic2", "isa-serial", "option-roms", "pcie", "pic",
          "pit", "rtc",
        ]
      case (.q35, _):
        [
          "acpi", "default-bus-bypass-iommu", "fd-bootchk", "hpet", "i8042", "max-fw-size",
          "max-ram-below-4g", "pic", "pit", "sata", "smbios-entry-point-type", "smbus", "smm",
          "vmport",
        ]
      case (.pc, _):
        [
          "acpi", "default-bus-bypass-iommu", "fd-bootchk", "hpet", "i8042", "max-fw-size",
          "max-ram-below-4g", "pic", "pit", "smbios-entry-point-type", "smbus", "smm", "vmport",
        ]
      case (.virt, .riscv64): ["aclint", "acpi", "aia", "aia-guests"]
      case (.virt, _):
        [
          "acpi", "compact-highmem", "default-bus-bypass-iommu", "dtb-randomness", "gic-version",
          "highmem",
          "highmem-ecam", "highmem-mmio", "highmem-redists", "its", "iommu", "mte", "ras",
          "virtualization",
        ]
      }
    return (own + Self.common).sorted()
  }

  /// Those that decide what the machine has. Their values are `on` or `off`, and `auto` for some.
  private static let switches = ["acpi", "auto-kernel-cmdline", "isa-serial", "pcie", "sata"]

  /// - Throws: `KitError.usage` for a property that the model has not, and for a switch with another value.
  func checkProperties() throws {
    for property in properties {
      let parts = property.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let key = String(parts[0])
      if let option = Self.setElsewhere[key] {
        throw KitError(
          .usage, "--machine can't set \(key.quoted): it comes from \(option)",
          advice: "leave it out")
      }
      guard knownProperties.contains(key) else {
        let nearest = NearestName.name(to: key, among: knownProperties)
        throw KitError(
          .usage, "the machine \(name.rawValue) has no property \(key.quoted)",
          advice: (nearest.map { "did you mean \($0)? " } ?? "")
            + "known properties are \(knownProperties.joined(separator: ", ")); pass others to QEMU with `-- -machine \(property)`"
        )
      }
      guard parts.count == 2 else {
        throw KitError(
          .usage, "the property \(key.quoted) of --machine has no value",
          advice: "write \(key)=on, or another")
      }
      let value = String(parts[1])
      if Self.switches.contains(key), !["on", "off"].contains(value),
        value != "auto" || key == "sata" || key == "auto-kernel-cmdline" || key == "isa-serial"
      {
        throw KitError(
          .usage, "--machine \(key)=\(value): \(key) must be on or off",
          advice: "write \(key)=on or \(key)=off")
      }
    }
  }

  /// The value that counts: the last one; nil where there is none.
  private func value(_ key: String) -> String? {
    properties.last { $0.hasPrefix("\(key)=") }.map { String($0.dropFirst(key.utf8.count + 1)) }
  }

  /// Whether ACPI tells the kernel of the machine's devices.
  var hasACPI: Bool { value("acpi") != "off" }

  /// Whether there is a PCI bus; without one, devices are virtio ones on MMIO. Of microvm's, ACPI tells.
  package var hasPCI: Bool { name != .microvm || value("pcie") == "on" && hasACPI }

  /// Whether the machine has an AHCI controller of its own.
  var hasAHCI: Bool { name == .q35 && value("sata") != "off" }

  /// Whether the machine has the serial port that is the console.
  var hasSerialPort: Bool { name != .microvm || value("isa-serial") != "off" }

  /// Whether QEMU names virtio devices on the kernel's command line.
  var namesDevices: Bool { value("auto-kernel-cmdline") != "off" }
}
