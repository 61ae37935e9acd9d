import ArgumentParser
import CMiniVM
import Formats
import KernelKit
import Logging

@main
struct MiniVM: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "minivm",
    abstract: "Build and boot light VMs from a distribution's kernel package.",
    discussion: """
      minivm build makes a kit: the kernel, an initramfs and a disk with the other modules. \
      minivm boot shows that it works.
      """,
    version: ProgramVersion.current,
    groupedSubcommands: [
      CommandGroup(
        name: "Build and boot",
        subcommands: [BuildCommand.self, BootCommand.self, RunCommand.self]),
      CommandGroup(
        name: "Inspect",
        subcommands: [
          CheckCommand.self, ExplainCommand.self, DiffCommand.self, VerifyCommand.self,
        ]),
      CommandGroup(
        name: "Package",
        subcommands: [SearchCommand.self, FetchCommand.self, UnpackCommand.self]),
      CommandGroup(
        name: "Module",
        subcommands: [DiscoverCommand.self, ProfilesCommand.self]),
      CommandGroup(
        name: "Recipe",
        subcommands: [
          Modules2qcow2Command.self, MkinitramfsCommand.self, UpdateBusyboxCommand.self,
          UpdateE2fsckCommand.self,
        ]),
      CommandGroup(
        name: "Tool",
        subcommands: [DepmodCommand.self, CacheCommand.self]),
    ]
  )

  /// Names that the program may be called by: it is that subcommand then.
  static let linkNames = [
    "modules2qcow2", "mkinitramfs", "update-busybox", "update-e2fsck", "depmod",
  ]

  /// MiB of memory that a command takes at least: xz blocks of a kernel's package are decoded side by side;
  /// `mkinitramfs` of bookworm's full kernel is killed in a control group of 80. `discover` takes 98 for it
  /// where nothing is booted; `explain` and `diff` of its kit take 61.
  private static func memoryNeeded(_ command: any ParsableCommand) -> Int {
    switch command {
    case is BuildCommand, is RunCommand, is VerifyCommand, is UnpackCommand, is DiscoverCommand:
      160
    case is MkinitramfsCommand: 88
    default: 80
    }
  }

  /// The words that the program was called with, after the name of its link when that is a subcommand.
  private static func commandLine() -> [String] {
    var words: [String] = []
    while let word = unsafe minivm_argument(Int32(words.count)) {
      unsafe words.append(String(cString: word))
    }
    let name = FileTree.name(of: words.first ?? "minivm")
    return (linkNames.contains(name) ? [name] : []) + words.dropFirst()
  }

  /// The exit status of a failure: `run` has its command's, and one for all that is its own.
  static func failureStatus(_ code: Int32) -> Int32 { commandLine().first == "run" ? 125 : code }

  static func main() async {
    removeUnfinishedFilesOnTermination()
    endOnMemoryShortage()
    LoggingSystem.bootstrap { _ in StandardErrorLog() }
    do {
      try checkOpenFiles()
      var command = try parseAsRoot(CommandLineWords.checked(commandLine()))
      try checkMemoryLimits(Self.memoryNeeded(command))
      if let command = command as? any AsyncParsableCommand { await runAndExit(command) }
      // On the main thread: one of libdispatch's would be missing among those that work.
      try command.run()
      try finishStandardOutput()
      exit()
    } catch {
      end(with: error)
    }
  }

  /// Ends the program without going back to the main queue: there may have to be a new thread for that, and not
  /// having one would be a failure with all results in place.
  nonisolated private static func runAndExit(
    _ command: sending any AsyncParsableCommand
  ) async -> Never {
    do {
      var command = command
      try await command.run()
      try finishStandardOutput()
      exit()
    } catch {
      end(with: error)
    }
  }
}
