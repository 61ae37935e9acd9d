import ArgumentParser
import Basics
import Formats
import Packages

struct SearchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "List a mirror's kernels, the default of build first, then by age.",
    discussion: """
      Prints kernel release, package version, suite, architecture, size, and whether the kernel is one \
      package or several. The first, marked “default”, is the one that `minivm build` takes when none is \
      named; the others follow, newest first.

      Examples:
        minivm search 6.12
        minivm search '6.1.*-cloud-*'
        minivm search --suite trixie --arch arm64 --json
      """
  )

  @Argument(
    help: ArgumentHelp(
      "Part of a release or package name, a glob such as '6.1.*-cloud-*', or a version's first numbers (default: all).",
      valueName: "pattern"))
  var pattern: String?

  @OptionGroup var archive: ArchiveOptions

  @Flag(help: "Print JSON to stdout.")
  var json = false

  func run() async throws {
    let environment = try CommandEnvironment.make(quiet: json)
    defer { environment.reporter.progress.end() }
    let architecture = try archive.architecture()
    let found = try await archive.repository(environment).kernels(architecture: architecture)
      .matching(pattern, architecture: architecture)
    let kernels = found.filter { $0.isDefault == true } + found.filter { $0.isDefault != true }
    environment.reporter.progress.end()
    if json {
      try printJSON(["kernels": kernels])
    } else {
      for line in Self.aligned(kernels.map(Self.row)) { print(line) }
    }
  }

  private static func row(_ kernel: KernelListing) -> [String] {
    [
      kernel.release, kernel.version, kernel.suites.joined(separator: ","), kernel.architecture,
      ByteCount(kernel.size).description, kernel.layout.text,
      kernel.isDefault == true ? "default" : "",
    ]
  }

  /// Columns as wide as their widest cells.
  private static func aligned(_ rows: [[String]]) -> [String] {
    let widths = (rows.first ?? []).indices.map { column in
      rows.map { $0[column].count }.max() ?? 0
    }
    return rows.map { row in
      var line = zip(row, widths).map { $0.padded(to: $1) }.joined(separator: "  ")
      while line.hasSuffix(" ") { line.removeLast() }
      return line
    }
  }
}
