import ArgumentParser
import Formats
import Glibc
import KernelKit

struct BootCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "boot",
    abstract: "Boot a kit in QEMU.",
    discussion: """
      Without --root, a small root disk is made whose init shows that the kit works: it prints the \
      kernel's release, loads a module from the modules disk, and powers off. With --root, your disk \
      is booted, on your terminal (Ctrl-A X ends the machine), or until --expect shows up. What comes \
      after -- is handed to QEMU, where of most options the last one counts.
      """
  )

  @Argument(help: "The folder of the kit.", completion: .directory)
  var kit = "."

  @Option(help: "A root disk, raw or qcow2; the guest may write to it.", completion: .file())
  var root: String?

  @Option(
    help: ArgumentHelp("The kernel's release, in a folder with several.", valueName: "release"))
  var kernel: String?

  @Option(help: ArgumentHelp("More of the kernel's command line.", valueName: "arguments"))
  var append: String?

  @OptionGroup var machine: MachineOptions

  @Option(help: ArgumentHelp("What the console has to show for success.", valueName: "text"))
  var expect: String?

  @Option(
    help: ArgumentHelp(
      "How long to wait for it; 120 by default where something is expected.", valueName: "seconds"))
  var timeout: Int?

  @Flag(
    name: .customLong("print"),
    help: "Show the command for QEMU, to be run at a shell, instead of running it.")
  var showsCommand = false

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("More arguments for QEMU, after --.", valueName: "QEMU's arguments"))
  var arguments: [String] = []

  func validate() throws {
    guard timeout ?? 1 > 0 else { throw ValidationError("--timeout is at least 1") }
  }

  func run() async throws {
    let kit = try Kit(folder: kit, release: kernel.map(KernelRelease.init(argument:)))
    let temporary = try StagingDirectory(in: Machine.temporaryFolder)
    defer { withExtendedLifetime(temporary) {} }
    let rootDisk =
      if let root {
        try MachineDisk(detecting: root, access: .readWrite)
      } else {
        try proofDisk(kit, temporary: temporary.path)
      }
    let extra = append.map { [$0] } ?? []
    let hasRoot = extra.contains { $0.hasPrefix("root=") || $0.contains(" root=") }
    // Nobody is there for the RAM disk's shell; what the user says of it comes later, and counts.
    let panic = root == nil ? ["panic=-1"] : []
    let machine = try machine.virtualMachine(
      kit, disks: [rootDisk] + [kit.modulesDisk].compactMap { $0 },
      commandLine: (hasRoot ? [] : ["root=\(machine.disk.firstDevice)"]) + panic + extra,
      extraArguments: arguments)
    let accelerators = self.machine.accelerators ?? Accelerator.candidates(kit.architecture)
    if showsCommand {
      print(try machine.shellCommand(accelerators[0]))
      return
    }
    let expectation = expect ?? (root == nil ? ProofDisk.success : nil)
    let showsConsole = root != nil || expect != nil
    let runner = QEMURunner(
      accelerators: accelerators, expectation: expectation,
      timeout: (timeout ?? (expectation == nil ? nil : 120)).map { .seconds($0) },
      isInteractive: root != nil && expect == nil && isatty(0) == 1
    ) { line in
      if showsConsole || line.hasPrefix(ProofDisk.prefix) { writeToStandardError(line) }
    }
    let outcome = try await runner.run(machine)
    if let after = outcome.expectedAfter {
      print(
        "\(kit.release) booted in \(Seconds(after)) s (\(outcome.accelerator.rawValue), \(machine.model.description), \(machine.bus.rawValue))"
      )
    }
  }

  /// The disk that shows that a kit works. Who is shown the command runs it later: the disk is kept
  /// in the cache.
  private func proofDisk(_ kit: Kit, temporary: String) throws -> MachineDisk {
    let folder =
      showsCommand ? "\(try CommandEnvironment.make(quiet: true).cacheFolder)/proof" : temporary
    let path = "\(folder)/\(showsCommand ? "\(kit.release).raw" : "root.raw")"
    try FileTree.withDirectories(folder) { try ProofDisk(kit).write(to: path) }
    return MachineDisk(path, format: .raw, access: .readWrite)
  }
}

/// A time as people read it, in tenths of a second.
struct Seconds: CustomStringConvertible {
  let description: String

  init(_ duration: Duration) {
    let tenths =
      duration.components.seconds * 10 + duration.components.attoseconds / 100_000_000_000_000_000
    description = "\(tenths / 10).\(tenths % 10)"
  }
}
