internal import Basics
internal import Formats
package import Logging
package import Packages

/// The template of those who have none: minivm's own init, with busybox and e2fsck of a mirror.
///
/// It is kept in the cache, one for each suite and architecture and each choice of mirrors and keys. A build
/// takes the newest programs that the mirror's signed lists have; without a network, or where the mirror
/// can't be reached, those that are there.
package struct DefaultTemplate: Sendable {
  private let architecture: String
  private let repository: @Sendable () throws -> DebianRepository
  /// Of the folder in the cache.
  let name: String
  private let network: Network
  private let cache: Cache
  private let log: Logger

  /// - Parameters:
  ///   - suite: the name of the suite that the programs come from; nil where the machine has none of its own.
  ///   - origin: what says where they come from; empty for the machine's own mirrors.
  ///   - keyrings: files of the keys that vouch for them; empty for the machine's own. What some keys vouch
  ///     for is not taken for others', also when those are in a file of the same name.
  ///   - repository: where to look for them, asked when there is something to fetch.
  package init(
    architecture: String, suite: String?, origin: [String] = [], keyrings: [String] = [],
    network: Network, cache: Cache, log: Logger,
    repository: @escaping @Sendable () throws -> DebianRepository
  ) {
    self.architecture = architecture
    self.repository = repository
    let suite = (suite ?? "default").replacing("/", with: "_")
    // What can't be read vouches for nothing.
    let keys = keyrings.map { (try? Digest.sha256(of: InputFile($0))) ?? $0 }
    let origin = origin + keys
    let mark = origin.isEmpty ? "" : "-\(Digest.sha256(of: Array("\(origin)".utf8)).prefix(16))"
    name = "\(suite)-\(architecture)\(mark)"
    (self.network, self.cache, self.log) = (network, cache, log)
  }

  /// The template's folder, which is complete.
  package func folder() async throws -> String {
    let folder = "\(cache.folder)/template/\(name)"
    try cache.makeFolder(folder)
    let template = try Self.make(folder)
    let present = try template.unchangedPrograms()
    let missing = TemplateTool.allCases.filter { tool in
      !present.contains { $0.path == tool.path }
    }
    do {
      try await update(template, present, missing)
    } catch let error as KitError {
      guard missing.isEmpty, error.code != .unverified else { throw error }
      // This machine has no sources for it: nothing is newer.
      if error.code != .usage {
        log.warning(
          "\(error.message); using the busybox and e2fsck that were fetched earlier")
      }
    }
    return folder
  }

  private func update(
    _ template: TemplateFolder, _ present: [TemplateProgram], _ missing: [TemplateTool]
  ) async throws {
    if network.isOffline, missing.isEmpty { return }
    // Without other tries where there is something to go on with.
    let repository = try repository().trying(once: missing.isEmpty)
    let statePath = "\(FileTree.parent(of: template.folder))/.\(name).state"
    let state = try await repository.state(architecture: architecture)
    let seen = try? InputFile(statePath).readAll(limit: 100)
    if missing.isEmpty, seen == Array(state.utf8) { return }
    let newest = try await newest(in: repository, missing)
    for (tool, package) in newest {
      let sha256 = present.first { $0.path == tool.path }?.packageSHA256
      if sha256 != nil, package.hash == sha256.flatMap({ FileHash(.sha256, $0) }) { continue }
      let download = try repository.download([package])[0]
      try template.update(tool, try tool.read(download, architecture: architecture))
    }
    try OutputFile.write(Array(state.utf8), to: statePath)
  }

  /// The packages of the programs, as far as the mirror has them.
  /// - Throws: `KitError.missing` where it lacks one that is needed.
  private func newest(
    in repository: DebianRepository, _ missing: [TemplateTool]
  ) async throws -> [(tool: TemplateTool, package: IndexedPackage)] {
    func packageName(_ tool: TemplateTool) -> String {
      repository.packageName(ofStatic: tool.rawValue)
    }
    let names = TemplateTool.allCases.map(packageName)
    let found = try await repository.find(architecture) { names.contains(String($0)) }
    return try TemplateTool.allCases.compactMap { tool in
      if let package = DebianRepository.choose(packageName(tool), nil, in: found.packages) {
        return (tool, package)
      }
      guard missing.contains(tool) else { return nil }
      var error = repository.missing(packageName(tool), nil, found)
      error.message += ", and the initramfs needs its \(tool.rawValue)"
      let others = found.otherComponents.joined(separator: ",")
      error.advice =
        others.isEmpty
        ? "give a template that has it with --template: minivm update-\(tool.rawValue) TEMPLATE --mirror URL --suite SUITE takes it from another archive"
        : "look in all components with --component \((found.components + [others]).joined(separator: ","))"
      throw error
    }
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
