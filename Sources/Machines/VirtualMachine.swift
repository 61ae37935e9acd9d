internal import Basics
package import Formats

/// What is booted, and on what.
package struct VirtualMachine: Sendable {
  package var model: MachineModel
  package var kernel: String
  package var initramfs: String
  /// The first is the root disk.
  package var disks: [MachineDisk]
  /// How the root disk is attached.
  package var bus: MachineDisk.Bus
  /// Network cards, in the order of their addresses.
  package var networks: [NetworkDevice]
  /// The kernel's command line, without the console.
  package var commandLine: [String]
  /// MiB.
  package var memory: Int
  package var cpus: Int
  /// More of QEMU's own arguments, which come last: of most options the last one counts.
  package var extraArguments: [String]

  package init(
    model: MachineModel, kernel: String, initramfs: String, disks: [MachineDisk],
    bus: MachineDisk.Bus, networks: [NetworkDevice] = [], commandLine: [String], memory: Int = 512,
    cpus: Int = 1, extraArguments: [String] = []
  ) {
    self.model = model
    self.kernel = kernel
    self.initramfs = initramfs
    self.disks = disks
    self.bus = bus
    self.networks = networks
    self.commandLine = commandLine
    self.memory = memory
    self.cpus = cpus
    self.extraArguments = extraArguments
  }

  /// Arguments for QEMU with the machine's console on its standard input and output.
  /// - Parameters:
  ///   - isInteractive: a person is at the console, whose Ctrl-C is the guest's.
  ///   - consoleFile: a file that QEMU writes the console to as well.
  /// - Throws: `KitError.usage` for a disk or a network card that the model can't have.
  package func arguments(
    _ accelerator: Accelerator, isInteractive: Bool, consoleFile: String? = nil
  ) throws -> [String] {
    let emulated = accelerator == .tcg ? model.emulationParameters : []
    let append = ["console=\(model.console)"] + emulated + commandLine
    var arguments = ["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"]
    arguments += model.arguments(accelerator)
    arguments += ["-smp", "\(cpus)", "-m", "\(memory)M"]
    if let consoleFile {
      // mon:stdio, written out.
      let mux = isInteractive ? ",mux=on,signal=off" : ""
      arguments += [
        "-chardev",
        "stdio,id=console\(mux),logfile=\(consoleFile.replacing(",", with: ",,"))",
        "-serial", "chardev:console",
      ]
      if isInteractive { arguments += ["-mon", "chardev=console"] }
    } else {
      arguments += ["-serial", isInteractive ? "mon:stdio" : "stdio"]
    }
    arguments += ["-kernel", kernel, "-initrd", initramfs]
    arguments += ["-append", append.joined(separator: " ")]
    arguments += try model.diskArguments(disks, bus)
    for (index, network) in networks.enumerated() {
      arguments += try model.networkArguments(network, id: "net\(index)")
    }
    return arguments + extraArguments
  }

  /// Whether the kernel was told to keep its messages to itself, among them that it starts /init: silence says
  /// nothing of it then. Linux, Documentation/admin-guide/kernel-parameters.txt.
  var isQuiet: Bool {
    var isQuiet = false
    for word in words {
      if word == "quiet" { isQuiet = true }
      if word == "debug" || word == "ignore_loglevel" { isQuiet = false }
      if word.hasPrefix("loglevel=") { isQuiet = Int(word.dropFirst(9)).map { $0 < 7 } ?? isQuiet }
    }
    return isQuiet
  }

  /// The words of the kernel's command line.
  var words: [Substring] { commandLine.flatMap { $0.split(separator: " ") } }

  /// The command that a person runs at a shell, an option a line.
  package func shellCommand(
    _ accelerator: Accelerator, consoleFile: String? = nil
  ) throws -> String {
    try arguments(accelerator, isInteractive: true, consoleFile: consoleFile).reduce(
      into: model.emulator
    ) { text, argument in
      text += (argument.hasPrefix("-") ? " \\\n  " : " ") + argument.shellQuoted
    }
  }
}

extension String {
  /// One word of a POSIX shell's command. POSIX.1-2017, Shell Command Language, 2.2.2.
  package var shellQuoted: String {
    let isPlain = utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "_-+=:,./@%".utf8.contains(byte)
      }
    }
    return isPlain && !isEmpty ? self : "'\(replacing("'", with: "'\\''"))'"
  }
}

/// What executes a guest's instructions.
package enum Accelerator: String, Sendable, Hashable, CaseIterable {
  case kvm, tcg

  /// Those worth a try on this machine, best first. A `/dev/kvm` that opens is no proof: in a virtual
  /// machine without nested virtualisation it may be there, and its guests hang.
  package static func candidates(_ architecture: Architecture) -> [Accelerator] {
    guard architecture.rawValue == Machine.architecture.rawValue, Machine.hasVirtualization else {
      return [.tcg]
    }
    return [.kvm, .tcg]
  }
}
