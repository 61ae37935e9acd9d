import ArgumentParser
import Basics
import CMiniVM
import Formats
import Glibc
import Kits
import Machines
import Packages

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a command on a kernel, with this machine's files, and end as it does.",
    discussion: """
      Boots the kernel in QEMU with this machine's files, read-only, runs the command in the current \
      folder, which it may write to, and ends with its exit status. Other changes go to the guest's RAM.

      Exit status: the command's; 128+N for signal N; 124 timeout; 125 minivm itself failed; 126 and \
      127 as a shell has them; 254 with --fail-on-warnings; 255 the kernel died before the command ended. On a terminal, Ctrl-] three \
      times ends the machine.

      Examples:
        minivm run 6.1.0-57-amd64 -- sh -c 'uname -r; exit 7'
        minivm run kit --image oci:image:latest --share .:/src -- make -C /src check
        tar c . | minivm run kit -- tar x -C /tmp
      """
  )

  @Argument(
    help: ArgumentHelp(
      "A kit's folder, or a kernel as build takes it (default: the newest cloud kernel).",
      valueName: "kernel"), completion: .file())
  var kernel: String?

  @Option(
    name: .customLong("with"),
    help: ArgumentHelp(
      "Another package of the same kernel; .deb files may also follow the first; repeatable.",
      valueName: "package"), completion: .file())
  var packages: [String] = []

  @Option(
    help: ArgumentHelp(
      "The guest's root: a folder, a disk image, a tar archive or a container image (default: /).",
      valueName: "source"),
    completion: .file())
  var root = "/"

  @Option(
    help: ArgumentHelp(
      "A container image as the root, whose configuration has the defaults: command, user, folder, variables.",
      valueName: "image"))
  var image: String?

  @Option(
    help: ArgumentHelp(
      "Program that gets the command as its arguments (default: the image's; \"\" for none).",
      valueName: "program"))
  var entrypoint: String?

  @Option(
    help: ArgumentHelp(
      "Keep what the guest changes of its root on a disk, made if it is not there (default: in the guest's RAM).",
      valueName: "disk"), completion: .file())
  var keep: String?

  @Option(
    help: ArgumentHelp(
      "Share a folder: FOLDER[:GUEST][:ro]; repeatable.", valueName: "share"))
  var share: [String] = []

  @Flag(name: .customLong("no-cwd"), help: "Do not share the current folder; start in /.")
  var hidesCurrentFolder = false

  @Option(
    help: ArgumentHelp(
      "virtiofs, 9p, or disk, which copies (default: virtiofs where virtiofsd is found, else 9p, else disk).",
      valueName: "name"))
  var transport: RunTransport?

  @Option(
    name: .customLong("env"),
    help: ArgumentHelp(
      "Set a variable, or pass this shell's; repeatable. Passed anyway: PATH, TERM, LANG.",
      valueName: "name[=value]"))
  var variables: [String] = []

  @Option(
    help: ArgumentHelp(
      "Run as a user of the root's etc/passwd, or as UID[:GID] (default: you).", valueName: "name"))
  var user: String?

  @Option(
    help: ArgumentHelp("Folder to start in (default: the current one).", valueName: "folder"))
  var workdir: String?

  @Option(
    name: .customLong("module"),
    help: ArgumentHelp("Load a module before the command starts; repeatable.", valueName: "name"))
  var modules: [String] = []

  @Option(
    name: .customLong("add-module"),
    help: ArgumentHelp(
      "Add a module of your own to updates/ on the modules disk; repeatable.", valueName: "file"),
    completion: .file())
  var addedModules: [String] = []

  @Option(
    name: .customLong("disk"),
    help: ArgumentHelp(
      "Attach a disk: IMAGE, which the guest writes to, IMAGE:ro or IMAGE:snapshot; repeatable.",
      valueName: "image"), completion: .file())
  var disks: [String] = []

  @Option(help: ArgumentHelp("Memory of the guest in MiB (default: 1024).", valueName: "MiB"))
  var memory = 1024

  @Option(help: ArgumentHelp("Processors of the guest (default: 1).", valueName: "count"))
  var cpus = 1

  @Option(
    help: ArgumentHelp(
      "QEMU's machine: pc, q35, microvm (amd64) or virt, with properties (default: q35 or virt).",
      valueName: "model"))
  var machine: String?

  @Option(help: ArgumentHelp("auto, kvm or tcg (default: auto).", valueName: "name"))
  var accel = "auto"

  @Option(
    help: ArgumentHelp(
      "QEMU's user network: user, or user,hostfwd=tcp::8080-:80 (default: none).",
      valueName: "network"))
  var net = "none"

  @Option(
    help: ArgumentHelp(
      "End the machine after so many seconds, with exit status 124.", valueName: "seconds"))
  var timeout: Int?

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Append to the kernel command line; repeatable.", valueName: "arguments"))
  var append: [String] = []

  @Option(
    help: ArgumentHelp("Write the kernel's messages, all of them, to a file.", valueName: "file"),
    completion: .file())
  var console: String?

  @Option(
    help: ArgumentHelp("Write what ran, when and how it ended to a file.", valueName: "file"),
    completion: .file())
  var json: String?

  @Flag(
    name: .customLong("fail-on-warnings"),
    help:
      "End with 254 where the command succeeds and the kernel warned; =FILE as --allow-warnings.")
  var failsOnWarnings = false

  @Option(
    name: .customLong("allow-warnings"),
    help: ArgumentHelp(
      "Like --fail-on-warnings, but for lines with one of the texts in FILE.", valueName: "file"),
    completion: .file())
  var allowedWarnings: String?

  @Flag(help: "Print the commands for virtiofsd and QEMU instead of running them.")
  var dryRun = false

  @Flag(name: [.short, .long], help: "Say which kernel, machine and transport are used.")
  var verbose = false

  @OptionGroup var archive: ArchiveOptions

  @OptionGroup(title: "Image options") var images: ImageOptions

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp(
      "The command, after -- (default: a shell).", valueName: "command"))
  var command: [String] = []

  func validate() throws {
    guard timeout ?? 1 > 0, timeout ?? 1 < 1 << 31 else {
      throw ValidationError("--timeout is at least 1")
    }
    guard (64...1 << 20).contains(memory), (1...255).contains(cpus) else {
      throw ValidationError("--memory is at least 64, --cpus 1 to 255")
    }
    guard accel == "auto" || Accelerator(rawValue: accel) != nil else {
      throw ValidationError("--accel is auto, kvm or tcg, not \(accel.quoted)")
    }
    guard workdir?.hasPrefix("/") ?? true else {
      throw ValidationError("--workdir is an absolute path of the guest")
    }
    guard image == nil || root == "/" else {
      throw ValidationError("give --image or --root, not both")
    }
    for variable in variables where variable.isEmpty || variable.hasPrefix("=") {
      throw ValidationError("--env is NAME or NAME=VALUE, not \(variable.quoted)")
    }
  }

  func run() async throws {
    let environment = try CommandEnvironment.make(quiet: !verbose)
    let temporary = try StagingDirectory(in: environment.cache.temporaryFolder)
    let kit = try await openKit(environment, temporary.path)
    environment.reporter.progress.end()
    let guest = try guestRun(kit, temporary.path, environment)
    if verbose {
      writeToStandardError("minivm: \(kit.release) with \(guest.transport.rawValue)")
    }
    if dryRun {
      printText(try guest.description())
      return
    }
    if hasTerminal { keepTerminal() }
    let result = Result {
      try guest.run { notice in
        writeToStandardError("minivm: \(notice)\(hasTerminal ? "\r" : "")")
      }
    }
    restoreTerminal()
    let (ending, report) = try result.get()
    if let json {
      try OutputFile.write(JSON.encode(report), to: json)
    }
    withExtendedLifetime(temporary) {}
    finish(ending)
  }

  var hasTerminal: Bool { RunTerminal.isThere }

  private func finish(_ ending: RunEnding) -> Never {
    TemporaryPaths.removeAll()
    if let message = ending.message {
      // The guest's last line on the terminal may have no end.
      if hasTerminal { writeToStandardError("") }
      writeToStandardError(
        KitError(.unexpected, "minivm: \(message)", details: ending.lines).description)
    }
    if case .interrupted(let signal) = ending { minivm_end_by_signal(Int32(signal)) }
    Glibc.exit(Int32(ending.status))
  }

  // MARK: What is run

  /// The kit that is named, or one that is built, or taken from the cache, for this run.
  private func openKit(_ environment: CommandEnvironment, _ folder: String) async throws -> Kit {
    if let kernel, Self.isKit(kernel) {
      guard !archive.mirror.isGiven, archive.arch == nil else {
        throw KitError(
          .usage, "\(kernel): is a kit, which needs no mirror or architecture",
          advice: "leave --arch, --suite, --mirror, --keyring, --at and --offline out")
      }
      guard packages.isEmpty, addedModules.isEmpty else {
        throw KitError(
          .usage, "\(kernel): is a kit, which takes neither packages nor modules",
          advice: "name its kernel instead, or make a kit with `minivm build --add-module`")
      }
      return try Kit(kernel)
    }
    let choice = try await KernelChoice(
      [kernel].compactMap { $0 } + packages, in: archive.kernels(environment), isVerified: false,
      environment.reporter)
    let template = try await archive.mirror.defaultTemplate(choice.architecture, environment)
      .folder()
    let output = "\(folder)/kit"
    _ = try KitBuilder(
      choice.source,
      inputs: choice.inputs + (try addedModules.map(Manifest.Input.init(module:))),
      BuildPlaces(folder: output, template: template, addedModules: addedModules),
      options: BuildOptions(), cache: environment.cache, clock: environment.clock,
      reporter: environment.reporter, jobs: environment.jobs
    ).build()
    return try Kit(folder: output)
  }

  /// Whether a path is a kit: a folder with a kernel at its top, or a manifest in one.
  private static func isKit(_ path: String) -> Bool {
    guard FileTree.isDirectory(path) else { return path.hasSuffix(".json") }
    return (try? FileTree.textNames(in: path))?.contains { $0.hasPrefix("vmlinuz-") } == true
  }

  private func guestRun(
    _ kit: Kit, _ temporary: String, _ environment: CommandEnvironment
  ) throws -> GuestRun {
    let root = try openRoot(kit, temporary, environment)
    var options = GuestRun.Options(
      model: try machine.map { try MachineModel(kit.architecture, argument: $0) }
        ?? MachineModel(kit.architecture), path: Self.variable("PATH") ?? RootCommand.defaultPath)
    options.accelerators = Accelerator(rawValue: accel).map { [$0] }
    options.memory = memory
    options.cpus = cpus
    options.append = append
    options.modules = modules
    options.transport = transport
    options.disks = try disks.map { try RunDisk.disk(argument: $0) }
    options.changes = try keep.map {
      try RunChanges.disk($0, root: root.identity, jobs: environment.jobs)
    }
    options.network = try RunNetwork.device(argument: net)
    options.allowedWarnings = try warnings()
    options.timeout = timeout
    options.console = console
    options.hasTerminal = hasTerminal
    options.jobs = Machine.cores
    return try GuestRun(kit, job(kit, root), options: options, temporaryFolder: temporary)
  }

  /// What the kernel may warn of; nil where no warning matters.
  private func warnings() throws -> [String]? {
    guard let allowedWarnings else { return failsOnWarnings ? [] : nil }
    let bytes = try InputFile.contents(of: allowedWarnings, limit: 1 << 20)
    return KernelWarnings.allowed(in: String(decoding: bytes, as: UTF8.self))
  }
}

extension RunTransport: ExpressibleByArgument {}
