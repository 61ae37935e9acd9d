internal import Formats

extension TemplateFolder {
  /// Folders that a template's scripts find programs in.
  private static let programFolders = ["bin", "sbin", "usr/bin", "usr/sbin"]
  private static let scriptLimit = 1 << 20
  private static let depthLimit = 16

  /// Returns what scripts of the template use and would no longer have.
  /// - Parameters:
  ///   - tool: the program that is replaced.
  ///   - stale: names that it answers to, and the new one does not.
  ///   - wanted: names that the new one answers to.
  /// - Returns: `init: comm, tac`, a line for each script.
  func lostPrograms(
    _ tool: TemplateTool, stale: Set<String>, wanted: Set<String>
  ) throws -> [String] {
    var lost = stale
    var others: Set<String> = []
    let earlier = FileTree.status("\(folder)/\(tool.path)", followingLink: true)?.identity
    for place in Self.programFolders {
      let path = "\(folder)/\(place)"
      guard FileTree.status(path, followingLink: true)?.kind == .directory else { continue }
      for name in try FileTree.names(in: path) where name != tool.rawValue {
        let entry = "\(path)/\(name)"
        guard let status = FileTree.status(entry) else { continue }
        guard status.kind == .symbolicLink else {
          // A hard link to the earlier program is no program of its own.
          if status.identity == earlier { lost.insert(name) } else { others.insert(name) }
          continue
        }
        // One that is not UTF-8 leads elsewhere.
        guard let target = try? FileTree.linkTarget(entry) else { continue }
        if FileTree.name(of: target) == tool.rawValue {
          lost.insert(name)
        } else {
          others.insert(name)
        }
      }
    }
    lost.subtract(wanted)
    lost.subtract(others)
    guard !lost.isEmpty else { return [] }
    var lines: [String] = []
    try forEachScript("", depth: 0) { path, script in
      let names = script.words.intersection(lost).sorted()
      if !names.isEmpty { lines.append("\(path): \(names.joined(separator: ", "))") }
    }
    return lines
  }

  private func forEachScript(
    _ place: String, depth: Int, _ body: (String, ShellScript) throws -> Void
  ) throws {
    guard depth < Self.depthLimit else { return }
    for name in try FileTree.names(in: place.isEmpty ? folder : "\(folder)/\(place)").sorted() {
      let path = place.isEmpty ? name : "\(place)/\(name)"
      guard let status = FileTree.status("\(folder)/\(path)") else { continue }
      if status.kind == .directory {
        try forEachScript(path, depth: depth + 1, body)
      } else if status.kind == .file, status.size <= Self.scriptLimit {
        let file = try InputFile("\(folder)/\(path)")
        guard try file.read(at: 0, count: 2) == Array("#!".utf8),
          let script = ShellScript(try file.readAll(limit: Self.scriptLimit))
        else { continue }
        try body(path, script)
      }
    }
  }
}
