package import Basics
internal import Formats
internal import Logging
internal import Machines
internal import Modules
package import Packages

/// The main job: from a kernel's packages to the files that a VM boots from, in one pass.
package struct KitBuilder: Sendable {
  private let source: KernelSource
  private let inputs: [Manifest.Input]
  private let places: BuildPlaces
  private let options: BuildOptions
  private let cache: Cache?
  private let clock: Clock
  private let reporter: Reporter
  private let jobs: Int

  /// - Parameters:
  ///   - inputs: what the manifest says of where the kernel comes from.
  ///   - cache: where results of earlier builds are used from, and those of this one kept; nil for none.
  ///   - jobs: cores that may be at work.
  package init(
    _ source: KernelSource, inputs: [Manifest.Input], _ places: BuildPlaces, options: BuildOptions,
    cache: Cache? = nil, clock: Clock, reporter: Reporter, jobs: Int = Machine.cores
  ) {
    self.source = source
    self.inputs = inputs
    self.places = places
    self.options = options
    (self.cache, self.clock, self.reporter, self.jobs) = (cache, clock, reporter, jobs)
  }

  /// How often a build begins anew because another one has changed what it was to keep.
  private static let tries = 10

  /// Builds all files of the kit and puts them in their places, all or none.
  /// - Throws: `KitError.invalid` for a source without a kernel, lists with what this kernel has not, a
  ///   template for another machine, `KitError.missing` for a template that is not there, `FormatError` for
  ///   what can't be read or written.
  package func build() throws -> Manifest {
    try FileTree.withDirectories(places.folder) {
      for _ in 0..<Self.tries {
        if let manifest = try buildFiles() { return manifest }
      }
      throw KitError(
        .invalid, "\(places.folder): another build keeps changing this folder",
        advice: "use a separate folder for each build")
    }
  }

  /// - Returns: nil when files that were to stay as they are did not.
  private func buildFiles() throws -> Manifest? {
    // All that is read of the template is of one state of it, though somebody may update it.
    let lock = FolderLock(places.template, isShared: true)
    let template = Background(jobs: jobs) { [folder = places.template] in
      try TemplateFolder(folder).digest()
    }
    let results = try cache.flatMap {
      try KitCache(inputs, places, options, template: template, in: $0, clock, jobs: jobs)
    }
    var pass = KernelPass(
      source, places, options, clock, progress: reporter.progress, jobs: jobs)
    let storedKernel = results?.kernelParts()
    let kernel = try storedKernel ?? pass.run()
    kernel.warnings.forEach { reporter.log.warning("\($0)") }
    reporter.progress.report("initramfs", 0, nil)
    let storedRamDisk = results?.ramDisk()
    let ramDisk = try storedRamDisk ?? makeRamDisk(of: kernel)
    ramDisk.description.warnings.forEach { reporter.log.warning("\($0)") }
    let programs = try TemplateFolder(places.template).unchangedPrograms()
    let templateSHA256 = try template.value()
    lock.unlock()
    let files = try kernel.files + [kernel.disk?.value(), ramDisk.file].compactMap { $0 }
    let manifest = Manifest(
      minivm: ProgramVersion.current, kernel: kernel.release.description,
      architecture: kernel.architecture.rawValue, timestamp: kernel.timestamp, inputs: inputs,
      programs: (programs + ramDisk.description.programs).sorted { $0.path < $1.path },
      options: options.noted(ramDisk.description.compression),
      recipe: Manifest.Recipe(options.lists, templateSHA256: templateSHA256),
      outputs: files.map(\.description).sorted { $0.file < $1.file },
      initramfsModules: ramDisk.description.modules, initramfsAbsent: ramDisk.description.absent,
      roots: ramDisk.description.roots)
    reporter.progress.report("writing to the disk", 0, nil)
    guard try commit(manifest, files, kernel.release) else { return nil }
    if let results {
      do {
        if storedKernel == nil, kernel.disk != nil, let disk = pass.disk {
          try results.store(kernel, disk.records())
        }
        if storedRamDisk == nil { try results.store(ramDisk, of: kernel.release) }
      } catch {
        reporter.log.debug("the results can't be cached: \(error)")
      }
    }
    reporter.progress.end()
    return manifest
  }

  private func makeRamDisk(of kernel: KernelParts) throws -> RamDiskPart {
    let result = try RamDisk(
      kernel.release, architecture: kernel.architecture, template: .folder(places.template),
      options: options
    ).make(jobs: jobs) {
      RamDisk.Kernel(
        timestamp: kernel.timestamp, configuration: kernel.configuration, modules: kernel.modules)
    }
    var description = result.description
    let check = RootCheck(
      kernel.release, kernel: result.index, configuration: kernel.configuration,
      inside: description.modules.map(\.path), hasModulesDisk: kernel.disk != nil)
    description.roots = try check.roots(of: options.lists, kernel.architecture)
    if let problem = try check.problem(ofOwn: options.lists, kernel.architecture) {
      let name = options.lists.modules?.name ?? ""
      description.warnings.append(
        "\(problem); nor by any other way that minivm knows, with what \(name) lists")
    }
    if description.roots == nil, let profile = options.lists.profile {
      description.warnings.append(
        "profile \(profile) targets no \(kernel.architecture.rawValue) machine, so the root check was"
          + " skipped; --profile +\(profile.parts[0].name) adds it to the default one")
    }
    let output = try HashedOutput(places.path(.initramfs, of: kernel.release, options))
    try output.append(result.bytes)
    return RamDiskPart(file: KitFile(output), description: description)
  }

  /// The manifest and the checksums come last: where they are, the rest is.
  /// - Returns: false, with nothing done, when files that were to stay as they are did not.
  private func commit(
    _ manifest: Manifest, _ files: [KitFile], _ release: KernelRelease
  ) throws -> Bool {
    // Another kernel's kit may come into the same folder now: the checksums are of both.
    let lock = FolderLock(places.folder)
    defer { lock.unlock() }
    guard files.allSatisfy(\.isInPlace) else { return false }
    let manifestFile = try KitFile.make(
      "\(places.folder)/\(Kit.manifestName(release))", JSON.encode(manifest))
    let own = manifest.outputs + [manifestFile.description]
    let stale = staleFiles(manifest, release)
    let sumsFile = try KitFile.make(
      "\(places.folder)/\(Checksums.fileName)", checksums(own, without: stale, release).bytes)
    var transaction = FileTransaction()
    for output in (files + [manifestFile, sumsFile]).compactMap(\.output) {
      transaction.add(output)
    }
    for name in stale { transaction.remove("\(places.folder)/\(name)") }
    // A run that was killed after all came to its place leaves nothing to write, but the earlier files.
    TemporaryPaths.tidy(places.folder)
    try transaction.commit(jobs: jobs)
    return true
  }

  /// What an earlier build of this kernel has made in the folder and this one has not: an unpacked
  /// kernel, or the modules disk in another format, which would be taken for this kit's.
  private func staleFiles(_ manifest: Manifest, _ release: KernelRelease) -> [String] {
    guard
      let earlier = try? Kit.manifest("\(places.folder)/\(Kit.manifestName(release))"),
      earlier.kernel == release.description
    else { return [] }
    let own = Set(manifest.outputs.map(\.file))
    return Set(earlier.outputs.map(\.file)).subtracting(own).sorted().filter { name in
      guard let part = Kit.Part(name, release), [.vmlinux, .modulesDisk].contains(part)
      else { return false }
      return FileTree.status("\(places.folder)/\(name)")?.kind == .file
    }
  }

  /// Those of the kit's own files, and of other kernels' in the folder.
  private func checksums(
    _ own: [Manifest.Output], without stale: [String], _ release: KernelRelease
  ) throws -> Checksums {
    var checksums = Checksums(own)
    let path = "\(places.folder)/\(Checksums.fileName)"
    guard FileTree.status(path) != nil else { return checksums }
    checksums.add(try Checksums(reading: path)) { name in
      !own.contains { $0.file == name } && !stale.contains(name)
        && Kit.Part(name, release) == nil && name != Kit.manifestName(release)
        && FileTree.status("\(places.folder)/\(name)") != nil
    }
    return checksums
  }
}

/// A kit's RAM disk, and what the manifest says of it.
struct RamDiskPart {
  var file: KitFile
  var description: RamDisk.Description
}
