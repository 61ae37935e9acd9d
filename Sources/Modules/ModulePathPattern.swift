/// An entry of modules.ramfs: a module or a folder, whose path may have wildcards.
struct ModulePathPattern {
  /// Below the tree, without the slashes around them.
  private let literals: [[UInt8]]
  private let globs: [GlobPattern]
  private let isEverything: Bool

  /// - Parameter entry: below the tree or below its folder `kernel`.
  init(_ entry: String) {
    let text = entry.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    let cut = Array(ModuleName.uncompressed(text).utf8)
    isEverything = text.isEmpty
    let candidates = [cut, Array("kernel/".utf8) + cut]
    let patterns = candidates.map { GlobPattern($0) }
    let isLiteral = patterns.allSatisfy(\.isLiteral)
    literals = isLiteral ? candidates : []
    globs = isLiteral ? [] : patterns
  }

  /// Whether the module at a path is meant, or a folder that it is in.
  /// - Parameter path: without what compression adds to its end.
  func matches(_ path: [UInt8]) -> Bool {
    if isEverything { return true }
    for literal in literals where path.starts(with: literal) {
      if path.count == literal.count || path[literal.count] == UInt8(ascii: "/") { return true }
    }
    return globs.contains { glob in
      glob.matches(path[...])
        || path.indices.contains {
          path[$0] == UInt8(ascii: "/") && glob.matches(path[..<$0])
        }
    }
  }
}
