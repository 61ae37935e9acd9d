import ArgumentParser
import Basics
import Formats
import Glibc
import Kits
import Machines
import Modules
import Packages

struct BootCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "boot",
    abstract: "Boot a kit in QEMU.",
    discussion: """
      Without --root, a small root disk is made whose init shows that the kit works: it prints the \
      kernel's release, loads a module from the modules disk, and powers off. With --root, your disk \
      is booted on your terminal (Ctrl-A X ends the machine).

      Where stdin is no terminal, and with --expect, --json or --timing, the guest gets no input and its \
      console goes to stderr, without --root only the lines of minivm's own; stdout has the result. \
      The exit status is that of the root disk's command, if `minivm root` gave the disk an init; otherwise 0 when \
      the guest powers off, or when root's init exits with 0 (the kernel's panic \
      on it counts as a clean end), and 5 when it panics, doesn't reach its root, asks for somebody at a shell, \
      or takes longer than --timeout.

      Arguments after -- go to QEMU, where of most options the last one counts.

      Examples:
        minivm boot kit --root my.img --expect 'login:' --timeout 60
        minivm boot kit --root my.img --console boot.log </dev/null
      """
  )

  @OptionGroup var kit: KitOptions

  @Option(
    help: ArgumentHelp("Root disk, raw or qcow2; the guest may write to it.", valueName: "file"),
    completion: .file())
  var root: String?

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Append to the kernel command line; repeatable.", valueName: "arguments"))
  var append: [String] = []

  @OptionGroup var machine: MachineOptions

  @Option(
    help: ArgumentHelp(
      "Kernel file to boot: vmlinuz, or vmlinux if the kit has it (entered through PVH on amd64).",
      valueName: "form"))
  var kernelFormat = KernelFormat.vmlinuz

  @Option(
    help: ArgumentHelp(
      "Wait for TEXT on the console after /init has started, then stop the guest.",
      valueName: "text"))
  var expect: String?

  @Option(
    help: ArgumentHelp(
      "Like --expect, but match kernel messages before /init, too.", valueName: "text"))
  var expectKernel: String?

  @Option(
    help: ArgumentHelp(
      """
      Seconds to wait for the text or the guest's end (default: \(Self.expectationTimeout), \
      \(Self.endTimeout) for the end of a guest with --root, none on a terminal).
      """, valueName: "seconds"))
  var timeout: Int?

  @Option(
    help: ArgumentHelp(
      "Write the console to FILE as well, as it arrives (-: stdout).", valueName: "file"),
    completion: .file())
  var console: String?

  @Flag(
    name: .customLong("print"),
    help: "Print the QEMU command, quoted for a shell, instead of running it.")
  var showsCommand = false

  @Flag(
    help: """
      Say when the kernel, the RAM disk's init, root and its init came, as the console tells: what is \
      silenced by quiet or loglevel= in --append is not known. Writing to an emulated console costs time.
      """)
  var timing = false

  @Flag(help: "Print the result as JSON to stdout.")
  var json = false

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("Arguments passed on to QEMU, after --.", valueName: "QEMU's arguments"))
  var arguments: [String] = []

  private static let expectationTimeout = 120
  private static let endTimeout = 300

  func validate() throws {
    guard expect == nil || expectKernel == nil else {
      throw ValidationError("give --expect or --expect-kernel, not both")
    }
    guard expect != "", expectKernel != "" else {
      throw ValidationError("--expect requires a non-empty text")
    }
    guard console != "-" || !json && !showsCommand else {
      throw ValidationError(
        "--json and --print write to stdout: give --console a file name")
    }
    guard timeout ?? 1 > 0 else { throw ValidationError("--timeout must be at least 1") }
    try machine.check(root: root)
    guard !showsCommand || !json else {
      throw ValidationError(
        "give --print or --json, not both")
    }
  }

  func run() async throws {
    let kit = try kit.open()
    let temporary = try StagingDirectory(
      in: Cache.temporaryFolder(variables: CommandEnvironment.variables))
    defer { withExtendedLifetime(temporary) {} }
    let machine = try virtualMachine(kit, temporary: temporary.path)
    if !machine.networks.isEmpty {
      let check = try RootCheck(kit, jobs: 1)
      for problem in machine.networks.compactMap({ check.problem(of: $0, on: machine.model) }) {
        writeToStandardError("minivm: \(problem)")
      }
    }
    let accelerators = self.machine.accelerators ?? Accelerator.candidates(kit.architecture)
    if showsCommand {
      printText(try machine.shellCommand(accelerators[0], consoleFile: console))
      return
    }
    // On a terminal, only a file tells what the guest said last.
    let consolePath = console ?? (isInteractive ? "\(temporary.path)/console" : nil)
    let consoleFile = try consolePath.map(ConsoleFile.init)
    let runner = runner(accelerators, consoleFile)
    var result = BootResult(
      kernel: kit.release.description, machine: machine.model.description,
      disk: machine.bus.rawValue)
    if runner.isInteractive { keepTerminal() }
    defer { restoreTerminal() }
    do {
      let outcome = try await runner.run(machine)
      result.accelerator = outcome.accelerator.rawValue
      result.expectedAfter = outcome.expectedAfter.map { $0 / .seconds(1) }
      result.timing = timing ? outcome.timeline : nil
      result.status = outcome.commandStatus
      if root == nil { result.notProved = ProofDisk.unproved(in: outcome.lastLines) }
    } catch let error as KitError where json {
      (result.problem, result.lastLines) = (error.message, error.details)
      try printJSON(result)
      throw error
    }
    try consoleFile?.finish()
    if json { try printJSON(result) } else { show(result) }
    if let status = result.status, status != 0 { throw ExitCode(Int32(status)) }
  }

  private func virtualMachine(_ kit: Kit, temporary: String) throws -> MachineDescription {
    try kit.modulesDisk?.checkIsWhole(advice: "build the kit again")
    let rootDisk =
      if let root {
        try machine.rootDisk(root, access: .readWrite)
      } else {
        try proofDisk(kit, temporary: temporary)
      }
    let hasRoot = append.contains { $0.hasPrefix("root=") || $0.contains(" root=") }
    // Systems without an fstab leave root as it was mounted.
    let access = root == nil ? [] : ["rw"]
    let rootParameters = hasRoot ? [] : ["root=\(machine.disk.firstDevice)"] + access
    // Nobody may be there for the RAM disk's shell; what the user says of it comes later, and counts.
    let panic = root == nil || !isInteractive && !showsCommand ? ["panic=-1"] : []
    return try machine.virtualMachine(
      RootPlace(try machine.model(kit.architecture), machine.disk),
      kernel: try kit.kernel(kernelFormat), initramfs: kit.initramfs,
      disks: [rootDisk] + [kit.modulesDisk].compactMap { $0 },
      commandLine: rootParameters + panic + append,
      extraArguments: arguments)
  }

  private var expectedText: String? { expect ?? expectKernel }

  /// Whether the guest's console is the user's terminal.
  private var isInteractive: Bool {
    root != nil && expectedText == nil && !timing && !json && console != "-" && isatty(0) == 1
  }

  private func runner(_ accelerators: [Accelerator], _ consoleFile: ConsoleFile?) -> QEMURunner {
    let expectation = expectedText ?? (root == nil ? ProofDisk.success : nil)
    let showsConsole = (root != nil || expectedText != nil) && console != "-"
    let usual =
      isInteractive ? nil : expectation == nil ? Self.endTimeout : Self.expectationTimeout
    return QEMURunner(
      accelerators: accelerators, expectation: expectation, expectsKernel: expectKernel != nil,
      timeout: (timeout ?? usual).map { .seconds($0) },
      isInteractive: isInteractive, consoleFile: consoleFile
    ) { line in
      if showsConsole || line.hasPrefix(ProofDisk.prefix) { writeToStandardError(line) }
    }
  }

  private func show(_ result: BootResult) {
    if let after = result.expectedAfter {
      print(
        "\(result.kernel) booted in \(Seconds(.seconds(after))) s (\(result.accelerator ?? ""), \(result.machine), \(result.disk))"
      )
    }
    if let phases = result.timing?.phases {
      let width = phases.map(\.name.count).max() ?? 0
      print("Seconds from QEMU's start:")
      for (name, seconds) in phases {
        let text = seconds.map { Seconds(.seconds($0)).hundredths } ?? "-"
        print("  \(name.padded(to: width))  \(text)")
      }
    }
  }

  /// The disk that shows that a kit works. Who is shown the command runs it later: the disk is kept
  /// in the cache.
  private func proofDisk(_ kit: Kit, temporary: String) throws -> MachineDisk {
    let folder =
      showsCommand ? "\(try CommandEnvironment.make(quiet: true).cache.folder)/proof" : temporary
    let path = "\(folder)/\(showsCommand ? "\(kit.release).raw" : "root.raw")"
    try FileTree.withDirectories(folder) { try ProofDisk(kit).write(to: path) }
    return MachineDisk(path, format: .raw, access: .readWrite)
  }
}

/// What `boot --json` prints. Times in seconds.
private struct BootResult: Encodable {
  var kernel: String
  var machine: String
  var disk: String
  /// On which the guest ran; nil where it did not do what was expected.
  var accelerator: String?
  /// What boot's own root disk could not show, in words; nil with --root.
  var notProved: [String]?
  /// The exit status of the command of a root disk that minivm has made; nil where there is none.
  var status: Int?
  /// From QEMU's start; nil where nothing was expected.
  var expectedAfter: Double?
  var timing: BootTimeline?
  /// What went wrong, and the console's last lines then.
  var problem: String?
  var lastLines: [String]?
}
