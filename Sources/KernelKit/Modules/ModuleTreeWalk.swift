internal import Formats

/// Finds the modules below a folder. Links are followed as long as they stay below it.
struct ModuleTreeWalk {
  /// Folders that link to each other can hold more paths than there are atoms.
  private static let entryLimit = 1 << 20

  /// Names of folders and files that are passed over.
  let excluded: Set<String>
  private var entries = 0
  private var root = ""
  /// Real paths of the folders that the walk is in, outermost first.
  private var above: [String] = []

  init(excluded: Set<String>) {
    self.excluded = excluded
  }

  /// Hands on their paths below the folder, after `prefix`, in byte order.
  mutating func forEachModule(
    in folder: String, prefix: String, _ receive: (String) throws -> Void
  ) throws {
    root = FileTree.realPath(folder) ?? folder
    try visit(folder, real: root, prefix: prefix, receive)
  }

  private mutating func visit(
    _ folder: String, real: String, prefix: String, _ receive: (String) throws -> Void
  ) throws {
    above.append(real)
    defer { above.removeLast() }
    for (name, kind) in try FileTree.entries(in: folder) where !excluded.contains(name) {
      entries += 1
      guard entries < Self.entryLimit else {
        throw FormatError(.limit, "more than \(Self.entryLimit) entries", path: [root])
      }
      let path = "\(folder)/\(name)"
      guard var kind else { continue }
      var real = "\(real)/\(name)"
      if kind == .symbolicLink {
        guard let target = FileTree.realPath(path), target.hasPrefix(root + "/"),
          !above.contains(target), let targetKind = FileTree.status(target)?.kind
        else { continue }
        kind = targetKind
        real = target
      }
      if kind == .directory {
        try visit(path, real: real, prefix: "\(prefix)\(name)/", receive)
      } else if kind == .file, ModuleName.isModuleFile(name) {
        try receive(prefix + name)
      }
    }
  }
}
