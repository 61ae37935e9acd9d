internal import Basics
internal import Formats
internal import Machines
internal import Modules
internal import Packages

/// Results of earlier builds of the same inputs: the files that come of a kernel's packages alone, and
/// RAM disks.
///
/// What a result was made of is its key: the program itself, the packages' SHA-256, every option, what
/// is in the template and the lists, SOURCE_DATE_EPOCH. What is not as it was stored is made again, and
/// nothing that is wrong with the cache fails a build.
struct KitCache {
  private struct KernelDetails: Codable {
    var release: String
    var architecture: MachineModel.Architecture
    var timestamp: Int
    var warnings: [String]
  }

  /// The file with what later RAM disks need of the modules. It is no part of a kit.
  private static let recordsName = "modules.records"

  private let results: ResultCache
  private let options: KitBuilder.Options
  private let kernelKey: ResultCache.Key
  private let ramDiskKey: ResultCache.Key

  /// - Parameter template: the SHA-256 of what is in it.
  /// - Returns: nil for a kernel that nothing is kept of: a folder has no hash.
  init?(
    _ inputs: [Manifest.Input], _ options: KitBuilder.Options, template: Background<String>,
    _ environment: KitEnvironment
  ) throws {
    let packages = inputs.compactMap(\.sha256)
    guard packages.count == inputs.count, !packages.isEmpty else { return nil }
    let program = Background(jobs: options.disk.jobs) { try ProgramIdentity.digest() }
    let epoch = environment.sourceDateEpoch.map(String.init) ?? "none"
    results = ResultCache(environment)
    self.options = options
    kernelKey = ResultCache.Key(
      ["kernel", try program.value(), epoch] + Self.ofKernel(options) + packages)
    ramDiskKey = ResultCache.Key(
      ["RAM disk", kernelKey.name, try template.value()] + Self.description(options))
  }

  /// All options but for those that say where files are and how many cores there are, each with its name.
  static func description(_ options: KitBuilder.Options) -> [String] {
    let lists = options.ramDisk.lists
    return ofKernel(options) + [
      "compression", options.ramDisk.compression.rawValue,
      "coldplug", "\(options.ramDisk.hasColdplug)",
      "modules as shipped", "\(options.ramDisk.keepsModulesAsShipped)",
      "debug stripped in the RAM disk", "\(options.ramDisk.stripsDebug)",
      "profile", lists.profile.map { "is \($0)" } ?? "none",
    ] + description("modules", lists.modules) + description("autoload", lists.autoload)
  }

  private static func description(_ title: String, _ list: ModuleList?) -> [String] {
    guard let list else { return [title, "none"] }
    let style =
      switch list.style {
      case .paths: "paths"
      case .names: "names"
      }
    return [title, "is", list.name, style, list.text]
  }

  /// Options without those that are the RAM disk's alone.
  static func ofKernel(_ options: KitBuilder.Options) -> [String] {
    let disk = options.disk
    return [
      "format", disk.format.rawValue, "disk compression", disk.compression.rawValue,
      "size", disk.size.map(String.init) ?? "none", "smallest", "\(disk.isSmallest)",
      "debug stripped", "\(disk.stripsDebug)",
      "kernel format", options.kernelFormat.rawValue, "added modules",
    ] + options.addedModules.map(FileTree.name)
  }

  /// - Returns: nil when they have to be made.
  func kernelParts() -> KernelParts? {
    guard let entry = results.find(kernelKey, KernelDetails.self), entry.files.count >= 3,
      let release = try? KernelRelease(entry.details.release)
    else { return nil }
    let image = entry.files[1]
    do {
      // The largest of the files beside the others.
      let disk = Background(jobs: options.disk.jobs) { try restore(image, kernelKey) }
      let files = try entry.files[2...].map { try restore($0, kernelKey) }
      let records = try results.bytes(kernelKey, entry.files[0])
      // What was hashed: the file in its place, or the one that was copied.
      let hashed = try disk.value().kept ?? InputFile(results.path(kernelKey, image.file))
      let configuration = try files.first {
        Kit.Part($0.description.file, release) == .configuration
      }?
      .start(count: KernelConfiguration.sizeLimit)
      return KernelParts(
        release: release, architecture: entry.details.architecture,
        timestamp: entry.details.timestamp, files: files, disk: disk,
        configuration: configuration.map(KernelConfiguration.init(reading:)),
        warnings: entry.details.warnings,
        modules: {
          try ModuleRecords(reading: records)
            .modules(on: DiskImage.open(hashed))
        })
    } catch {
      // What is wrong may be the cache's or the kit's folder: what is made anew is stored anew.
      return nil
    }
  }

  /// - Returns: nil when it has to be made.
  func ramDisk() -> RamDiskPart? {
    guard let entry = results.find(ramDiskKey, RamDiskPart.Details.self),
      let file = entry.files.first
    else { return nil }
    guard let restored = try? restore(file, ramDiskKey) else { return nil }
    return RamDiskPart(file: restored, details: entry.details)
  }

  private func restore(_ file: Manifest.Output, _ key: ResultCache.Key) throws -> KitFile {
    try KitFile.restore(file, in: options.folder, from: results.path(key, file.file))
  }

  /// Keeps what was made, from the files in their places.
  func store(_ kernel: KernelParts, _ records: ModuleRecords) throws {
    let records = try records.bytes()
    guard let disk = try kernel.disk?.value() else { return }
    let files = [disk] + kernel.files
    let description = Manifest.Output(
      file: Self.recordsName, size: records.count, sha256: Digest.sha256(of: records))
    try results.store(
      kernelKey,
      ResultCache.Entry(
        files: [description] + files.map(\.description),
        details: KernelDetails(
          release: kernel.release.description, architecture: kernel.architecture,
          timestamp: kernel.timestamp, warnings: kernel.warnings)),
      label: "kernel \(kernel.release)",
      from: [MemorySource(records)] + files.map { try $0.source() })
  }

  /// Keeps what was made, from the file in its place.
  func store(_ ramDisk: RamDiskPart, of release: KernelRelease) throws {
    try results.store(
      ramDiskKey,
      ResultCache.Entry(
        files: [ramDisk.file.description], details: ramDisk.details),
      label: "RAM disk of \(release)", from: [ramDisk.file.source()])
  }
}
