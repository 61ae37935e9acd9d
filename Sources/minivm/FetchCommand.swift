import ArgumentParser
import Basics
import Formats
import Kits
import Packages

struct FetchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fetch",
    abstract: "Download a package and verify its signature chain.",
    discussion: """
      Follows meta packages such as linux-image-cloud-amd64 to the packages with the kernel, and prints \
      the paths of the files. An interrupted download continues with the next run.

      Examples:
        minivm fetch linux-image-cloud-amd64 --suite trixie
        minivm fetch 6.1.0-57 --out packages
      """
  )

  @Argument(
    help: """
      Package name, name=version, or a kernel release such as 6.1.0-18-cloud-amd64; 6.1.0-18 is the \
      cloud kernel, and 6.1 the newest of its series.
      """)
  var package: String

  @OptionGroup var archive: ArchiveOptions

  @Option(
    name: [.short, .customLong("out")],
    help: ArgumentHelp("Folder to write to.", valueName: "folder"),
    completion: .directory)
  var output = "."

  func run() async throws {
    let environment = try CommandEnvironment.make()
    defer { environment.reporter.progress.end() }
    let choice = try PackageChoice(package)
    let repository = try archive.repository(environment)
    let downloads = try await repository.kernelPackages(
      choice.name, version: choice.version, architecture: archive.architecture())
    environment.reporter.progress.end()
    try FileTree.withDirectories(output) {
      let copies = try downloads.map { download in
        try FileTree.copied(
          download.file, to: "\(output)/\(FileTree.name(of: download.file.path))")
      }
      let lock = FolderLock(output)
      defer { lock.unlock() }
      var transaction = FileTransaction()
      for copy in copies { transaction.add(copy) }
      try transaction.commit()
      for copy in copies { print(copy.path) }
    }
  }
}
