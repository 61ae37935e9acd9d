package import Basics
internal import Formats
internal import Modules

/// What changed from one image to another.
///
/// Paths are compared across kernels: the release in them is `VER`.
package struct ImageChanges: Codable, Sendable, Hashable {
  package struct Moved: Codable, Sendable, Hashable {
    package var from: String
    package var to: String
  }

  /// How many modules there are.
  package var modules: [Int]
  /// By their paths below lib/modules/VER, whatever they are compressed with.
  package var added: [FileChange] = []
  package var removed: [FileChange] = []
  package var changed: [FileChange] = []
  package var moved: [Moved] = []
  /// All that is no module: programs, init, lists, indexes, links, folders.
  package var files: [FileDifference] = []
  /// Paths with another time, and nothing else.
  package var otherTimes = 0
  /// What the image says of itself: its size, its label, how it is compressed.
  package var properties: [Change] = []

  package struct FileDifference: Codable, Sendable, Hashable {
    package var path: String
    package var aspects: [ImageEntry.Aspect]
    package var from: ImageEntry?
    package var to: ImageEntry?
  }

  /// - Parameter trees: where each image has its modules: `lib/modules/6.1.0-1-amd64`.
  init(_ from: ImageListing, _ to: ImageListing, trees: (String, String)) {
    let old = from.byCommonPath(tree: trees.0)
    let new = to.byCommonPath(tree: trees.1)
    modules = [old, new].map { $0.keys.count { ModuleName.isModuleFile($0) } }
    for difference in old.differences(to: new) {
      if difference.aspects == [.time] {
        otherTimes += 1
      } else if ModuleName.isModuleFile(difference.path) {
        add(module: difference)
      } else {
        files.append(difference)
      }
    }
    findMoves()
    properties = Set(from.properties.keys).union(to.properties.keys).sorted()
      .compactMap { Change($0, from.properties[$0], to.properties[$0]) }
  }

  /// Compares two images of any kind, such as root disks.
  /// - Parameter images: two paths.
  /// - Throws: `KitError` and `FormatError` for an image that can't be read.
  package init(images: [String], jobs: Int) throws {
    let listings = try OrderedWork.map(images, jobs: min(2, jobs)) { try ImageListing(image: $0) }
    self.init(
      listings[0], listings[1], trees: (listings[0].moduleTree ?? "", listings[1].moduleTree ?? ""))
  }

  private mutating func add(module difference: FileDifference) {
    var path = difference.path[...]
    if path.hasPrefix(ImageListing.commonTree) {
      path = path.dropFirst(ImageListing.commonTree.count)
    }
    let change = FileChange(
      path: String(path), from: difference.from?.size, to: difference.to?.size)
    if change.from == nil {
      added.append(change)
    } else if change.to == nil {
      removed.append(change)
    } else {
      changed.append(change)
    }
  }

  /// A module that went from one folder to another is neither new nor gone.
  private mutating func findMoves() {
    let gone = Dictionary(
      removed.map { (ModuleName.name(ofPath: $0.path), $0.path) },
      uniquingKeysWith: { first, _ in first })
    moved = added.compactMap { change in
      gone[ModuleName.name(ofPath: change.path)].map { Moved(from: $0, to: change.path) }
    }
    let (from, to) = (Set(moved.map(\.from)), Set(moved.map(\.to)))
    removed.removeAll { from.contains($0.path) }
    added.removeAll { to.contains($0.path) }
  }

  /// Whether there is nothing to tell.
  package var isEmpty: Bool {
    added.isEmpty && removed.isEmpty && changed.isEmpty && moved.isEmpty && files.isEmpty
      && otherTimes == 0 && properties.isEmpty
  }
}

extension ImageListing {
  static let commonTree = "lib/modules/VER/"

  /// The folder with the modules of one kernel; nil where there are none, or those of several.
  fileprivate var moduleTree: String? {
    let suffix = "/modules.dep"
    let trees = entries.keys.filter { $0.hasSuffix(suffix) }
    return trees.count == 1 ? trees.first.map { String($0.dropLast(suffix.count)) } : nil
  }

  /// The entries by paths that hold for every kernel and every compression of modules.
  fileprivate func byCommonPath(tree: String) -> [String: ImageEntry] {
    Dictionary(
      entries.map { path, entry in
        if path == tree { return (String(Self.commonTree.dropLast()), entry) }
        guard path.hasPrefix(tree + "/") else { return (path, entry) }
        let below = path.utf8.dropFirst(tree.utf8.count + 1)
        return (Self.commonTree + ModuleName.uncompressed(String(Substring(below))), entry)
      }, uniquingKeysWith: { first, _ in first })
  }
}

extension [String: ImageEntry] {
  /// What is different in `other`, in order of the paths' bytes.
  func differences(to other: [String: ImageEntry]) -> [ImageChanges.FileDifference] {
    Set(keys).union(other.keys)
      .sorted { $0.isBefore($1) }
      .compactMap { path in
        let (from, to) = (self[path], other[path])
        let aspects: [ImageEntry.Aspect] =
          switch (from, to) {
          case (let from?, let to?): to.aspects(from: from)
          case (nil, _): [.added]
          case (_, nil): [.removed]
          }
        return aspects.isEmpty
          ? nil
          : ImageChanges.FileDifference(path: path, aspects: aspects, from: from, to: to)
      }
  }
}
