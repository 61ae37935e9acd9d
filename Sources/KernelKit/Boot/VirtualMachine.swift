/// What is booted, and on what.
public struct VirtualMachine: Sendable {
  public var model: MachineModel
  public var kernel: String
  public var initramfs: String
  /// The first is the root disk.
  public var disks: [MachineDisk]
  public var diskKind: MachineModel.Disk
  /// The kernel's command line, without the console.
  public var commandLine: [String]
  /// MiB.
  public var memory: Int
  public var cpus: Int

  public init(
    model: MachineModel, kernel: String, initramfs: String, disks: [MachineDisk],
    diskKind: MachineModel.Disk, commandLine: [String], memory: Int = 512, cpus: Int = 1
  ) {
    self.model = model
    self.kernel = kernel
    self.initramfs = initramfs
    self.disks = disks
    self.diskKind = diskKind
    self.commandLine = commandLine
    self.memory = memory
    self.cpus = cpus
  }

  /// Arguments for QEMU with the machine's console on its standard input and output.
  /// - Parameter isInteractive: a person is at the console, whose Ctrl-C is the guest's.
  func arguments(_ accelerator: Accelerator, isInteractive: Bool) throws -> [String] {
    // On a busy host an emulated timer may tick too late for the kernel's check of it, which panics.
    let isTimerUnsure = accelerator == .tcg && model.architecture == .amd64
    let append =
      ["console=\(model.console)"] + (isTimerUnsure ? ["no_timer_check"] : []) + commandLine
    return try [
      "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
      "-machine", "\(model.name.rawValue),accel=\(accelerator.rawValue)",
      "-cpu", accelerator == .kvm ? "host" : "max",
      "-smp", "\(cpus)", "-m", "\(memory)M",
      "-serial", isInteractive ? "mon:stdio" : "stdio",
      "-kernel", kernel, "-initrd", initramfs, "-append", append.joined(separator: " "),
    ] + model.diskArguments(disks, diskKind)
  }
}

/// What executes a guest's instructions.
public enum Accelerator: String, Sendable, Hashable, CaseIterable {
  case kvm, tcg

  /// Those worth a try on this machine, best first. A `/dev/kvm` that opens is no proof: in a virtual
  /// machine without nested virtualisation it may be there, and its guests hang.
  static func candidates(_ architecture: MachineModel.Architecture) -> [Accelerator] {
    guard architecture.rawValue == Machine.debianArchitecture, Machine.hasVirtualization else {
      return [.tcg]
    }
    return [.kvm, .tcg]
  }
}
