internal import Basics
internal import Formats
internal import Modules

extension Kit {
  /// The kernel's configuration; nil when the kit has none.
  func configuration() throws -> KernelConfiguration? {
    let path = "\(folder)/\(Part.configuration.fileName(release))"
    guard FileTree.status(path, followingLink: true) != nil else { return nil }
    return KernelConfiguration(
      reading: try InputFile(path).readAll(limit: KernelConfiguration.sizeLimit))
  }

  /// Whether the kernel has no modules: it was built without them, or `build` found none to put on a disk.
  var hasNoModules: Bool {
    get throws {
      if modulesDisk != nil { return false }
      if try configuration()?.hasNoModules == true { return true }
      guard let manifest = try manifest() else { return false }
      return !manifest.outputs.contains { Part($0.file, release) == .modulesDisk }
    }
  }

  /// What the kit was made of; nil when it has no manifest.
  func manifest() throws -> Manifest? {
    try Self.manifest("\(folder)/\(Self.manifestName(release))")
  }

  /// - Parameter path: of a manifest.
  static func manifest(_ path: String) throws -> Manifest? {
    guard FileTree.status(path, followingLink: true) != nil else { return nil }
    do {
      return try JSON.decode(Manifest.self, from: InputFile(path).readAll(limit: 1 << 26))
    } catch is DecodingError {
      throw KitError(
        .invalid, "\(path): is not a manifest written by minivm",
        advice: "build the kit again")
    }
  }
}
