internal import Formats

/// Which of two modules with one name counts, and where modules are looked for: depmod.d(5).
package struct DepmodConfiguration: Sendable {
  enum Place: Sendable, Equatable {
    /// Where nothing else says otherwise.
    case builtin
    /// The folders of `external`.
    case external
    case folder(String)
  }

  /// Highest priority first.
  private(set) var search: [Place]?
  /// Paths below the module tree, without suffix; the last of the file counts first.
  private(set) var overrides: [String] = []
  /// Absolute folders outside the tree, highest priority first.
  package private(set) var externalFolders: [String] = []
  /// Names of folders that are not looked into, beside `build` and `source`.
  package private(set) var excludedNames: Set<String> = []
  /// Lines that mean nothing, one line each.
  package internal(set) var warnings: [String] = []

  /// What holds without any file: `updates` outranks the rest.
  package init() {}

  /// Adds the commands of a file.
  /// - Parameters:
  ///   - text: one command a line; a backslash at its end joins the next line to it.
  ///   - name: for warnings.
  ///   - release: the kernel's, which `override` and `external` may ask for.
  package mutating func read(_ text: String, name: String, release: KernelRelease) {
    var number = 0
    var line = ""
    var first: Int?
    // By bytes: to Swift's strings the end of a line with CR is one character, which is no "\n".
    for bytes in text.utf8.split(separator: 0x0a, omittingEmptySubsequences: false) {
      let part = Substring(bytes)
      number += 1
      first = first ?? number
      if part.utf8.last == UInt8(ascii: "\\") {
        line += part.dropLast()
        continue
      }
      line += part
      read(line: line, place: "\(name):\(first ?? number)", release: release)
      line = ""
      first = nil
    }
    if !line.isEmpty { read(line: line, place: "\(name):\(first ?? number)", release: release) }
  }

  private mutating func read(line: String, place: String, release: KernelRelease) {
    guard !line.isEmpty, line.utf8.first != UInt8(ascii: "#") else { return }
    let words = line.split { $0 == " " || $0 == "\t" }.map(String.init)
    guard let command = words.first else { return }
    switch (command, words.count) {
    case ("search", 1): break
    case ("search", _):
      search = (search ?? []) + words.dropFirst().map(Self.place)
    case ("override", 4...):
      if matches(words[2], release, place) { overrides.insert("\(words[3])/\(words[1])", at: 0) }
    case ("external", 3...):
      // The manual page has a list of folders here; kmod takes the first.
      if matches(words[1], release, place) { externalFolders.append(words[2]) }
      if words.count > 3 { warnings.append("\(place): folders after \(words[2]) are ignored") }
    case ("exclude", _):
      excludedNames.formUnion(words.dropFirst())
    case ("make_map_files", _), ("include", _):
      break
    default:
      warnings.append("\(place): `\(line)` is not a command of depmod.d")
    }
  }

  private static func place(_ word: String) -> Place {
    switch word {
    case "built-in": .builtin
    case "external": .external
    default: .folder(word)
    }
  }

  private mutating func matches(
    _ pattern: String, _ release: KernelRelease, _ place: String
  ) -> Bool {
    if RegularExpression.isTooLarge(pattern) {
      warnings.append("\(place): the pattern \(pattern.quoted) is too large, and matches nothing")
    }
    return pattern == "*" || RegularExpression.matches(pattern, in: release.description)
  }

  /// Which of the external folders a module is in, from 1; 0 for the tree itself.
  func externalOrder(of path: String) -> Int {
    guard path.utf8.first == UInt8(ascii: "/") else { return 0 }
    let folder = externalFolders.firstIndex { path.hasPrefix($0.hasSuffix("/") ? $0 : $0 + "/") }
    return folder.map { $0 + 1 } ?? Int.max
  }

  /// Whether the module at one path is taken instead of the one with the same name at another.
  func prefers(_ new: String, to old: String) -> Bool {
    for override in overrides {
      if Self.withoutSuffix(new) == override { return true }
      if Self.withoutSuffix(old) == override { return false }
    }
    return rank(new) > rank(old)
  }

  /// Higher goes first; -1 for what no `search` names.
  private func rank(_ path: String) -> Int {
    let search = search ?? [.folder("updates")]
    var rank = 0
    var builtin = -1
    var found = -1
    for place in search.reversed() {
      switch place {
      case .builtin: builtin = rank
      case .folder(let folder): if path.hasPrefix(folder + "/") { found = rank }
      case .external:
        for folder in externalFolders.reversed() {
          if path.hasPrefix(folder + "/") { found = rank }
          rank += 1
        }
      }
      rank += 1
    }
    return found < 0 ? builtin : found
  }

  private static func withoutSuffix(_ path: String) -> String {
    let start = path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex
    return String(path[..<(path[start...].firstIndex(of: ".") ?? path.endIndex)])
  }
}
