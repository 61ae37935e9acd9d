import ArgumentParser
import Basics
import Formats
import Kits
import Machines
import Modules
import Packages

struct BuildCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "build",
    abstract: "Build a kit: kernel, initramfs and modules disk.",
    discussion: """
      Writes vmlinuz-VER, initramfs-VER, modules-VER.qcow2, config-VER, manifest-VER.json and \
      SHA256SUMS. The same input gives the same bytes.

      Examples:
        minivm build --suite trixie --out kit
        minivm build linux-image-*.deb --profile microvm,+virtiofs
      """
  )

  @Argument(
    help: ArgumentHelp(
      """
      Package name, name=version, kernel release such as 6.1.0-18-cloud-amd64, series such as 6.1, \
      .deb files, or a folder with lib/modules/VER (default: the newest cloud kernel).
      """, valueName: "source"), completion: .file())
  var sources: [String] = []

  @Option(
    name: [.short, .customLong("out")],
    help: ArgumentHelp("Folder to write to.", valueName: "folder"),
    completion: .directory)
  var output = "."

  @Option(
    help: ArgumentHelp("Kernel release, in a folder with several kernels.", valueName: "release"))
  var kernel: String?

  @OptionGroup var archive: ArchiveOptions

  @Flag(help: "Require .deb files to be in the mirror's signed lists.")
  var verify = false

  @OptionGroup var ramDisk: RamDiskOptions

  @Option(
    help: ArgumentHelp(
      "Initramfs template (default: minivm's, with the mirror's busybox and e2fsck).",
      valueName: "folder"),
    completion: .directory)
  var template: String?

  @Option(
    help: ArgumentHelp("Disk size in MiB (default: 200, grown as needed).", valueName: "MiB"))
  var diskSize: Int?

  @OptionGroup var disk: DiskOptions
  @OptionGroup var effort: EffortOptions

  @Option(
    help: ArgumentHelp(
      "vmlinux: also write the unpacked kernel, for Firecracker and other loaders of ELF files.",
      valueName: "form"))
  var kernelFormat = KernelFormat.vmlinuz

  @Option(
    name: .customLong("add-module"),
    help: ArgumentHelp(
      "Add a module of your own to updates/ on the modules disk; repeatable.", valueName: "file"),
    completion: .file())
  var addedModules: [String] = []

  @OptionGroup var debug: DebugOptions
  @OptionGroup var work: WorkOptions

  @Flag(
    name: .customLong("no-cache"),
    help: "Neither read nor write cached results.")
  var ignoresCache = false

  @Flag(help: "Print the manifest as JSON to stdout.")
  var json = false

  @Flag(name: [.short, .long], help: "Print warnings and errors only.")
  var quiet = false

  func validate() throws {
    if let diskSize { try DiskOptions.check(size: diskSize) }
  }

  func run() async throws {
    let clock = ContinuousClock()
    let begin = clock.now
    let environment = try CommandEnvironment.make(quiet: quiet || json, jobs: work.jobs)
    defer { environment.reporter.progress.end() }
    let choice = try await KernelChoice(
      sources, release: kernel.map(KernelRelease.init(argument:)), in: archive.kernels(environment),
      isVerified: verify, environment.reporter)
    let template =
      if let template { template } else {
        try await archive.mirror.defaultTemplate(choice.architecture, environment).folder()
      }
    let stripsDebug = debug.stripDebug
    var options = try disk.applied(
      to: ramDisk.options(quiet: quiet, effort, stripsDebug: stripsDebug), size: diskSize, effort,
      stripsDebug: stripsDebug)
    options.kernelFormat = kernelFormat
    let builder = KitBuilder(
      choice.source, inputs: choice.inputs + (try addedModules.map(Manifest.Input.init(module:))),
      BuildPlaces(folder: output, template: template, addedModules: addedModules),
      options: options, cache: ignoresCache ? nil : environment.cache, clock: environment.clock,
      reporter: environment.reporter, jobs: environment.jobs)
    let manifest = try builder.build()
    if json {
      try printJSON(manifest)
    } else if !quiet {
      try summarize(manifest, took: clock.now - begin)
    }
  }

  private func summarize(_ manifest: Manifest, took: Duration) throws {
    let from = manifest.inputs.map(\.title).joined(separator: ", ")
    print("\(manifest.kernel), from \(from)")
    let release = try KernelRelease(manifest.kernel)
    let width = manifest.outputs.map(\.file.count).max() ?? 0
    for file in manifest.outputs {
      let name = file.file.padded(to: width)
      var note = ""
      if Kit.Part(file.file, release) == .initramfs {
        let count = manifest.initramfsModules.count
        let profile = manifest.options.lists.profile.map { " (\($0))" } ?? ""
        note =
          "  \(counted(count, "module"))\(profile), \(manifest.options.initramfsCompression.rawValue)"
      }
      print("  \(output)/\(name)  \(ByteCount(file.size))\(note)")
    }
    let absent = (manifest.initramfsAbsent ?? []).filter { !$0.isBuiltIn }
    if !absent.isEmpty {
      var names = absent.map { $0.entry.split(separator: " ").last.map(String.init) ?? "" }
      names = names.enumerated().filter { names.firstIndex(of: $1) == $0 }.map(\.element)
      print("  not in this kernel: \(names.joined(separator: ", "))")
    }
    showRoots(manifest)
    let hasOthers = (try? Kit(folder: output)) == nil
    let kit = output.shellQuoted + (hasOthers ? " --kernel \(manifest.kernel)" : "")
    print("Built in \(Seconds(took)) s. To see it boot: minivm boot \(kit)")
  }
}

extension BuildCommand {
  /// On which machines, and by which disks, the kit finds its root.
  private func showRoots(_ manifest: Manifest) {
    let roots = manifest.roots ?? []
    func list(_ roots: [Manifest.Root]) -> String {
      var machines: [(name: String, disks: [String])] = []
      for root in roots {
        if machines.last?.name != root.machine { machines.append((root.machine, [])) }
        machines[machines.count - 1].disks.append(root.disk)
      }
      return machines.map { "\($0.name) (\($0.disks.joined(separator: ", ")))" }
        .joined(separator: ", ")
    }
    let found = roots.filter { $0.problem == nil }
    if !found.isEmpty { print("  finds root on \(list(found))") }
    let lost = roots.filter { $0.problem != nil }
    for (index, root) in lost.enumerated()
    where lost.firstIndex(where: { $0.problem == root.problem }) == index {
      let alike = lost.filter { $0.problem == root.problem }
      print("  but not on \(list(alike)): \(root.problem ?? "")")
    }
  }
}

extension KernelFormat: ExpressibleByArgument {}
