import ArgumentParser
import Basics
import Formats
import Kits
import Packages

struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Rebuild a kit from its manifest and compare.",
    discussion: """
      Fetches the packages that the manifest names, by SHA-256, from the cache, their addresses or the \
      archive. Exit codes: 0, the kit is the same, byte for byte; 4, it differs, and the first \
      difference is printed; 3, an input is no longer available.

      Examples:
        minivm verify kit
        minivm verify kit --signed --json
      """
  )

  @Argument(
    help: "Kit: a folder, or a manifest-VER.json in a folder with several kernels.",
    completion: .file())
  var kit = "."

  @Argument(
    help: ArgumentHelp(
      """
      Inputs that no archive has: package and program files, folders of them, the folder with \
      lib/modules/VER.
      """, valueName: "file"), completion: .file())
  var files: [String] = []

  @Option(
    help: ArgumentHelp(
      "Template that the kit was made with (default: minivm's).", valueName: "folder"),
    completion: .directory)
  var template: String?

  @Option(
    name: [.short, .customLong("out")],
    help: ArgumentHelp(
      "Keep the rebuilt kit in this new folder.", valueName: "folder"),
    completion: .directory)
  var output: String?

  @Flag(help: "Require each kernel package to be in a signed list of the archive.")
  var signed = false

  @OptionGroup var mirror: MirrorOptions
  @OptionGroup var work: WorkOptions

  @Flag(help: "Print JSON to stdout.")
  var json = false

  func run() async throws {
    let environment = try CommandEnvironment.make(quiet: json, jobs: work.jobs)
    defer { environment.reporter.progress.end() }
    let verifier = try KitVerifier(kit)
    let options = KitVerifier.Options(
      given: files, template: template, output: output, isSigned: signed, jobs: work.jobs)
    let (mirror, manifest) = (mirror, verifier.manifest)
    let result = try await verifier.verify(
      options, network: mirror.offline ? environment.network.offline() : environment.network,
      cache: environment.cache, clock: environment.clock, reporter: environment.reporter
    ) { try mirror.repository(environment, of: manifest) }
    environment.reporter.progress.end()
    if json {
      try printJSON(result)
    } else if result.isSame {
      print(
        "\(kit): \(result.kernel), built again from \(result.inputs.joined(separator: ", ")), is the same: \(result.outputs.count) files, byte for byte"
          .visible)
      if !result.isSigned, verifier.manifest.inputs.contains(where: { $0.chain != nil }) {
        print("Signatures were not rechecked; add --signed to check them.")
      }
    }
    if let first = result.differences.first {
      let more = result.differences.count - 1
      throw KitError(
        .unverified, "\(kit)/\(first.description)",
        advice: more == 0
          ? nil : "\(more) more difference\(more == 1 ? "" : "s") (--json lists them all)")
    }
  }
}
