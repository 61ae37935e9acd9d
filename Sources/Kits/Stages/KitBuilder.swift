internal import Basics
internal import Formats
internal import Logging
internal import Machines
internal import Modules
package import Packages

/// The main job: from a kernel's packages to the files that a VM boots from, in one pass.
package struct KitBuilder: Sendable {
  package struct Options: Sendable {
    /// Where the kit goes.
    package var folder: String
    /// A folder with `init` and what it needs.
    package var template: String
    package var ramDisk: RamDisk.Options
    package var disk: ModulesDisk.Options
    /// Whether the RAM disk and the modules disk are as small as can be, whatever it takes.
    package var isSmallest: Bool { disk.isSmallest }
    /// Modules of the user's own, which go into `updates/`: paths of files.
    package var addedModules: [String]
    /// `vmlinux` for an unpacked kernel beside the package's own.
    package var kernelFormat: KernelFormat
    /// Whether results of earlier builds are used, and those of this one kept.
    package var usesCache: Bool

    package init(
      folder: String, template: String, ramDisk: RamDisk.Options, disk: ModulesDisk.Options,
      addedModules: [String] = [], kernelFormat: KernelFormat = .vmlinuz, usesCache: Bool = false
    ) {
      self.folder = folder
      self.template = template
      self.ramDisk = ramDisk
      self.disk = disk
      self.addedModules = addedModules
      self.kernelFormat = kernelFormat
      self.usesCache = usesCache
    }

    func path(_ part: Kit.Part, of release: KernelRelease) -> String {
      "\(folder)/\(part.fileName(release, format: disk.format))"
    }
  }

  private let source: KernelSource
  private let inputs: [Manifest.Input]
  private let options: Options
  private let environment: KitEnvironment

  /// - Parameter inputs: what the manifest says of where the kernel comes from.
  package init(
    _ source: KernelSource, inputs: [Manifest.Input], options: Options, environment: KitEnvironment
  ) {
    self.source = source
    self.inputs = inputs
    self.options = options
    self.environment = environment
  }

  /// How often a build begins anew because another one has changed what it was to keep.
  private static let tries = 10

  /// Builds all files of the kit and puts them in their places, all or none.
  /// - Throws: `KitError.invalid` for a source without a kernel, lists with what this kernel has not, a
  ///   template for another machine, `KitError.missing` for a template that is not there, `FormatError` for
  ///   what can't be read or written.
  package func build() throws -> Manifest {
    try FileTree.withDirectories(options.folder) {
      for _ in 0..<Self.tries {
        if let manifest = try buildFiles() { return manifest }
      }
      throw KitError(
        .invalid, "\(options.folder): other builds write into it all the time",
        advice: "give each a folder of its own")
    }
  }

  /// - Returns: nil when files that were to stay as they are did not.
  private func buildFiles() throws -> Manifest? {
    // All that is read of the template is of one state of it, though somebody may update it.
    let lock = FolderLock(options.template, isShared: true)
    let template = Background(jobs: options.disk.jobs) { [folder = options.template] in
      try TemplateFolder(folder).digest()
    }
    let cache =
      options.usesCache
      ? try KitCache(inputs, options, template: template, environment) : nil
    var pass = KernelPass(source, options, environment)
    let storedKernel = cache?.kernelParts()
    let kernel = try storedKernel ?? pass.run()
    kernel.warnings.forEach { environment.log.warning("\($0)") }
    environment.progress.report("RAM disk", 0, nil)
    let storedRamDisk = cache?.ramDisk()
    let ramDisk = try storedRamDisk ?? makeRamDisk(of: kernel)
    ramDisk.details.warnings.forEach { environment.log.warning("\($0)") }
    let programs = try TemplateFolder(options.template).unchangedPrograms()
    let templateSHA256 = try template.value()
    lock.unlock()
    let files = try kernel.files + [kernel.disk?.value(), ramDisk.file].compactMap { $0 }
    let manifest = Manifest(
      minivm: ProgramVersion.current, kernel: kernel.release.description,
      architecture: kernel.architecture.rawValue, timestamp: kernel.timestamp, inputs: inputs,
      programs: (programs + ramDisk.details.programs).sorted { $0.path < $1.path },
      options: Manifest.Options(options, initramfsCompression: ramDisk.details.compression),
      recipe: Manifest.Recipe(options.ramDisk.lists, templateSHA256: templateSHA256),
      outputs: files.map(\.description).sorted { $0.file < $1.file },
      initramfsModules: ramDisk.details.modules, initramfsAbsent: ramDisk.details.absent,
      roots: ramDisk.details.roots)
    environment.progress.report("writing to the disk", 0, nil)
    guard try commit(manifest, files, kernel.release) else { return nil }
    if let cache {
      do {
        if storedKernel == nil, kernel.disk != nil, let disk = pass.disk {
          try cache.store(kernel, disk.records())
        }
        if storedRamDisk == nil { try cache.store(ramDisk, of: kernel.release) }
      } catch {
        environment.log.debug("the cache can't keep what was made: \(error)")
      }
    }
    environment.progress.end()
    return manifest
  }

  private func makeRamDisk(of kernel: KernelParts) throws -> RamDiskPart {
    let result = try RamDisk(
      kernel.release, architecture: kernel.architecture, template: .folder(options.template),
      options: options.ramDisk, isSmallest: options.isSmallest
    ).make(jobs: options.disk.jobs) {
      RamDisk.Kernel(
        timestamp: kernel.timestamp, configuration: kernel.configuration, modules: kernel.modules)
    }
    let check = RootCheck(
      kernel.release, kernel: result.index, configuration: kernel.configuration,
      inside: result.modules.map(\.path), hasModulesDisk: kernel.disk != nil)
    let roots = try check.roots(of: options.ramDisk.lists, kernel.architecture)
    var warnings = result.warnings
    if let problem = try check.problem(ofOwn: options.ramDisk.lists, kernel.architecture) {
      let name = options.ramDisk.lists.modules?.name ?? ""
      warnings.append("\(problem); nor by any other way that minivm knows, with what \(name) lists")
    }
    if roots == nil, let profile = options.ramDisk.lists.profile {
      warnings.append(
        "profile \(profile) is for no machine of \(kernel.architecture.rawValue): whether it finds its root"
          + " is not checked; --profile +\(profile.parts[0].name) adds it to the default one")
    }
    let output = try HashedOutput(options.path(.initramfs, of: kernel.release))
    try output.append(result.bytes)
    return RamDiskPart(
      file: KitFile(output),
      details: RamDiskPart.Details(
        compression: result.compression.rawValue, modules: result.modules, absent: result.absent,
        roots: roots, programs: result.programs, warnings: warnings))
  }

  /// The manifest and the checksums come last: where they are, the rest is.
  /// - Returns: false, with nothing done, when files that were to stay as they are did not.
  private func commit(
    _ manifest: Manifest, _ files: [KitFile], _ release: KernelRelease
  ) throws -> Bool {
    // Another kernel's kit may come into the same folder now: the checksums are of both.
    let lock = FolderLock(options.folder)
    defer { lock.unlock() }
    guard files.allSatisfy(\.isInPlace) else { return false }
    let manifestFile = try KitFile.make(
      "\(options.folder)/\(Kit.manifestName(release))", JSON.encode(manifest))
    let own = manifest.outputs + [manifestFile.description]
    let stale = staleFiles(manifest, release)
    let sumsFile = try KitFile.make(
      "\(options.folder)/\(Checksums.fileName)", checksums(own, without: stale, release).bytes)
    var transaction = FileTransaction()
    for output in (files + [manifestFile, sumsFile]).compactMap(\.output) {
      transaction.add(output)
    }
    for name in stale { transaction.remove("\(options.folder)/\(name)") }
    try transaction.commit(jobs: options.disk.jobs)
    return true
  }

  /// What an earlier build of this kernel has made in the folder and this one has not: an unpacked
  /// kernel, or the modules disk in another format, which would be taken for this kit's.
  private func staleFiles(_ manifest: Manifest, _ release: KernelRelease) -> [String] {
    guard
      let earlier = try? Kit.manifest("\(options.folder)/\(Kit.manifestName(release))"),
      earlier.kernel == release.description
    else { return [] }
    let own = Set(manifest.outputs.map(\.file))
    return Set(earlier.outputs.map(\.file)).subtracting(own).sorted().filter { name in
      guard let part = Kit.Part(name, release), [.vmlinux, .modulesDisk].contains(part)
      else { return false }
      return FileTree.status("\(options.folder)/\(name)")?.kind == .file
    }
  }

  /// Those of the kit's own files, and of other kernels' in the folder.
  private func checksums(
    _ own: [Manifest.Output], without stale: [String], _ release: KernelRelease
  ) throws -> Checksums {
    var checksums = Checksums(own)
    let path = "\(options.folder)/\(Checksums.fileName)"
    guard FileTree.status(path) != nil else { return checksums }
    checksums.add(try Checksums(reading: path)) { name in
      !own.contains { $0.file == name } && !stale.contains(name)
        && Kit.Part(name, release) == nil && name != Kit.manifestName(release)
        && FileTree.status("\(options.folder)/\(name)") != nil
    }
    return checksums
  }
}

/// A kit's RAM disk, and what the manifest says of it.
struct RamDiskPart {
  struct Details: Codable {
    var compression: String
    var modules: [Manifest.Module]
    /// Lines of the lists that no module stands for.
    var absent: [Manifest.Absence]
    /// Where root can be found; nil where no profile is for a machine.
    var roots: [Manifest.Root]?
    /// What was added to the template's own.
    var programs: [TemplateProgram]
    /// What a user should know of it.
    var warnings: [String]
  }

  var file: KitFile
  var details: Details
}
