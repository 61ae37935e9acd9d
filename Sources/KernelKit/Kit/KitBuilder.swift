internal import Crypto
internal import Formats
internal import Logging

/// The main job: from a kernel's packages to the files that a VM boots from, in one pass.
public struct KitBuilder: Sendable {
  public struct Options: Sendable {
    /// Where the kit goes.
    public var folder: String
    /// A folder with `init` and what it needs.
    public var template: String
    public var lists: ModuleLists
    public var disk: ModulesDisk.Options
    public var compression: InitramfsCompression
    /// Whether coldplug is added to a template that has none.
    public var hasColdplug: Bool
    /// Modules that are compressed in the package are so in the RAM disk, too.
    public var keepsModulesAsShipped: Bool
    /// `vmlinux` for an unpacked kernel beside the package's own.
    public var kernelFormat: KernelFormat

    public init(
      folder: String, template: String, lists: ModuleLists, disk: ModulesDisk.Options,
      compression: InitramfsCompression, hasColdplug: Bool = true,
      keepsModulesAsShipped: Bool = false, kernelFormat: KernelFormat = .vmlinuz
    ) {
      self.hasColdplug = hasColdplug
      self.folder = folder
      self.template = template
      self.lists = lists
      self.disk = disk
      self.compression = compression
      self.keepsModulesAsShipped = keepsModulesAsShipped
      self.kernelFormat = kernelFormat
    }
  }

  private let source: KernelSource
  private let inputs: [Manifest.Input]
  private let options: Options
  private let environment: KitEnvironment

  /// - Parameter inputs: what the manifest says of where the kernel comes from.
  public init(
    _ source: KernelSource, inputs: [Manifest.Input], options: Options, environment: KitEnvironment
  ) {
    self.source = source
    self.inputs = inputs
    self.options = options
    self.environment = environment
  }

  /// Builds all files of the kit and puts them in their places, all or none.
  public func build() throws -> Manifest {
    try FileTree.withDirectories(options.folder) { try buildFiles() }
  }

  private func buildFiles() throws -> Manifest {
    var parts = Parts()
    var done = 0
    let release = try source.forEachEntry(jobs: options.disk.jobs) { entry, body in
      let release = entry.role.release
      switch entry.role {
      case .kernel:
        guard entry.kind == .file else { return }
        parts.kernel = try copy(to: "vmlinuz-\(release)", body)
      case .configuration:
        guard entry.kind == .file else { return }
        let bytes = try SourceReader(body).readToEnd(limit: KernelConfiguration.sizeLimit)
        parts.configuration = try copy(to: "config-\(release)", MemorySource(bytes))
        parts.kernelConfiguration = KernelConfiguration(reading: bytes)
      case .moduleTree(_, let below):
        try parts.modulesDisk(release, options, environment).add(below, entry, body)
      }
      done += entry.size
      environment.progress.report("reading \(release)", done, nil)
    }
    guard let kernel = parts.kernel else {
      throw KitError(
        .invalid, "kernel \(release) has modules, but no vmlinuz",
        advice: "give all of its packages")
    }
    guard let disk = parts.disk, let diskOutput = parts.diskOutput else {
      throw KitError(
        .invalid, "kernel \(release) has a vmlinuz, but no modules",
        advice: "give all of its packages")
    }
    environment.progress.report("modules disk", done, nil)
    let index = try disk.finish()
    index.warnings.forEach { environment.log.warning("\($0)") }
    environment.progress.report("RAM disk", done, nil)
    let ramDisk = try RamDisk(
      release, template: .folder(options.template), lists: options.lists,
      configuration: parts.kernelConfiguration, compression: options.compression,
      hasColdplug: options.hasColdplug, keepsModulesAsShipped: options.keepsModulesAsShipped
    ).make(
      from: index, timestamp: disk.timestamp, jobs: options.disk.jobs, contents: disk.contents)
    ramDisk.warnings.forEach { environment.log.warning("\($0)") }
    let initramfs = try HashedOutput("\(options.folder)/initramfs-\(release)")
    try initramfs.append(ramDisk.bytes)
    let (image, vmlinux) = try unpack(kernel, release)
    let architecture = MachineModel.Architecture(image.machine)
    let roots = try RootCheck(
      release, kernel: index, configuration: parts.kernelConfiguration,
      inside: Set(ramDisk.modules.map { ModuleName.name(ofPath: $0.path) }), hasModulesDisk: true
    ).roots(of: options.lists.profile, architecture)
    let outputs = [kernel, vmlinux, parts.configuration, initramfs].compactMap { $0 }
    var descriptions = outputs.map { $0.description() }
    descriptions.append(try Self.describe(diskOutput))
    let manifest = Manifest(
      minivm: Minivm.version, kernel: release.description,
      architecture: architecture.rawValue,
      timestamp: disk.timestamp, inputs: inputs,
      programs: (try RamdiskTemplate(options.template).programs() + ramDisk.programs)
        .sorted { $0.path < $1.path },
      options: Manifest.Options(
        profile: options.lists.profile?.description, diskSize: options.disk.size,
        diskFormat: options.disk.format.rawValue,
        diskCompression: options.disk.compression.rawValue,
        initramfsCompression: ramDisk.compression.rawValue,
        modulesAsShipped: options.keepsModulesAsShipped ? true : nil),
      outputs: descriptions.sorted { $0.file < $1.file },
      initramfsModules: ramDisk.modules, initramfsAbsent: ramDisk.absent, roots: roots)
    environment.progress.report("writing to the disk", done, nil)
    try commit(manifest, outputs.map(\.file) + [diskOutput], release)
    environment.progress.end()
    return manifest
  }

  /// What one pass over the source leaves behind.
  private struct Parts {
    var kernel: HashedOutput?
    var configuration: HashedOutput?
    var kernelConfiguration: KernelConfiguration?
    var disk: ModulesDisk?
    var diskOutput: OutputFile?

    /// The disk, which is begun when the first of its files comes.
    mutating func modulesDisk(
      _ release: KernelRelease, _ options: Options, _ environment: KitEnvironment
    ) throws -> ModulesDisk {
      if let disk { return disk }
      let name = "modules-\(release).\(options.disk.format.rawValue)"
      let output = try OutputFile(replacing: "\(options.folder)/\(name)")
      let disk = try ModulesDisk(
        release, output: output, options: options.disk,
        sourceDateEpoch: environment.sourceDateEpoch)
      self.disk = disk
      diskOutput = output
      return disk
    }
  }

  private func copy(to name: String, _ body: any ByteSource) throws -> HashedOutput {
    let output = try HashedOutput("\(options.folder)/\(name)")
    try body.forEachPiece { try output.append($0) }
    return output
  }

  /// What kind of a kernel it is, and, where that is wanted, the kernel proper.
  private func unpack(
    _ kernel: HashedOutput, _ release: KernelRelease
  ) throws -> (KernelImage, HashedOutput?) {
    try inside(FileTree.name(of: kernel.file.path)) {
      let image = try KernelImage(size: kernel.size, read: kernel.file.read)
      guard options.kernelFormat == .vmlinux else { return (image, nil) }
      let output = try HashedOutput("\(options.folder)/\(KernelFormat.vmlinux.rawValue)-\(release)")
      try image.unpack(read: kernel.file.read) { try output.append($0) }
      return (image, output)
    }
  }

  private static func describe(_ file: OutputFile) throws -> Manifest.Output {
    var hash = SHA256()
    var size = 0
    while true {
      let piece = try file.read(at: size, count: 1 << 20)
      if piece.isEmpty { break }
      hash.update(data: piece)
      size += piece.count
    }
    return Manifest.Output(
      file: FileTree.name(of: file.path), size: size, sha256: Digest.text(hash.finalize()))
  }

  /// The manifest and the checksums come last: where they are, the rest is.
  private func commit(
    _ manifest: Manifest, _ files: [OutputFile], _ release: KernelRelease
  ) throws {
    // Another kernel's kit may come into the same folder now: the checksums are of both.
    let lock = FolderLock(options.folder)
    defer { withExtendedLifetime(lock) {} }
    let text = try JSON.encode(manifest)
    let name = "manifest-\(release).json"
    let manifestFile = try HashedOutput("\(options.folder)/\(name)")
    try manifestFile.append(text)
    let sumsFile = try HashedOutput("\(options.folder)/SHA256SUMS")
    let own = manifest.outputs + [manifestFile.description()]
    try sumsFile.append(Array(try sums(own, release).utf8))
    try OutputFile.commit(files + [manifestFile.file, sumsFile.file])
  }
}

extension KitBuilder {
  /// What sha256sum(1) checks: the kit's own files, and those of other kernels in the folder.
  private func sums(_ own: [Manifest.Output], _ release: KernelRelease) throws -> String {
    var lines = own.map { "\($0.sha256)  \($0.file)" }
    let path = "\(options.folder)/SHA256SUMS"
    if FileTree.status(path) != nil {
      let earlier = try InputFile(path).readAll(limit: 1 << 20)
      lines += String(decoding: earlier, as: UTF8.self).split(separator: "\n").map(String.init)
        .filter { line in
          let name = String(line.dropFirst(66))
          return !own.contains { $0.file == name } && !name.isEmpty
            && !name.contains("-\(release).")
            && FileTree.status("\(options.folder)/\(name)") != nil
        }
    }
    return lines.sorted { $0.dropFirst(66) < $1.dropFirst(66) }.map { $0 + "\n" }.joined()
  }
}

/// The program itself.
public enum Minivm {
  public static let version = "0.1.0"
}
