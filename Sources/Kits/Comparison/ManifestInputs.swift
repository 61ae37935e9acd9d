internal import Basics
internal import Formats
internal import Modules
internal import Packages

/// Finds what a kit was made of again, by what its manifest says: nothing counts that has not the
/// SHA-256 that stands there.
struct ManifestInputs {
  let manifest: Manifest
  let release: KernelRelease
  /// Files, and folders with files, that are looked at before any archive.
  let given: [String]
  /// Where files of the manifest's names are taken, too.
  let beside: [String]
  let cache: Cache
  let network: Network
  let progress: Progress
  /// Where to look for a package that is not at its address any more.
  let archive: @Sendable () throws -> any KernelRepository

  private struct Wanted {
    var name: String
    var sha256: String
    /// Bytes; nil where the manifest does not say.
    var size: Int?
    var url: String?
    /// The package's name and architecture, where it is one.
    var package: String?
    var architecture: String?
  }

  private var downloads: DownloadCache { DownloadCache(cache, network, progress: progress) }

  /// Where the kernel comes from.
  func kernel() async throws -> KernelSource {
    if manifest.inputs.contains(where: { $0.origin == "directory" }) {
      guard
        let root = (given + beside).first(where: { ModuleTree.releases(in: $0).contains(release) })
      else {
        throw KitError(
          .missing, "the kit was made from a folder with lib/modules/\(release), which is not here",
          advice: "give that folder after the kit")
      }
      return .directory(root, release)
    }
    var packages: [any PackageArchive] = []
    for input in manifest.inputs where input.origin != Manifest.Input.moduleOrigin {
      packages.append(try PackageFormat.open(try await file(of: input)))
    }
    return .packages(packages)
  }

  /// Paths of the modules that were added to the kernel's own.
  func addedModules() async throws -> [String] {
    var paths: [String] = []
    for input in manifest.inputs where input.origin == Manifest.Input.moduleOrigin {
      paths.append(try await file(of: input).path)
    }
    return paths
  }

  private func file(of input: Manifest.Input) async throws -> InputFile {
    guard let sha256 = input.sha256 else {
      throw KitError(.invalid, "the manifest has no SHA-256 for \(input.file.quoted)")
    }
    return try await find(
      Wanted(
        name: input.file, sha256: sha256, size: input.size, url: input.url,
        package: input.package, architecture: input.architecture))
  }

  /// The lists as they were.
  func lists() throws -> ModuleLists {
    let recipe = try recipe()
    func list(_ list: Manifest.List) -> ModuleList {
      ModuleList(Array(list.text.utf8), name: list.file)
    }
    return ModuleLists(
      profile: manifest.options.lists.profile,
      modules: recipe.modules.map(list), autoload: list(recipe.autoload))
  }

  /// The template's folder: the one that was given, or one of this minivm's init and the programs that
  /// the manifest names.
  /// - Parameter folder: where one may be made.
  func template(_ own: String?, makingIn folder: String) async throws -> String {
    let wanted = try recipe().templateSHA256
    if let own {
      guard try TemplateFolder(own).digest() == wanted else {
        throw KitError(
          .unverified,
          "\(own): is not the kit's template (SHA-256 \(wanted))",
          advice: "give the one that the kit was built with")
      }
      return own
    }
    let template = try DefaultTemplate.make(folder)
    for program in manifest.programs where program.origin != "minivm" {
      guard let tool = TemplateTool.allCases.first(where: { $0.path == program.path }) else {
        continue
      }
      try template.update(tool, try await provide(program, tool))
    }
    // One that lacks a program can't even be read as a template.
    guard (try? template.digest()) == wanted else {
      throw KitError(
        .missing,
        "the kit's template (SHA-256 \(wanted)) is not the default one of minivm \(ProgramVersion.current) with the manifest's programs",
        advice: "give it with --template")
    }
    return folder
  }

  private func recipe() throws -> Manifest.Recipe {
    guard let recipe = manifest.recipe else {
      throw KitError(
        .missing,
        "the manifest, of minivm \(manifest.minivm), does not record the kit's lists and template",
        advice: "build the kit again")
    }
    return recipe
  }

  private func provide(
    _ program: TemplateProgram, _ tool: TemplateTool
  ) async throws -> TemplateTool.Provided {
    let isAddress = program.origin.contains("://")
    let file = try await find(
      Wanted(
        name: FileTree.name(of: program.origin), sha256: program.packageSHA256 ?? program.sha256,
        size: program.packageSize, url: isAddress ? program.origin : nil,
        package: program.package, architecture: program.architecture))
    let provided = try tool.read(file.path, architecture: program.architecture)
    guard provided.note.sha256 == program.sha256 else {
      throw KitError(
        .unverified,
        "\(file.path): its \(tool.rawValue) has SHA-256 \(provided.note.sha256), the manifest says \(program.sha256)"
      )
    }
    return provided
  }

  /// A file of this hash, open: given, beside the kit, in the cache, at its address, or in an archive.
  private func find(_ wanted: Wanted) async throws -> InputFile {
    let name = FileTree.name(of: wanted.name)
    let isHash = wanted.sha256.utf8.count == 64 && wanted.sha256.allSatisfy(\.isHexDigit)
    guard isHash, !name.isEmpty, ![".", ".."].contains(name) else {
      throw KitError(.invalid, "the manifest has no valid name and SHA-256 for \(name.quoted)")
    }
    let cached = downloads.paths(named: name, size: wanted.size, sha256: wanted.sha256)
    let places = given.flatMap(Self.files) + beside.map { "\($0)/\(name)" } + cached
    for path in places where FileTree.status(path, followingLink: true)?.kind == .file {
      let file = try InputFile(path)
      if let size = wanted.size, size != file.size { continue }
      if try Digest.sha256(of: file) == wanted.sha256 { return file }
    }
    // Nothing is taken from where it is not as the manifest says, and the next place may have it.
    var failures: [KitError] = []
    do {
      if let file = try download(wanted, name: name) { return file }
    } catch {
      failures.append(try Self.refusal(error))
    }
    do {
      if let file = try await search(wanted) { return file }
    } catch {
      failures.append(try Self.refusal(error))
    }
    throw missing(wanted, name: name, failures)
  }

  /// What a server or an archive did wrong.
  /// - Throws: what this machine did, as it is.
  private static func refusal(_ error: any Error) throws -> KitError {
    switch error {
    case let error as KitError: return error
    case let error as FormatError where error.kind != .io: return KitError(error)
    default: throw error
    }
  }

  /// - Parameter failures: of the places where it may be, in their order.
  private func missing(_ wanted: Wanted, name: String, _ failures: [KitError]) -> KitError {
    let what = wanted.package.map { "\(name) (package \($0))" } ?? name
    let reasons = failures.map(\.message).joined(separator: "; ")
    let code = failures.map(\.code).first { $0 != .missing && $0 != .usage } ?? .missing
    return KitError(
      code,
      "\(what) with SHA-256 \(wanted.sha256) can no longer be found"
        + (reasons.isEmpty ? "" : ": \(reasons)"),
      advice: wanted.package == nil
        ? "give it after the kit"
        : "give it after the kit; \(DebianRepository.snapshotAdvice)")
  }

  /// - Returns: nil when the manifest has no address.
  private func download(_ wanted: Wanted, name: String) throws -> InputFile? {
    guard let url = wanted.url, let size = wanted.size,
      let hash = FileHash(.sha256, wanted.sha256)
    else { return nil }
    return try downloads.file(
      [url], name: name, size: size, hash: hash)
  }

  /// - Returns: nil when no archive has it.
  private func search(_ wanted: Wanted) async throws -> InputFile? {
    guard let package = wanted.package, let architecture = wanted.architecture else { return nil }
    return try await archive().file(
      of: package, architecture: architecture == "all" ? manifest.architecture : architecture,
      size: wanted.size, sha256: wanted.sha256)
  }

  /// The files of a folder, or the file that a path is.
  private static func files(in path: String) -> [String] {
    guard FileTree.isDirectory(path) else { return [path] }
    return ((try? FileTree.names(in: path)) ?? []).map { "\(path)/\($0)" }
  }
}
