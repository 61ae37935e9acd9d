/// An entry of modules.ramfs: a module or a folder, whose path may have wildcards.
struct ModulePathPattern {
  /// Below the tree, without the slashes around it.
  private let candidates: [GlobPattern]
  private let isEverything: Bool

  /// - Parameter entry: below the tree or below its folder `kernel`.
  init(_ entry: String) {
    let path = entry.utf8.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
    let text = Array(path.joined(separator: [UInt8(ascii: "/")]))
    let cut = Self.withoutCompression(text)
    isEverything = text.isEmpty
    candidates = [
      GlobPattern(cut, isPath: true), GlobPattern(Array("kernel/".utf8) + cut, isPath: true),
    ]
  }

  /// Whether the module at a path is meant, or a folder that it is in.
  func matches(_ path: String) -> Bool {
    if isEverything { return true }
    let path = Self.withoutCompression(Array(path.utf8))
    return candidates.contains { candidate in
      if candidate.matches(path) { return true }
      return path.indices.contains {
        path[$0] == UInt8(ascii: "/") && candidate.matches(path[..<$0])
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
