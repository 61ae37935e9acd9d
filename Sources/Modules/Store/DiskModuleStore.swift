internal import Basics
internal import Formats

/// The modules of a kit's modules disk, at `/VER` of an ext4 image.
package struct DiskModuleStore: ModuleStore {
  private let path: String
  private let image: Ext4Reader
  private let release: KernelRelease
  private let jobs: Int
  /// What the disk's own indexes say.
  private let summary: ModuleIndex

  /// Reads the disk's indexes, which takes some milliseconds.
  /// - Throws: `FormatError` for a disk that can't be read, `KitError.invalid` for one without the kernel's modules or
  ///   with modules that need each other in a circle.
  package init(_ path: String, _ release: KernelRelease, jobs: Int) throws {
    (self.path, self.release, self.jobs) = (path, release, jobs)
    let image = try inside(path) { try Ext4Reader(DiskImage.open(InputFile(path))) }
    self.image = image
    summary = try ModuleIndex(
      reading: ModuleIndex.Texts { name in
        try inside(path) {
          try image.contents(of: "\(release)/\(name)", limit: ModuleTree.sizeLimit)
        }
      })
    guard !summary.modules.isEmpty else {
      throw KitError(
        .invalid, "\(path): has no modules of \(release)", advice: "build the kit again")
    }
  }

  /// Returns what the disk's own indexes say.
  package func index() -> ModuleIndex { summary }

  /// Returns the index of all that the modules say, which are read for it.
  /// - Throws: `KitError.invalid` for modules that need each other in a circle, `FormatError` for what can't be read.
  package func wholeIndex() throws -> ModuleIndex {
    let builder = ModuleIndexBuilder(jobs: jobs)
    try forEachModule { try builder.collect($0, bytes: $1) }
    return try builder.index(lists: summary.lists)
  }

  /// Returns the bytes of a module.
  /// - Throws: `FormatError` when there is none or it can't be read.
  package func contents(of below: String) throws -> [UInt8] {
    try inside(path) {
      guard let bytes = try image.contents(of: "\(release)/\(below)", limit: ModuleTree.sizeLimit)
      else { throw FormatError(.malformed, "has no file \(below.quoted)") }
      return bytes
    }
  }
}
