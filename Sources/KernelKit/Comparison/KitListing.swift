internal import Formats

/// What is in a kit, its images included: what `diff` and `verify` compare.
struct KitListing: Sendable {
  /// The files that a kernel has in a kit. Raw values are what their names begin with.
  enum Part: String, Codable, Sendable, CaseIterable {
    case vmlinuz, vmlinux
    case configuration = "config"
    case initramfs
    case modulesDisk = "modules"

    /// - Parameter name: a file's; nil for none of this kernel's.
    init?(_ name: String, _ release: KernelRelease) {
      for part in Self.allCases {
        let plain = "\(part.rawValue)-\(release)"
        let names =
          part == .modulesDisk
          ? MachineDisk.Format.allCases.map { "\(plain).\($0.rawValue)" } : [plain]
        if names.contains(name) {
          self = part
          return
        }
      }
      return nil
    }

    /// What people call it.
    var title: String {
      switch self {
      case .vmlinuz, .vmlinux: rawValue
      case .configuration: "configuration"
      case .initramfs: "RAM disk"
      case .modulesDisk: "modules disk"
      }
    }
  }

  let folder: String
  let release: KernelRelease
  /// Names, sizes and hashes of what is there.
  let files: [Part: Manifest.Output]

  /// - Parameter names: files to look for; nil for all that are there.
  /// - Throws: `FormatError.io` for what can't be read.
  init(folder: String, release: KernelRelease, names wanted: Set<String>? = nil) throws {
    self.folder = folder
    self.release = release
    let names = try FileTree.names(in: folder).filter { wanted?.contains($0) ?? true }
    let found = names.compactMap { name in Part(name, release).map { ($0, name) } }
    let files = try OrderedWork.map(found, jobs: Machine.cores) { part, name in
      let file = try InputFile("\(folder)/\(name)")
      return (
        part,
        Manifest.Output(file: name, size: file.size, sha256: try Digest.sha256(of: file))
      )
    }
    self.files = Dictionary(files, uniquingKeysWith: { first, _ in first })
  }

  func path(_ part: Part) -> String? { files[part].map { "\(folder)/\($0.file)" } }

  /// What an image holds; nil for a part that is not there, or no image.
  func image(_ part: Part) throws -> ImageListing? {
    guard let path = path(part) else { return nil }
    switch part {
    case .initramfs: return try ImageListing(ramDisk: path)
    case .modulesDisk: return try ImageListing(disk: path)
    default: return nil
    }
  }

  /// Where an image has its modules.
  func tree(_ part: Part) -> String {
    part == .initramfs ? "lib/modules/\(release)" : release.description
  }

  func configuration() throws -> KernelConfiguration? {
    try path(.configuration).map {
      KernelConfiguration(
        reading: try InputFile($0).readAll(limit: KernelConfiguration.sizeLimit))
    }
  }
}
