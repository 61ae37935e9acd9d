internal import Basics
internal import Formats
internal import Modules

/// What is in a kit, its images included: what `diff` and `verify` compare.
struct KitListing: Sendable {
  let folder: String
  let release: KernelRelease
  /// Names, sizes and hashes of what is there.
  let files: [Kit.Part: Manifest.Output]

  /// - Parameters:
  ///   - names: files to look for; nil for all that are there.
  ///   - jobs: how many files are hashed at once.
  /// - Throws: `FormatError.io` for what can't be read.
  init(
    folder: String, release: KernelRelease, names wanted: Set<String>? = nil, jobs: Int
  ) throws {
    self.folder = folder
    self.release = release
    let names = try FileTree.textNames(in: folder).filter { wanted?.contains($0) ?? true }
    let found = names.compactMap { name in Kit.Part(name, release).map { ($0, name) } }
    let files = try OrderedWork.map(found, jobs: jobs) { part, name in
      let file = try InputFile("\(folder)/\(name)")
      return (
        part,
        Manifest.Output(file: name, size: file.size, sha256: try Digest.sha256(of: file))
      )
    }
    self.files = Dictionary(files, uniquingKeysWith: { first, _ in first })
  }

  func path(_ part: Kit.Part) -> String? { files[part].map { "\(folder)/\($0.file)" } }

  /// What an image holds; nil for a part that is not there, or no image.
  func image(_ part: Kit.Part) throws -> ImageListing? {
    guard let path = path(part) else { return nil }
    switch part {
    case .initramfs: return try ImageListing(ramDisk: path)
    case .modulesDisk: return try ImageListing(disk: path)
    default: return nil
    }
  }

  /// Where an image has its modules.
  func tree(_ part: Kit.Part) -> String {
    part == .initramfs ? "lib/modules/\(release)" : release.description
  }

  func configuration() throws -> KernelConfiguration? {
    try path(.configuration).map {
      KernelConfiguration(
        reading: try InputFile($0).readAll(limit: KernelConfiguration.sizeLimit))
    }
  }
}
