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
    var architecture: Architecture
    var timestamp: Int
    var warnings: [String]
  }

  /// The file with what later RAM disks need of the modules. It is no part of a kit.
  private static let recordsName = "modules.records"

  private let results: ResultCache
  private let folder: String
  private let jobs: Int
  private let kernelKey: ResultCache.Key
  private let ramDiskKey: ResultCache.Key

  /// - Parameter template: the SHA-256 of what is in it.
  /// - Returns: nil for a kernel that nothing is kept of: a folder has no hash.
  init?(
    _ inputs: [Manifest.Input], _ places: BuildPlaces, _ options: BuildOptions,
    template: Background<String>, in cache: Cache, _ clock: Clock, jobs: Int
  ) throws {
    let packages = inputs.compactMap(\.sha256)
    guard packages.count == inputs.count, !packages.isEmpty else { return nil }
    let program = Background(jobs: jobs) { try ProgramIdentity.digest() }
    let epoch = clock.sourceDateEpoch.map(String.init) ?? "none"
    results = ResultCache(cache, clock)
    (folder, self.jobs) = (places.folder, jobs)
    kernelKey = ResultCache.Key(
      ["kernel", try program.value(), epoch, try Self.description(options.ofKernel)] + packages
        + ["added modules"] + places.addedModules.map(FileTree.name))
    ramDiskKey = ResultCache.Key(
      ["RAM disk", kernelKey.name, try template.value(), try Self.description(options)]
        + Self.texts(of: options.lists))
  }

  /// As JSON: an option that is added comes into the keys by itself.
  static func description(_ options: BuildOptions) throws -> String {
    String(decoding: try JSON.encode(options), as: UTF8.self)
  }

  /// What `description` has not of the lists.
  static func texts(of lists: ModuleLists) -> [String] {
    [("modules", lists.modules), ("autoload", lists.autoload)].flatMap { title, list in
      guard let list else { return [title, "none"] }
      return [title, "is", list.name, list.style.rawValue, list.text]
    }
  }

  /// - Returns: nil when they have to be made.
  func kernelParts() -> KernelParts? {
    guard let entry = results.find(kernelKey, KernelDetails.self), entry.files.count >= 3,
      let release = try? KernelRelease(entry.details.release)
    else { return nil }
    let image = entry.files[1]
    do {
      // The largest of the files beside the others.
      let disk = Background(jobs: jobs) { try restore(image, kernelKey) }
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
        modules: try CachedModuleStore(ModuleRecords(reading: records), on: DiskImage.open(hashed)))
    } catch {
      // What is wrong may be the cache's or the kit's folder: what is made anew is stored anew.
      return nil
    }
  }

  /// - Returns: nil when it has to be made.
  func ramDisk() -> RamDiskPart? {
    guard let entry = results.find(ramDiskKey, RamDisk.Description.self),
      let file = entry.files.first
    else { return nil }
    guard let restored = try? restore(file, ramDiskKey) else { return nil }
    return RamDiskPart(file: restored, description: entry.details)
  }

  private func restore(_ file: Manifest.Output, _ key: ResultCache.Key) throws -> KitFile {
    try KitFile.restore(file, in: folder, from: results.path(key, file.file))
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
        files: [ramDisk.file.description], details: ramDisk.description),
      label: "initramfs of \(release)", from: [ramDisk.file.source()])
  }
}
