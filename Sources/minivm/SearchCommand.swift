import ArgumentParser
import Formats
import KernelKit

struct SearchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "List a mirror's kernels, newest first.",
    discussion: """
      Prints kernel release, package version, suite, architecture, size, and whether the kernel is one \
      package or several.

      Examples:
        minivm search '6.1.*-cloud-*'
        minivm search --suite trixie --arch arm64 --json
      """
  )

  @Argument(
    help: ArgumentHelp(
      "Part of a release or package name, or a glob such as '6.1.*-cloud-*' (default: all).",
      valueName: "pattern"))
  var pattern: String?

  @OptionGroup var archive: ArchiveOptions

  @Flag(help: "Print JSON to stdout.")
  var json = false

  func run() async throws {
    let environment = try CommandEnvironment.make(quiet: json)
    defer { environment.progress.end() }
    let architecture = try archive.architecture()
    let kernels = try await archive.repository(environment).kernels(architecture: architecture)
      .matching(pattern, architecture: architecture)
    environment.progress.end()
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
