/// A kernel's modules, wherever they are: in a folder, on a disk, in the cache.
package protocol ModuleStore {
  /// Which modules there are, which needs which, and which devices they are for: enough to look one up, or to choose
  /// some. Where that can be known without looking at symbols, it is (`ModuleIndex.isWhole`).
  /// - Throws: `KitError.invalid` for modules that need each other in a circle, `FormatError` for what can't be read.
  func index() throws -> ModuleIndex

  /// The same, of all that modules say: enough to make other indexes of.
  /// - Throws: as `index`.
  func wholeIndex() throws -> ModuleIndex

  /// The bytes of a module, as its file has them.
  /// - Parameter path: below lib/modules/VER.
  /// - Throws: `FormatError` when there is none or it can't be read.
  func contents(of path: String) throws -> [UInt8]
}

extension ModuleStore {
  /// Hands on every module with its bytes, in the order of the index.
  /// - Throws: as `index` and `contents`.
  package func forEachModule(_ receive: (_ path: String, _ bytes: [UInt8]) throws -> Void) throws {
    for module in try index().modules { try receive(module.path, contents(of: module.path)) }
  }
}
