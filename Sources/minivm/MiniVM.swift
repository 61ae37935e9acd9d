import ArgumentParser
import Basics
import CMiniVM
import Formats
import Glibc
import Logging

@main
struct MiniVM: ParsableCommand {
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
        subcommands: [
          BuildCommand.self, BootCommand.self, RunCommand.self, RootDiskCommand.self,
        ]),
      CommandGroup(
        name: "Inspect",
        subcommands: [
          CheckCommand.self, ExplainCommand.self, DiffCommand.self, VerifyCommand.self,
          ListCommand.self, CatCommand.self, ExtractCommand.self,
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

  /// Where commands run that wait for others.
  private static let executor = WorkerExecutor()

  static func main() {
    removeUnfinishedFilesOnTermination()
    LoggingSystem.bootstrap { _ in StandardErrorLog() }
    do {
      try checkOpenFiles()
      var command = try parseAsRoot(CommandLineWords.checked(commandLine()))
      try checkThreads()
      if let command = command as? any AsyncParsableCommand {
        Task(executorPreference: executor) { await runAndExit(command) }
        while true { pause() }
      }
      try command.run()
      try finishStandardOutput()
      exit()
    } catch {
      end(with: error)
    }
  }

  /// Ends the program on the thread that it runs on: no other is needed once all results are in place.
  nonisolated private static func runAndExit(
    _ command: any AsyncParsableCommand
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
