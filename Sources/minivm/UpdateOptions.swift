import ArgumentParser
import Formats
import KernelKit

/// What `update-busybox` and `update-e2fsck` have in common.
struct UpdateOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("The template's folder.", valueName: "template"), completion: .directory)
  var template = RamdiskTemplate.defaultFolder

  @Option(
    help: ArgumentHelp(
      "A .deb, an .apk or the executable itself; `debian` for the mirror.", valueName: "source"),
    completion: .file())
  var from = "debian"

  @Option(
    help: """
      Debian's name of the architecture that the program has to be for: amd64, arm64, riscv64. This \
      machine's from a mirror, and any from a file, by default.
      """)
  var arch: String?

  @OptionGroup var mirror: MirrorOptions

  func update(_ tool: TemplateTool) async throws {
    let template = try RamdiskTemplate(template)
    let update = try await template.update(tool, provide(tool))
    let program = update.program
    let package = program.package.map { "\($0) \(program.version ?? "")" } ?? program.origin
    print("\(template.folder)/\(program.path): \(package), \(program.architecture)")
    let removed = update.removedLinks.isEmpty ? "" : ", \(update.removedLinks.count) removed"
    print("\(template.folder)/\(tool.folder): \(update.links.count) links\(removed)")
  }

  func validate() throws {
    if let arch { try checkName(arch) }
  }

  private func provide(_ tool: TemplateTool) async throws -> TemplateTool.Provided {
    switch from {
    case "debian":
      let environment = try CommandEnvironment.make()
      defer { environment.progress.end() }
      let arch =
        try arch ?? CommandEnvironment.configuration().architecture ?? Machine.debianArchitecture
      let download = try await mirror.repository(environment)
        .newest(tool.debianPackage, architecture: arch)
      return try tool.read(download.path, architecture: arch, origin: download.url)
    case "alpine":
      throw KitError(
        .usage, "Alpine's mirror is not read by this version",
        advice: "download \(tool.debianPackage)-*.apk, and name it with --from")
    default:
      return try tool.read(from, architecture: arch)
    }
  }
}
