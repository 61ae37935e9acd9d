internal import Basics
package import Formats

/// The modules of a disk that an earlier build has made, and what it knew of them: a RAM disk can be made of them
/// without their packages, and without looking into the disk.
package struct CachedModuleStore: ModuleStore {
  private let whole: ModuleIndex
  private let places: [String: Ext4FilePlace]
  private let image: any DiskImageReader

  /// - Throws: `KitError.invalid` for modules that need each other in a circle.
  package init(_ records: ModuleRecords, on image: any DiskImageReader) throws {
    whole = try ModuleIndex(records.records.map { ($0.path, $0.facts) }, lists: records.lists)
    places = Dictionary(
      records.records.map { ($0.path, $0.place) }, uniquingKeysWith: { first, _ in first })
    self.image = image
  }

  /// Returns the index as it was stored, which is whole.
  package func index() -> ModuleIndex { whole }
  /// Returns the index as it was stored.
  package func wholeIndex() -> ModuleIndex { whole }

  /// Returns the bytes of a module, from the stored disk.
  /// - Throws: `FormatError` when there is none or it can't be read.
  package func contents(of path: String) throws -> [UInt8] {
    guard let place = places[path] else {
      throw KitError(.missing, "the modules disk has no file \(path.quoted)")
    }
    return try SourceReader(
      place.source { cluster in
        try image.read(at: cluster * DiskImage.clusterSize, count: DiskImage.clusterSize)
      }
    ).readToEnd(limit: ModuleTree.sizeLimit)
  }
}
