import ArgumentParser
import Formats
import KernelKit

struct DepmodCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "depmod",
    abstract: "Write modules.dep and its siblings, as kmod does.",
    discussion: """
      Reads the modules of ROOT/lib/modules/VER (or ROOT/usr/lib/modules/VER) and writes \
      modules.dep, modules.alias and their siblings beside them, the same bytes as kmod 30. \
      A module that can't be read is a warning; modules that depend on each other in a circle are \
      an error, and nothing is written. The kernel's `make modules_install` takes a link called \
      depmod for DEPMOD.
      """)

  @Option(
    name: [.customShort("b"), .customLong("basedir")],
    help: ArgumentHelp("The folder that holds lib/modules.", valueName: "folder"))
  var root = "/"

  @Option(
    name: [.customShort("C"), .customLong("config")],
    help: ArgumentHelp(
      "Rules in a file or a folder of *.conf files instead of the system's depmod.d; repeatable.",
      valueName: "path"))
  var configurationPaths: [String] = []

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write into FOLDER/lib/modules/VER instead.", valueName: "folder"))
  var outdir: String?

  @Flag(
    name: [.customShort("a"), .customLong("all")],
    help: "All modules, as without it: for those who are used to kmod's.")
  var isAll = false

  @Flag(
    name: [.customShort("e"), .customLong("errsyms")],
    help: "Taken as kmod's is, for the kernel's own scripts: symbols are not checked.")
  var checksSymbols = false

  @Option(
    name: [.customShort("F"), .customLong("filesyms")],
    help: ArgumentHelp("As -e: System.map is not read.", valueName: "file"))
  var systemMap: String?

  @Flag(
    name: [.customShort("n"), .customLong("dry-run")], help: "Print the text files, write nothing.")
  var isDryRun = false

  @Flag(name: .shortAndLong, help: "No warnings.")
  var quiet = false

  @OptionGroup var work: WorkOptions

  @Argument(help: ArgumentHelp("The kernel's release.", valueName: "ver"))
  var release: String

  func run() throws {
    let release = try KernelRelease(argument: release)
    let tree = try ModuleTree(root: root, release: release)
    let configuration = try DepmodConfiguration(
      paths: configurationPaths.isEmpty ? nil : configurationPaths, release: release)
    let index = try ModuleIndex(
      try tree.modules(configuration, jobs: work.jobs), lists: try tree.lists(),
      configuration: configuration, jobs: work.jobs)
    if !quiet {
      for warning in configuration.warnings + index.warnings {
        writeToStandardError("minivm: warning: \(warning)")
      }
    }
    let files = try index.files(jobs: work.jobs)
    if isDryRun {
      for file in files where !file.name.hasSuffix(".bin") {
        try writeToStandardOutput(file.bytes)
      }
      return
    }
    let folder = outdir.map { "\($0)/lib/modules/\(release)" } ?? tree.path
    try FileTree.withDirectories(folder) {
      let outputs = try OrderedWork.map(files, jobs: work.jobs) { file in
        let output = try OutputFile(replacing: "\(folder)/\(file.name)")
        try output.write(file.bytes, at: 0)
        return output
      }
      let lock = FolderLock(folder)
      defer { lock.unlock() }
      try OutputFile.commit(outputs)
    }
  }
}
