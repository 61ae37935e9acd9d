internal import Basics
internal import Formats

/// Goes through the files and folders of a user's own module tree as depmod(8) does: links are followed wherever
/// they lead. What a package holds never comes here.
package struct ModuleTreeWalk {
  /// Folders that link to each other can hold more paths than there are atoms.
  private static let entryLimit = 1 << 20
  /// The most omissions that are named.
  private static let namedOmissions = 20

  /// Whether a path is passed over without a word.
  private let isPassedOver: (_ below: String, _ name: String, _ isLink: Bool) -> Bool
  private var entries = 0
  private var root = ""
  /// Real paths of the folders that the walk is in, outermost first.
  private var above: [String] = []
  private var omitted: [String] = []

  /// Makes a walk.
  /// - Parameter passingOver: returns whether a path is passed over without a word.
  package init(passingOver: @escaping (_ below: String, _ name: String, _ isLink: Bool) -> Bool) {
    isPassedOver = passingOver
  }

  /// What was left out and why, one line each.
  package var warnings: [String] {
    guard omitted.count > Self.namedOmissions else { return omitted }
    let rest = omitted.count - Self.namedOmissions
    return omitted.prefix(Self.namedOmissions) + ["\(counted(rest, "more path")) left out"]
  }

  /// Hands on files and folders with their paths below the folder, after `prefix`, in the byte order of whole
  /// paths: `a-b` comes before `a/b`.
  /// - Throws: `FormatError` for a folder that can't be read or paths that are too many, and what `receive` throws.
  package mutating func forEachEntry(
    in folder: String, prefix: String,
    _ receive: (_ path: String, _ isFolder: Bool) throws -> Void
  ) throws {
    root = FileTree.realPath(folder) ?? folder
    try visit(folder, real: root, prefix: prefix, receive)
  }

  private struct Entry {
    var name: String
    var isFolder: Bool
    /// The path without links.
    var real: String
  }

  private mutating func visit(
    _ folder: String, real: String, prefix: String,
    _ receive: (_ path: String, _ isFolder: Bool) throws -> Void
  ) throws {
    above.append(real)
    defer { above.removeLast() }
    let found = try list(folder, real: real, prefix: prefix)
    var steps = found.map { (key: $0.name, folder: Entry?.none, entry: $0) }
    let folders = found.filter(\.isFolder)
    steps += folders.map { ($0.name + "/", $0, $0) }
    if !folders.isEmpty { steps.sort { $0.key.isBefore($1.key) } }
    for (key, below, entry) in steps {
      if let below {
        try visit("\(folder)/\(below.name)", real: below.real, prefix: prefix + key, receive)
      } else {
        try receive(prefix + key, entry.isFolder)
      }
    }
  }

  private mutating func list(
    _ folder: String, real: String, prefix: String
  ) throws -> [Entry] {
    var found: [Entry] = []
    for (name, kind) in try FileTree.entries(in: folder) {
      guard var kind, !isPassedOver(prefix + name, name, kind == .symbolicLink) else { continue }
      entries += 1
      guard entries < Self.entryLimit else {
        throw FormatError(.limit, "more than \(Self.entryLimit) entries", path: [root])
      }
      var real = "\(real)/\(name)"
      if kind == .symbolicLink {
        guard let target = FileTree.realPath("\(folder)/\(name)"),
          let targetKind = FileTree.status(target)?.kind
        else {
          omitted.append("\(prefix)\(name): skipped: dangling link")
          continue
        }
        guard targetKind != .directory || !above.contains(target) else {
          omitted.append("\(prefix)\(name): skipped: link to a parent folder")
          continue
        }
        kind = targetKind
        real = target
      }
      guard kind == .file || kind == .directory else {
        omitted.append("\(prefix)\(name): skipped: neither a file nor a folder")
        continue
      }
      found.append(Entry(name: name, isFolder: kind == .directory, real: real))
    }
    return found
  }
}
