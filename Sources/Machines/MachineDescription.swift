internal import Basics
internal import Formats

/// What is booted, and on what; no monitor owns it. `Qemu` makes a command line of it.
package struct MachineDescription: Sendable {
  /// The machine model, with its architecture.
  package var model: MachineModel
  /// Path of the kernel's image.
  package var kernel: String
  /// Path of the initramfs.
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
  /// Number of virtual processors.
  package var cpus: Int
  /// More of the monitor's own arguments, which come last: of most options of QEMU's the last one counts.
  package var extraArguments: [String]

  /// Describes a machine.
  /// - Parameters:
  ///   - commandLine: the kernel's command line, without the console.
  ///   - memory: MiB.
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
}
