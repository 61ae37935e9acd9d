import ArgumentParser
import Formats
import KernelKit

struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Rebuild a kit from its manifest and compare.",
    discussion: """
      Takes the packages that the manifest names from the cache, their addresses or the archive, each \
      only with the SHA-256 that stands there. Exit codes: 0, the kit is the same, byte for byte; 4, \
      it is not, and what differs first is named: which file in which image; 3, something that it was \
      made of is not there any more.
      """
  )

  @Argument(
    help: "The folder of the kit, or its manifest-VER.json in a folder with several kernels.",
    completion: .file())
  var kit = "."

  @Argument(
    help: ArgumentHelp(
      """
      What no archive has: packages and programs that were given as files, folders with such files, \
      the folder with lib/modules/VER.
      """, valueName: "file"), completion: .file())
  var files: [String] = []

  @Option(
    help: ArgumentHelp(
      "The template that the kit was made with, where it is not minivm's own.", valueName: "folder"),
    completion: .directory)
  var template: String?

  @Option(
    name: [.short, .customLong("out")],
    help: ArgumentHelp(
      "Keep the kit that was built again, in this new folder.", valueName: "folder"),
    completion: .directory)
  var output: String?

  @Flag(help: "Refuse kernel packages that are in no signed list of the archive.")
  var signed = false

  @OptionGroup var mirror: MirrorOptions
  @OptionGroup var work: WorkOptions

  @Flag(help: "Print JSON, and nothing else, to stdout.")
  var json = false

  func run() async throws {
    let environment = try CommandEnvironment.make(quiet: json)
    defer { environment.progress.end() }
    let verifier = try KitVerifier(kit)
    let options = KitVerifier.Options(
      given: files, template: template, output: output, isSigned: signed, jobs: work.jobs)
    let mirror = mirror
    let result = try await verifier.verify(
      options, environment: mirror.offline ? environment.offline() : environment
    ) { try mirror.repository(environment) }
    environment.progress.end()
    if json {
      try printJSON(result)
    } else if result.isSame {
      print(
        "\(kit): \(result.kernel), built again from \(result.inputs.joined(separator: ", ")), is the same: \(result.outputs.count) files, byte for byte"
          .visible)
      if !result.isSigned, verifier.manifest.inputs.contains(where: { $0.chain != nil }) {
        print("That a signed list has its packages is the manifest's word: --signed checks it.")
      }
    }
    if let first = result.differences.first {
      let more = result.differences.count - 1
      throw KitError(
        .unverified, "\(kit)/\(first.description)",
        advice: more == 0
          ? nil : "\(more) more difference\(more == 1 ? "" : "s") (--json has them all)")
    }
  }
}
