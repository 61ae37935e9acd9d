internal import Basics
internal import Formats

extension NearestName {
  /// The path of a module or a folder that is nearest to an entry of modules.ramfs.
  static func path(to entry: String, among paths: [String]) -> String? {
    let name = ModuleName.name(ofPath: entry)
    if let moved = paths.sorted().first(where: { ModuleName.name(ofPath: $0) == name }) {
      return moved
    }
    var known = Set(paths)
    for path in paths {
      var path = Substring(path)
      while let slash = path.lastIndex(of: "/") {
        path = path[..<slash]
        known.insert(String(path))
      }
    }
    let trimmed = entry.split(separator: "/").joined(separator: "/")
    let full = trimmed.hasPrefix("kernel/") ? trimmed : "kernel/\(trimmed)"
    return self.name(to: full, among: Array(known)) ?? Self.name(to: trimmed, among: Array(known))
  }
}
