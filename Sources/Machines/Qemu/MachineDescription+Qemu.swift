internal import Basics
internal import Formats

/// The command line of QEMU. QEMU, "Invocation".
extension MachineDescription {
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

  /// The command that a person runs at a shell, an option a line.
  /// - Throws: `KitError.usage` for disks or cards that the machine can't have.
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
