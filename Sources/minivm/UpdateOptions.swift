import ArgumentParser
import Basics
import Formats
import Kits
import Packages

/// What `update-busybox` and `update-e2fsck` have in common.
struct UpdateOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("Template folder.", valueName: "template"),
    completion: .directory)
  var template = TemplateFolder.defaultFolder

  @Option(
    help: ArgumentHelp(
      "A .deb, an .apk or an executable, or a mirror: debian or alpine.",
      valueName: "source"),
    completion: .file())
  var from = "debian"

  @Option(
    help: ArgumentHelp(
      """
      Require the architecture amd64, arm64 or riscv64 (default: this machine's from a mirror, any from \
      a file).
      """, valueName: "name"))
  var arch: String?

  @Option(
    help: ArgumentHelp(
      "Alpine branch, such as v3.20 (default: the newest).", valueName: "name"))
  var branch: String?

  @Option(
    help: ArgumentHelp(
      "Folder of Alpine's public keys (default: /etc/apk/keys).",
      valueName: "folder"),
    completion: .directory)
  var keys: String?

  @Flag(help: "Update even if a script of the template uses a link that is removed.")
  var force = false

  @OptionGroup var mirror: MirrorOptions

  func update(_ tool: TemplateTool) async throws {
    let template = try TemplateFolder(template)
    let update = try await template.update(tool, provide(tool), isForced: force)
    let program = update.program
    let package = program.package.map { "\($0) \(program.version ?? "")" } ?? program.origin
    print("\(template.folder)/\(program.path): \(package), \(program.architecture)")
    let removed =
      update.removedLinks.isEmpty
      ? "" : ", \(update.removedLinks.count) removed: \(update.removedLinks.joined(separator: " "))"
    print("\(template.folder)/\(tool.folder): \(update.links.count) links\(removed)")
    for line in update.lostPrograms {
      writeToStandardError(
        "minivm: warning: \(template.folder)/\(line): not in the new \(tool.rawValue)".visible)
    }
  }

  func validate() throws {
    if let arch { try checkName(arch) }
    if let branch { try checkName(branch) }
    if branch != nil, from != "alpine" {
      throw ValidationError("--branch requires --from alpine")
    }
    if keys != nil, from == "debian" {
      throw ValidationError("--keys is for Alpine; use --keyring for Debian")
    }
    if !["debian", "alpine"].contains(from), mirror.isGiven {
      throw ValidationError("--from \(from) is a file: omit the mirror's options")
    }
    if from == "alpine", let option = mirror.debianOptions.first {
      throw ValidationError(
        "\(option) is for Debian's mirrors; use --branch and --keys for Alpine's")
    }
  }

  /// Debian's name of the architecture that a mirror's program is for.
  private func mirrorsArchitecture() throws -> String {
    try arch ?? CommandEnvironment.configuration().architecture ?? Machine.architecture.rawValue
  }

  private func provide(_ tool: TemplateTool) async throws -> TemplateTool.Provided {
    guard ["debian", "alpine"].contains(from) else {
      return try tool.read(from, architecture: arch, keys: keys.map(AlpineKeys.init(folder:)))
    }
    let environment = try CommandEnvironment.make()
    defer { environment.reporter.progress.end() }
    let arch = try mirrorsArchitecture()
    let repository: any Repository =
      from == "debian" ? try mirror.repository(environment) : try alpine(environment)
    return try await provide(tool, repository, arch)
  }

  private func provide(
    _ tool: TemplateTool, _ repository: some Repository, _ architecture: String
  ) async throws -> TemplateTool.Provided {
    let name = try repository.packageName(ofStatic: tool.rawValue)
    let download = try await repository.newest(name, architecture: architecture)
    return try tool.read(download, architecture: architecture)
  }

  private func alpine(_ environment: CommandEnvironment) throws -> AlpineRepository {
    guard let address = mirror.mirror.first, mirror.mirror.count == 1 else {
      throw KitError(
        .usage, "--from alpine requires the address of one mirror",
        advice: "give the folder that holds its branches with --mirror")
    }
    let environment = mirror.offline ? environment.offline() : environment
    return try AlpineRepository(
      mirror: address, branch: branch ?? AlpineRepository.newestBranch,
      keys: keys.map(AlpineKeys.init(folder:)),
      network: environment.network, cache: environment.cache,
      progress: environment.reporter.progress)
  }
}
