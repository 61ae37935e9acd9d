import ArgumentParser
import Formats
import KernelKit

struct FetchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fetch",
    abstract: "Download the newest version of a kernel package, or of any other.",
    discussion: """
      Meta packages such as linux-image-cloud-amd64 are followed to the packages that hold the \
      kernel. What arrives has the size and the SHA-256 of the archive's index. The paths of the \
      packages are written to stdout.
      """
  )

  @Argument(help: "The package's name.")
  var package: String

  @OptionGroup var archive: ArchiveOptions

  @Option(
    name: [.short, .customLong("out")], help: "The folder to write to.", completion: .directory)
  var output = "."

  func run() throws {
    let environment = try CommandEnvironment.make()
    let repository = try archive.repository(environment)
    let downloads = try repository.kernelPackages(package, architecture: archive.arch)
    environment.progress.end()
    try FileTree.makeDirectories(output)
    for download in downloads {
      let copy = "\(output)/\(FileTree.name(of: download.path))"
      try FileTree.copy(download.path, to: copy)
      print(copy)
    }
  }
}

/// Where packages come from.
struct ArchiveOptions: ParsableArguments {
  @Option(help: "Debian's name of an architecture: amd64, arm64, riscv64.")
  var arch = Machine.debianArchitecture

  @Option(
    help: ArgumentHelp("A suite such as trixie; this machine's by default.", valueName: "name"))
  var suite: String?

  @Option(
    help: ArgumentHelp(
      "A mirror's address; those of this machine's apt sources by default.", valueName: "url"))
  var mirror: String?

  func repository(_ environment: KitEnvironment) throws -> DebianRepository {
    DebianRepository(
      suites: try environment.aptSources.chosen(suite: suite, mirror: mirror),
      environment: environment)
  }

  func defaultTemplate(
    _ architecture: String, _ environment: KitEnvironment
  ) -> DefaultTemplate {
    DefaultTemplate(architecture: architecture, suite: suite, environment: environment) {
      [suite, mirror] in
      try environment.aptSources.chosen(suite: suite, mirror: mirror)
    }
  }

  func validate() throws {
    for word in [arch, suite].compactMap({ $0 })
    where word.contains("..") || word.contains(where: { !$0.isPlain }) {
      throw ValidationError("“\(word)” can't be the name of an architecture or a suite")
    }
  }
}

extension Character {
  /// A character of suites' and architectures' names.
  fileprivate var isPlain: Bool { isASCII && (isLetter || isNumber || "-_./".contains(self)) }
}
