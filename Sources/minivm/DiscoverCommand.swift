import ArgumentParser
import Basics
import Formats
import Kits
import Machines
import Modules
import Packages

struct DiscoverCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "discover",
    abstract: "Find the modules that a machine needs.",
    discussion: """
      Boots the kernel with all of its modules on the machine that you describe, looks at what drives \
      the root disk and the devices that you add (--net, and QEMU's arguments after --), and boots it \
      again with just these. With --lsmod or --modaliases it is told instead what to look at. Files \
      that are there already stay, unless --force says to replace them.
      """
  )

  @Argument(
    help: "Kit, or folder with lib/modules/VER and its kernel.", completion: .directory)
  var folder = "."

  @OptionGroup var machine: MachineOptions

  @Option(
    help: ArgumentHelp("Root disk, raw or qcow2; attached read-only.", valueName: "file"),
    completion: .file())
  var root: String?

  @Option(
    help: ArgumentHelp("Output of lsmod from a guest that runs this kernel.", valueName: "file"),
    completion: .file())
  var lsmod: String?

  @Option(
    help: ArgumentHelp(
      "Devices, one modalias per line: the output of cat /sys/bus/*/devices/*/modalias in a guest.",
      valueName: "file"),
    completion: .file())
  var modaliases: String?

  @Option(
    help: ArgumentHelp(
      "File system of the root, with --modaliases (default: ext4).", valueName: "type"))
  var rootType: String?

  @Flag(help: "Skip the boot that checks the lists, with --lsmod or --modaliases.")
  var noBoot = false

  @Option(
    name: [.short, .customLong("out")],
    help: ArgumentHelp("Folder to write to.", valueName: "folder"),
    completion: .directory)
  var output = "."

  @Flag(help: "Replace existing lists; the old ones are kept with the suffix .old.")
  var force = false

  @Option(
    help: ArgumentHelp(
      "Initramfs template (default: the kit's own, or one with the mirror's busybox).",
      valueName: "folder"),
    completion: .directory)
  var template: String?

  @OptionGroup var mirror: MirrorOptions

  @Option(
    help: ArgumentHelp("Kernel release, in a folder with several kernels.", valueName: "release"))
  var kernel: String?

  @Option(help: ArgumentHelp("Time limit for each boot, in seconds.", valueName: "seconds"))
  var timeout = 300

  @Flag(help: "Show the guests' consoles on stderr.")
  var console = false

  @OptionGroup var work: WorkOptions

  @Flag(help: "Print the result as JSON to stdout.")
  var json = false

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("Arguments passed on to QEMU, after --.", valueName: "QEMU's arguments"))
  var arguments: [String] = []

  func validate() throws {
    guard lsmod == nil || modaliases == nil else {
      throw ValidationError("give --lsmod or --modaliases, not both")
    }
    guard !noBoot || lsmod != nil || modaliases != nil else {
      throw ValidationError(
        "--no-boot requires --lsmod or --modaliases")
    }
    guard rootType == nil || modaliases != nil else {
      throw ValidationError("--root-type requires --modaliases")
    }
    guard template == nil || !mirror.isGiven else {
      throw ValidationError("--template has its own programs: omit the mirror's options")
    }
    try machine.check(root: root)
    guard timeout > 0 else { throw ValidationError("--timeout must be at least 1") }
  }

  func run() async throws {
    let environment = try CommandEnvironment.make(quiet: json, jobs: work.jobs)
    defer { environment.reporter.progress.end() }
    // Before anything takes long.
    if !force { try refuseExisting() }
    let found = try KernelFolder(folder, release: kernel.map(KernelRelease.init(argument:)))
    environment.reporter.progress.report("reading the modules of \(found.release)", 0, nil)
    let subject = try Discovery.Subject(
      release: found.release, kernel: found.kernel,
      modules: found.modules(jobs: work.jobs), configuration: found.configuration(),
      modulesDisk: found.modulesDisk,
      template: try await chooseTemplate(found, environment))
    let lists = try await discover(subject, found, environment)
    environment.reporter.progress.end()
    try write(lists)
    if json {
      try printJSON(lists)
    } else {
      show(lists)
    }
  }

  /// The lists that `--lsmod` or `--modaliases` leads to, and where they can be booted, if anywhere.
  /// - Returns: nil where neither is given.
  private func given(
    _ subject: Discovery.Subject, at place: RootPlace
  ) throws -> (lists: DiscoveredLists, place: RootPlace?)? {
    guard let path = lsmod ?? modaliases else { return nil }
    let name = FileTree.name(of: path)
    let text = String(decoding: try InputFile.contents(of: path, limit: 1 << 24), as: UTF8.self)
    if lsmod != nil {
      let isGiven = machine.machine != nil || machine.disk != .virtioBlk
      return try DiscoveredLists.from(
        LoadedModules(text, name: name), subject.index, subject.configuration, subject.release,
        place: isGiven ? place : nil, architecture: place.model.architecture, name: name)
    }
    let rootType = rootType ?? "ext4"
    let lists = try DiscoveredLists.from(
      modaliases: DiscoveredLists.modaliases(in: text, name: name), subject.index,
      subject.release, rootType: rootType, name: name)
    // A root disk that is made here has ext4.
    return (lists, rootType == "ext4" || root != nil ? place : nil)
  }

  private func discover(
    _ subject: Discovery.Subject, _ found: KernelFolder, _ environment: CommandEnvironment
  ) async throws -> DiscoveredLists {
    let place = RootPlace(try machine.model(found.architecture), machine.disk)
    let given = try given(subject, at: place)
    if let given, noBoot || given.place == nil { return given.lists }
    let temporary = try StagingDirectory(in: environment.cache.temporaryFolder)
    defer { withExtendedLifetime(temporary) {} }
    let showsConsole = console
    let discovery = try Discovery(
      subject,
      machine: try machine.virtualMachine(
        given?.place ?? place, kernel: found.kernel, extraArguments: arguments),
      root: root.map { try machine.rootDisk($0, access: .unchanged) },
      runner: QEMURunner(
        accelerators: machine.accelerators, timeout: .seconds(timeout),
        onLine: { if showsConsole { writeToStandardError($0) } }),
      folder: temporary.path, jobs: work.jobs, progress: environment.reporter.progress)
    if let given { return try await discovery.checked(given.lists) }
    return try await discovery.lists()
  }

  private func chooseTemplate(
    _ found: KernelFolder, _ environment: CommandEnvironment
  ) async throws -> RamDisk.Template {
    if let template { return .folder(template) }
    if let initramfs = found.initramfs { return .ramDisk(initramfs, found.release) }
    return .folder(
      try await mirror.defaultTemplate(found.architecture.rawValue, environment).folder())
  }

  private var names: [String] { ["modules.ramfs", "modules.autoload"].map { "\(output)/\($0)" } }

  private func refuseExisting() throws {
    for path in names where FileTree.status(path) != nil {
      throw KitError(
        .invalid, "\(path): exists already and may have been edited",
        advice:
          "give --force to replace it (it is kept as \(FileTree.name(of: path)).old), or --out")
    }
  }

  private func write(_ lists: DiscoveredLists) throws {
    try FileTree.withDirectories(output) {
      var transaction = FileTransaction()
      for (path, text) in zip(names, [lists.modulesText, lists.autoloadText]) {
        if FileTree.status(path) != nil {
          let old = try OutputFile(replacing: "\(path).old")
          try old.write(InputFile(path).readAll(limit: 1 << 24), at: 0)
          transaction.add(old)
        }
        let file = try OutputFile(replacing: path)
        try file.write(Array(text.utf8), at: 0)
        transaction.add(file)
      }
      try transaction.commit()
    }
  }

  private func show(_ lists: DiscoveredLists) {
    print("\(output)/modules.ramfs, for kernel \(lists.kernel):")
    for line in lists.modules { print("  \(line.path)  # \(line.reason)") }
    if lists.modules.isEmpty {
      print("  none: the kernel has all drivers for the root disk built in")
    }
    for device in lists.withoutDriver ?? [] {
      print("Kernel \(lists.kernel) has no driver for an added device: \(device)")
    }
    print("\(output)/modules.autoload is empty: devices announce what they need.")
    if let place = lists.checkedOn {
      print("An initramfs with only these modules booted on \(place).")
    } else {
      print("Not checked by booting it.")
    }
  }
}
