/// An entry of modules.ramfs: a module or a folder, whose path may have wildcards.
struct ModulePathPattern {
  /// Below the tree, without the slashes around them.
  private let literals: [[UInt8]]
  private let globs: [GlobPattern]
  private let isEverything: Bool

  /// - Parameter entry: below the tree or below its folder `kernel`.
  init(_ entry: String) {
    let path = entry.utf8.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
    let text = Array(path.joined(separator: [UInt8(ascii: "/")]))
    let cut = Self.withoutCompression(text)
    isEverything = text.isEmpty
    let candidates = [cut, Array("kernel/".utf8) + cut]
    let patterns = candidates.map { GlobPattern($0, isPath: true) }
    let isLiteral = patterns.allSatisfy(\.isLiteral)
    literals = isLiteral ? candidates : []
    globs = isLiteral ? [] : patterns
  }

  /// Whether the module at a path is meant, or a folder that it is in.
  /// - Parameter path: as `withoutCompression` makes it.
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

  /// A path that ends with `.ko`, whatever the file is compressed with.
  static func withoutCompression(_ path: [UInt8]) -> [UInt8] {
    for suffix in ModuleName.suffixes where suffix != ".ko" {
      let suffix = Array(suffix.utf8)
      if path.count > suffix.count, path.suffix(suffix.count).elementsEqual(suffix) {
        return Array(path.dropLast(suffix.count - 3))
      }
    }
    return path
  }
}
