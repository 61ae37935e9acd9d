package import Basics
internal import Formats
internal import Logging
internal import Modules
package import Packages

/// Builds a kit again from what its manifest says, and compares.
package struct KitVerifier: Sendable {
  package struct Options: Sendable {
    /// Files and folders that no archive has: packages, a folder with lib/modules/VER.
    package var given: [String]
    /// The kit's template; nil for one that is made again.
    package var template: String?
    /// Where the kit that was built again goes; nil for nowhere.
    package var output: String?
    /// Whether each package has to be in a signed list of the archive.
    package var isSigned: Bool
    package var jobs: Int

    package init(
      given: [String], template: String?, output: String?, isSigned: Bool, jobs: Int
    ) {
      (self.given, self.template, self.output) = (given, template, output)
      (self.isSigned, self.jobs) = (isSigned, jobs)
    }
  }

  /// The kit's.
  package let manifest: Manifest
  private let folder: String
  private let release: KernelRelease

  /// - Parameter path: a kit's folder, or the manifest in it.
  /// - Throws: `KitError.missing` where there is no manifest, `.usage` where there are several.
  package init(_ path: String) throws {
    let (folder, wanted) = try Kit.place(path)
    guard FileTree.isDirectory(folder) else {
      throw KitError(.missing, "\(folder): no such folder")
    }
    let names = try FileTree.textNames(in: folder).filter {
      Kit.version(ofManifest: $0) != nil && (wanted.map(Kit.manifestName) ?? $0) == $0
    }
    guard let name = names.first else {
      throw KitError(
        .missing, "\(folder): has no manifest-VER.json, which records its inputs",
        advice: "give a folder that `minivm build` wrote")
    }
    guard names.count == 1 else {
      throw KitError(severalKernels: names, in: folder, advice: "give one of these files")
    }
    self.folder = folder
    let file = "\(folder)/\(name)"
    guard let release = try Kit.place(file).release else {
      throw KitError(.invalid, "\(file): can't be read")
    }
    self.release = release
    guard let manifest = try Kit.manifest(file), manifest.kernel == release.description else {
      throw KitError(.invalid, "\(file): is not the manifest of kernel \(release)")
    }
    self.manifest = manifest
  }

  /// - Parameter archive: where to look for packages that are not at their addresses any more.
  /// - Throws: `KitError.missing` when something that the kit was made of is no longer there.
  package func verify(
    _ options: Options, network: Network, cache: Cache, clock: Clock, reporter: Reporter,
    archive: @escaping @Sendable () throws -> any KernelRepository
  ) async throws -> KitVerification {
    if manifest.minivm != ProgramVersion.current {
      reporter.log.warning(
        "the kit was made by minivm \(manifest.minivm), this is \(ProgramVersion.current): that may cause differences"
      )
    }
    if let output = options.output, FileTree.status(output) != nil {
      throw KitError(
        .usage, "\(output): already exists", advice: "give the name of a new folder")
    }
    let parent = options.output.map(FileTree.parent) ?? cache.temporaryFolder
    try FileTree.makeDirectories(parent)
    let staging = try StagingDirectory(in: parent)
    let inputs = ManifestInputs(
      manifest: manifest, release: release, given: options.given, beside: [folder, "."],
      cache: cache, network: network, progress: reporter.progress, archive: archive)
    let source = try await inputs.kernel()
    if options.isSigned {
      guard case .packages(let packages) = source else {
        throw KitError(.usage, "\(folder): the kit was made from a folder, which has no signature")
      }
      for package in packages {
        _ = try await archive().twin(of: package, architecture: manifest.architecture)
      }
    }
    let template = try await inputs.template(
      options.template, makingIn: "\(staging.path)/template")
    var clock = clock
    // What the outputs carry: the same as the newest time in the packages, where that was taken.
    clock.sourceDateEpoch = manifest.timestamp
    let rebuilt = "\(staging.path)/kit"
    let built = try KitBuilder(
      source, inputs: self.inputs(of: source),
      BuildPlaces(
        folder: rebuilt, template: template, addedModules: try await inputs.addedModules()),
      options: try buildOptions(inputs.lists()), clock: clock, reporter: reporter,
      jobs: options.jobs
    ).build()
    let names = Set((manifest.outputs + built.outputs).map(\.file))
    let result = try KitVerification(
      manifest, KitListing(folder: folder, release: release, names: names, jobs: options.jobs),
      KitListing(folder: rebuilt, release: release, names: names, jobs: options.jobs), built: built,
      isSigned: options.isSigned)
    if let output = options.output { try staging.publish("kit", to: output) }
    return result
  }

  /// The manifest's inputs, with what the packages say of themselves.
  private func inputs(of source: KernelSource) -> [Manifest.Input] {
    let isModule = { (input: Manifest.Input) in input.origin == Manifest.Input.moduleOrigin }
    let added = manifest.inputs.filter(isModule)
    switch source {
    case .directory(_, let release): return [Manifest.Input(directoryOf: release)] + added
    case .packages(let packages):
      return zip(manifest.inputs.filter { !isModule($0) }, packages).map { input, package in
        var input = input
        let identity = package.identity
        (input.package, input.version) = (identity.name, identity.version)
        input.architecture = identity.architecture
        return input
      } + added
    }
  }

  private func buildOptions(_ lists: ModuleLists) throws -> BuildOptions {
    guard manifest.options.unknown.isEmpty, (0...Int(UInt32.max)).contains(manifest.timestamp)
    else {
      throw KitError(
        .invalid,
        "the manifest of \(release) has options that minivm \(ProgramVersion.current) does not know",
        advice: "verify it with minivm \(manifest.minivm)")
    }
    var options = manifest.options
    options.lists = lists
    return options
  }
}
