import ArgumentParser
import Basics
import Formats
import Kits
import Logging
import Modules
import Packages

struct MkinitramfsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mkinitramfs",
    abstract: "Make an initramfs from a template and lib/modules/VER.",
    discussion: """
      Reads modules.ramfs (the modules it gets) and modules.autoload (those loaded first) of the current \
      folder. Writes initramfs-VER and prints its path.

      Examples:
        minivm mkinitramfs ramdisk-template 6.1.0-57-cloud-amd64
        minivm mkinitramfs ramdisk-template 6.1.0-57-cloud-amd64 --profile gns3
      """
  )

  @Argument(help: "Template: a folder with init and its programs.", completion: .directory)
  var template: String

  @Argument(help: ArgumentHelp("Kernel release.", valueName: "ver"))
  var release: String

  @OptionGroup var ramDisk: RamDiskOptions
  @OptionGroup var effort: EffortOptions
  @OptionGroup var debug: DebugOptions
  @OptionGroup var work: WorkOptions

  func run() throws {
    let environment = try CommandEnvironment.make()
    let release = try KernelRelease(argument: release)
    let result = try RamDisk(
      release, template: .folder(template),
      options: try ramDisk.options(effort, stripsDebug: debug.stripDebug)
    ).make(jobs: work.jobs) {
      let modules = try FolderModuleStore(in: ".", release, jobs: work.jobs) {
        environment.reporter.log.warning("\($0)")
      }
      return RamDisk.Kernel(
        timestamp: environment.clock.sourceDateEpoch ?? modules.newest,
        configuration: try KernelFolder.configuration(of: release, in: "."), modules: modules)
    }
    result.description.warnings.forEach { environment.reporter.log.warning("\($0)") }
    let path = Kit.Part.initramfs.fileName(release)
    try OutputFile.write(result.bytes, to: path)
    print(path)
  }
}
