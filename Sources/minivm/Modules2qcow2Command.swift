import ArgumentParser
import Basics
import Formats
import Kits
import Logging
import Modules
import Packages

struct Modules2qcow2Command: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "modules2qcow2",
    abstract: "Make the modules disk from lib/modules/VER.",
    discussion: """
      Writes modules-VER.qcow2, with modules.dep and its siblings made anew, and prints its path.

      Examples:
        minivm modules2qcow2 6.1.0-57-cloud-amd64
        minivm modules2qcow2 6.1.0-57-cloud-amd64 500 --disk-format raw
      """
  )

  @Argument(help: ArgumentHelp("Kernel release.", valueName: "ver"))
  var release: String

  @Argument(
    help: ArgumentHelp("Disk size in MiB (default: 200, grown as needed).", valueName: "size_mb"))
  var size: Int?

  @OptionGroup var disk: DiskOptions
  @OptionGroup var effort: EffortOptions
  @OptionGroup var debug: DebugOptions
  @OptionGroup var work: WorkOptions

  func validate() throws {
    if let size { try DiskOptions.check(size: size) }
  }

  func run() throws {
    let environment = try CommandEnvironment.make()
    defer { environment.reporter.progress.end() }
    let release = try KernelRelease(argument: release)
    let path = Kit.Part.modulesDisk.fileName(release, format: disk.format)
    let output = try OutputFile(replacing: path)
    let writer = try ModulesDisk(
      release, output: output,
      options: disk.applied(
        to: BuildOptions(), size: size, effort, stripsDebug: debug.stripDebug), jobs: work.jobs,
      sourceDateEpoch: environment.clock.sourceDateEpoch)
    var done = 0
    try KernelSource.directory(".", release).forEachEntry(
      jobs: work.jobs, warn: { environment.reporter.log.warning("\($0)") }
    ) { entry, body in
      guard case .moduleTree(_, let below) = entry.role else { return }
      try writer.add(below, entry, body)
      done += entry.size
      environment.reporter.progress.report("reading \(release)", done, nil)
    }
    let index = try writer.finish()
    for warning in writer.warnings + index.warnings {
      environment.reporter.log.warning("\(warning)")
    }
    try output.commit()
    print(path)
  }
}
