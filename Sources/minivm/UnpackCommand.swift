import ArgumentParser
import Basics
import Formats
import Kits
import Packages

struct UnpackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unpack",
    abstract: "Unpack kernel packages.",
    discussion: """
      Writes vmlinuz-VER, config-VER and lib/modules/VER and prints their paths. An earlier \
      lib/modules/VER is replaced, unless it has other folders beside kernel.

      Examples:
        minivm unpack linux-image-*.deb
        minivm unpack linux-modules-*.deb linux-binary-*.deb --out tree
      """
  )

  @Argument(
    help: ArgumentHelp("Kernel packages.", valueName: "deb"), completion: .file(extensions: ["deb"])
  )
  var packages: [String]

  @Option(
    name: [.short, .customLong("out")],
    help: ArgumentHelp("Folder to write to.", valueName: "folder"),
    completion: .directory)
  var output = "."

  @Flag(help: "Replace lib/modules/VER even if files are lost.")
  var force = false

  @OptionGroup var work: WorkOptions

  func run() throws {
    let result = try Unpacker(
      packages.map(PackageFormat.open), into: output, replacesOthers: force
    ).run(jobs: work.jobs)
    for warning in result.warnings { writeToStandardError("minivm: warning: \(warning.visible)") }
    for path in [result.kernel, result.configuration, result.moduleTree] {
      if let path { print(path) }
    }
  }
}

/// How much of the machine a command may use.
struct WorkOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Use this many processors; the result is the same.", valueName: "count"))
  var jobs = Machine.cores

  func validate() throws {
    guard (1...1024).contains(jobs) else {
      throw ValidationError("--jobs must be 1 to 1024, not \(jobs)")
    }
  }
}
