/// A virtual machine that QEMU makes: what differs between architectures and models.
public struct MachineModel: Sendable, Hashable {
  public enum Architecture: String, Sendable, Hashable, CaseIterable, Codable {
    case amd64, arm64, riscv64
  }

  public enum Name: String, Sendable, Hashable, CaseIterable {
    case pc, q35, virt
  }

  /// How disks are attached.
  public enum Disk: String, Sendable, Hashable, CaseIterable {
    case virtioBlk = "virtio-blk"
    case virtioSCSI = "virtio-scsi"
    case ide, ahci, nvme
  }

  public var architecture: Architecture
  public var name: Name

  /// The model that serves an architecture best, with the disks that are wanted.
  public init(_ architecture: Architecture, disk: Disk = .virtioBlk) {
    self.architecture = architecture
    // IDE proper is what the older PC has; on q35 the same device is an AHCI one.
    name = architecture != .amd64 ? .virt : disk == .ide ? .pc : .q35
  }

  /// - Throws: `KitError.usage` for a model that the architecture has not.
  public init(_ architecture: Architecture, name: Name) throws {
    guard (architecture == .amd64) == (name != .virt) else {
      throw KitError(.usage, "there is no machine \(name.rawValue) for \(architecture.rawValue)")
    }
    self.architecture = architecture
    self.name = name
  }

  public var emulator: String {
    switch architecture {
    case .amd64: "qemu-system-x86_64"
    case .arm64: "qemu-system-aarch64"
    case .riscv64: "qemu-system-riscv64"
    }
  }

  /// The console that the kernel writes to.
  public var console: String {
    architecture == .arm64 ? "ttyAMA0" : "ttyS0"
  }

  /// The guest's name of the first disk on a bus of this kind.
  public func diskName(_ disk: Disk) -> String {
    switch disk {
    case .virtioBlk: "/dev/vda"
    case .virtioSCSI, .ide, .ahci: "/dev/sda"
    case .nvme: "/dev/nvme0n1"
    }
  }

  /// Arguments that attach the disks: the first as `kind` says, the others by virtio-blk. Two disks of
  /// a guest's SCSI or ATA bus get their names in no certain order, so there is only one there.
  /// - Throws: `KitError.usage` for a bus that the model has not.
  func diskArguments(_ disks: [MachineDisk], _ kind: Disk) throws -> [String] {
    guard architecture == .amd64 || kind != .ide else {
      throw KitError(.usage, "the machine \(name.rawValue) has no IDE disks")
    }
    guard kind != .ide || name == .pc else {
      throw KitError(
        .usage, "the machine \(name.rawValue) has no IDE disks",
        advice: "use --machine pc, or --disk ahci")
    }
    var arguments: [String] = []
    switch kind {
    case .virtioSCSI: arguments += ["-device", "virtio-scsi-pci,id=scsi"]
    case .ahci where name != .q35: arguments += ["-device", "ahci,id=ahci"]
    default: break
    }
    for (index, disk) in disks.enumerated() {
      let id = "disk\(index)"
      let kind = index == 0 ? kind : .virtioBlk
      arguments += ["-drive", disk.driveArgument(id: id, kind)]
      let device =
        switch kind {
        case .virtioBlk: "virtio-blk-pci,drive=\(id)"
        case .virtioSCSI: "scsi-hd,bus=scsi.0,drive=\(id)"
        case .ide: "ide-hd,bus=ide.0,drive=\(id)"
        case .ahci: "ide-hd,bus=\(name == .q35 ? "ide" : "ahci").0,drive=\(id)"
        case .nvme: "nvme,serial=minivm,drive=\(id)"
        }
      arguments += ["-device", device]
    }
    return arguments
  }
}

/// A disk that a machine is given.
public struct MachineDisk: Sendable, Hashable {
  public enum Format: String, Sendable, Hashable, CaseIterable, Codable {
    case qcow2, raw
  }

  public enum Access: Sendable, Hashable {
    case readWrite
    /// Nothing that the guest does changes the file.
    case unchanged
  }

  public var path: String
  public var format: Format
  public var access: Access

  public init(_ path: String, format: Format, access: Access) {
    self.path = path
    self.format = format
    self.access = access
  }

  func driveArgument(id: String, _ kind: MachineModel.Disk) -> String {
    // In QEMU's option lists a comma is written twice.
    let file = path.replacing(",", with: ",,")
    var argument = "file=\(file),if=none,id=\(id),format=\(format.rawValue)"
    if access == .unchanged {
      // ATA disks can't be read-only: what is written to them goes to a temporary file instead.
      argument += kind == .ide || kind == .ahci ? ",snapshot=on" : ",readonly=on"
    }
    return argument
  }
}
