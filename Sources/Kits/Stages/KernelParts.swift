internal import Basics
internal import Formats
internal import Machines
internal import Modules
internal import Packages

/// What comes of a kernel's packages alone: its files, and its modules to make a RAM disk of.
struct KernelParts {
  var release: KernelRelease
  var architecture: Architecture
  /// Seconds since 1970, for everything that is made.
  var timestamp: Int
  /// The kernel, unpacked, too, where that is wanted, and its configuration if the packages have one.
  var files: [KitFile]
  /// The modules disk, which may still be hashed; nil for a kernel without modules.
  var disk: Background<KitFile>?
  var configuration: KernelConfiguration?
  /// What is wrong with some modules, one line each.
  var warnings: [String]
  var modules: any ModuleStore
}

/// One pass over a kernel's packages.
struct KernelPass {
  private let source: KernelSource
  private let places: BuildPlaces
  private let options: BuildOptions
  private let clock: Clock
  private let progress: Progress
  private let jobs: Int
  private var kernel: HashedOutput?
  private var configuration: HashedOutput?
  private var kernelConfiguration: KernelConfiguration?
  private(set) var disk: ModulesDisk?
  private var diskOutput: OutputFile?
  /// Seconds since 1970.
  private var newest = 0

  init(
    _ source: KernelSource, _ places: BuildPlaces, _ options: BuildOptions,
    _ clock: Clock, progress: Progress, jobs: Int
  ) {
    self.source = source
    self.places = places
    self.options = options
    (self.clock, self.progress, self.jobs) = (clock, progress, jobs)
  }

  mutating func run() throws -> KernelParts {
    var done = 0
    var warnings: [String] = []
    let release = try source.forEachEntry(
      jobs: jobs, warn: { warnings.append($0) }
    ) { entry, body in
      try take(entry, body)
      done += entry.size
      progress.report("reading \(entry.role.release)", done, nil)
    }
    guard let kernel else {
      throw KitError(
        .invalid, "kernel \(release) has modules, but no vmlinuz",
        advice: source.isFolder
          ? "put it there as vmlinuz-\(release), boot/vmlinuz-\(release) or lib/modules/\(release)/vmlinuz"
          : "give all of its packages")
    }
    progress.report("modules disk", done, nil)
    if !places.addedModules.isEmpty, disk == nil {
      throw KitError(
        .invalid, "kernel \(release) loads no modules", advice: "build it without --add-module")
    }
    let disk = disk
    let added = try AddedModules(places.addedModules, for: release)
    if let disk { try added.add(to: disk) }
    let index = try disk?.finish() ?? ModuleIndex([])
    try added.check(in: index)
    if index.modules.isEmpty { try checkHasNone(release, index) }
    let (image, vmlinux) = try unpack(kernel, release)
    let files = [kernel, vmlinux, configuration].compactMap { $0 }.map(KitFile.init)
    var parts = KernelParts(
      release: release,
      architecture: image.architecture,
      timestamp: disk?.timestamp ?? clock.sourceDateEpoch ?? newest, files: files,
      configuration: kernelConfiguration,
      warnings: warnings + (disk?.warnings ?? []) + self.warnings(of: index, release),
      modules: disk ?? NoModules())
    if let diskOutput, !index.modules.isEmpty {
      parts.disk = Background(jobs: jobs) { try KitFile(hashing: diskOutput) }
    }
    return parts
  }

  /// A kernel without modules says so in its configuration, or by a modules.order without lines.
  private func checkHasNone(_ release: KernelRelease, _ index: ModuleIndex) throws {
    if kernelConfiguration?.hasNoModules == true || index.lists.order?.isEmpty == true { return }
    throw KitError(
      .invalid, "kernel \(release) has a vmlinuz, but no modules",
      advice: kernelConfiguration == nil
        ? "give all of its packages; of a kernel without modules (CONFIG_MODULES), its config-\(release) too"
        : "give all of its packages")
  }

  /// What is wrong with some modules, and what guests may miss of a modules disk.
  private func warnings(of index: ModuleIndex, _ release: KernelRelease) -> [String] {
    if index.modules.isEmpty { return [] }
    guard let kernelConfiguration,
      index.modules.contains(where: {
        $0.path.hasSuffix(".zst") && !kernelConfiguration.unpacksModule($0.path)
      })
    else { return index.warnings }
    return index.warnings + [
      "kernel \(release) can't unpack its .ko.zst modules (CONFIG_MODULE_DECOMPRESS): guests load them with"
        + " kmod's modprobe; busybox's can't load them"
    ]
  }

  private mutating func take(_ entry: KernelSource.Entry, _ body: any ByteSource) throws {
    let release = entry.role.release
    newest = max(newest, entry.modified)
    switch entry.role {
    case .kernel:
      guard entry.kind == .file else { return }
      kernel = try copy(to: .vmlinuz, of: release, body)
    case .configuration:
      guard entry.kind == .file else { return }
      let bytes = try SourceReader(body).readToEnd(limit: KernelConfiguration.sizeLimit)
      configuration = try copy(to: .configuration, of: release, MemorySource(bytes))
      kernelConfiguration = KernelConfiguration(reading: bytes)
    case .moduleTree(_, let below):
      try modulesDisk(release).add(below, entry, body)
    }
  }

  /// The disk, which is begun when the first of its files comes.
  private mutating func modulesDisk(_ release: KernelRelease) throws -> ModulesDisk {
    if let disk { return disk }
    let output = try OutputFile(replacing: places.path(.modulesDisk, of: release, options))
    let disk = try ModulesDisk(
      release, output: output, options: options, jobs: jobs,
      sourceDateEpoch: clock.sourceDateEpoch)
    self.disk = disk
    diskOutput = output
    return disk
  }

  /// What kind of a kernel it is, and, where that is wanted, the kernel proper.
  private func unpack(
    _ kernel: HashedOutput, _ release: KernelRelease
  ) throws -> (KernelImage, HashedOutput?) {
    try inside(FileTree.name(of: kernel.file.path)) {
      let image = try KernelImage(size: kernel.size, read: kernel.file.read)
      if let own = image.release, own != release.description {
        throw KitError(
          .invalid,
          "\(FileTree.name(of: kernel.file.path)): is kernel \(own), but the modules are for \(release)",
          advice: "give a kernel and modules of one build")
      }
      guard options.kernelFormat == .vmlinux else { return (image, nil) }
      let output = try HashedOutput(places.path(.vmlinux, of: release, options))
      try image.unpack(read: kernel.file.read) { try output.append($0) }
      return (image, output)
    }
  }

  private func copy(
    to part: Kit.Part, of release: KernelRelease, _ body: any ByteSource
  ) throws -> HashedOutput {
    let output = try HashedOutput(places.path(part, of: release, options))
    try body.forEachPiece { try output.append($0) }
    return output
  }
}

/// The modules of a kernel that has none.
struct NoModules: ModuleStore {
  func index() throws -> ModuleIndex { try ModuleIndex([]) }
  func wholeIndex() throws -> ModuleIndex { try index() }

  func contents(of path: String) throws -> [UInt8] {
    throw FormatError(.malformed, "has no file \(path.quoted)")
  }
}
