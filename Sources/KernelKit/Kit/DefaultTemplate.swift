internal import Formats

/// The template of those who have none: minivm's own init, with busybox and e2fsck of a mirror.
///
/// It is made once for each suite and architecture, and each choice of mirrors and keys, and kept in the
/// cache, so that later builds need no network. Removing it there fetches the programs anew.
public struct DefaultTemplate: Sendable {
  private let architecture: String
  private let repository: @Sendable () throws -> DebianRepository
  /// Of the folder in the cache.
  let name: String
  private let environment: KitEnvironment

  /// - Parameters:
  ///   - suite: the name of the suite that the programs come from; nil for the machine's own.
  ///   - origin: what says where they come from; empty for the machine's own mirrors.
  ///   - keyrings: files of the keys that vouch for them; empty for the machine's own. What some keys vouch
  ///     for is not taken for others', also when those are in a file of the same name.
  ///   - repository: where to look for them, asked when there is something to fetch.
  public init(
    architecture: String, suite: String?, origin: [String] = [], keyrings: [String] = [],
    environment: KitEnvironment,
    repository: @escaping @Sendable () throws -> DebianRepository
  ) {
    self.architecture = architecture
    self.repository = repository
    let suite = (suite ?? environment.aptSources.codename ?? "default").replacing("/", with: "_")
    // What can't be read vouches for nothing.
    let keys = keyrings.map { (try? Digest.sha256(of: InputFile($0))) ?? $0 }
    let origin = origin + keys
    let mark = origin.isEmpty ? "" : "-\(Digest.sha256(of: Array("\(origin)".utf8)).prefix(16))"
    name = "\(suite)-\(architecture)\(mark)"
    self.environment = environment
  }

  /// The template's folder, which is complete.
  public func folder() async throws -> String {
    let folder = "\(environment.cacheFolder)/template/\(name)"
    try environment.makeCacheFolder(folder)
    let template = try Self.make(folder)
    let present = Set(try template.unchangedPrograms().map(\.path))
    for tool in TemplateTool.allCases where !present.contains(tool.path) {
      let download = try await repository().newest(
        tool.debianPackage, architecture: architecture)
      let provided = try tool.read(download, architecture: architecture)
      try template.update(tool, provided)
    }
    return folder
  }

  /// A template with the program's own init, which may be newer than the one that is there; its other
  /// content stays.
  static func make(_ folder: String) throws -> TemplateFolder {
    try FileTree.makeDirectories(folder)
    let script = Array(DefaultFiles.initScript.utf8)
    let path = "\(folder)/init"
    if (try? InputFile(path).readAll(limit: 1 << 20)) != script {
      let lock = FolderLock(folder)
      defer { lock.unlock() }
      try OutputFile.write(script, to: path, mode: 0o755)
    }
    return try TemplateFolder(folder)
  }
}
