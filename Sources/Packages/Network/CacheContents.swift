package import Basics
internal import Formats

/// The files that earlier runs have downloaded or made.
package struct CacheContents: Sendable {
  /// A file or a template in the cache.
  package struct Entry: Sendable, Hashable, Encodable {
    /// What an entry is.
    package enum Kind: String, Sendable, Hashable, Encodable {
      /// Complete.
      case file
      /// The part of a file that came so far.
      case partial
      /// A suite's signed list.
      case list
      /// The RAM disk's default template of a suite and an architecture.
      case template
      /// A root disk that shows that a kernel's kit works.
      case proof
      /// A root disk that was made of an image or an archive.
      case root
      /// What a build has made: the parts of a kit that come of a kernel's packages, or a RAM disk.
      case result
    }

    /// What the entry is.
    package var kind: Kind
    /// A file's name; of a list the mirror and the suite; empty where it is not known.
    package var name: String
    /// Bytes.
    package var size: Int
    /// The SHA-256 of a download; nil for other entries, and for files that are known by another hash.
    package var sha256: String?
    /// Seconds since 1970.
    package var modified: Int
    var path: String

    private enum CodingKeys: CodingKey {
      case kind, name, size, sha256, modified
    }
  }

  /// Folder of root disks.
  package static let rootsFolder = "roots"
  /// Folder of what builds have made.
  package static let resultsFolder = "results"
  /// Holds what a result is, for people.
  package static let labelName = "label"

  private let cache: Cache
  private let clock: Clock

  /// Looks at what a cache holds.
  package init(_ cache: Cache, _ clock: Clock) {
    (self.cache, self.clock) = (cache, clock)
  }

  /// All entries, ordered by kind, name and hash.
  package var entries: [Entry] {
    let found = files + partials + lists + templates + proofs + results + roots
    return found.sorted {
      ($0.kind.rawValue, $0.name, $0.sha256 ?? "") < ($1.kind.rawValue, $1.name, $1.sha256 ?? "")
    }
  }

  /// Removes what is there, but not what another process is writing at the moment. What was last seen
  /// of each suite stays: no mirror can go back behind it.
  /// - Parameter age: seconds; what is younger stays.
  /// - Returns: what was removed.
  package func prune(olderThan age: Int = 0) -> [Entry] {
    let latest = clock.now() - age
    var removed: [Entry] = []
    for entry in entries where age == 0 || entry.modified < latest {
      if entry.kind == .partial {
        guard let file = PartialFile(idle: entry.path) else { continue }
        file.remove()
      } else {
        FileTree.remove(entry.path)
      }
      if FileTree.status(entry.path) == nil { removed.append(entry) }
    }
    return removed
  }

  private var files: [Entry] {
    names("files").flatMap { hash -> [Entry] in
      let names = names("files/\(hash)")
      return names.compactMap { name in
        let folder = path("files/\(hash)")
        guard let status = FileTree.status("\(folder)/\(name)") else { return nil }
        return Entry(
          kind: .file, name: name, size: status.size, sha256: Self.sha256(hash),
          modified: status.modified,
          path: names.count == 1 ? folder : "\(folder)/\(name)")
      }
    }
  }

  /// Returns a folder's name that is a SHA-256; nil for the SHA-512 of an archive that has no other.
  private static func sha256(_ name: String) -> String? {
    FileHash(.sha256, name)?.text
  }

  private var partials: [Entry] {
    names("partial").compactMap { hash in
      guard let status = FileTree.status(path("partial/\(hash)")) else { return nil }
      return Entry(
        kind: .partial, name: "", size: status.size, sha256: Self.sha256(hash),
        modified: status.modified,
        path: path("partial/\(hash)"))
    }
  }

  private var lists: [Entry] {
    names("lists").map { name in
      let folder = path("lists/\(name)")
      let address = (try? InputFile("\(folder)/address").readAll(limit: 1 << 14)) ?? []
      let text = String(decoding: address.prefix { $0 != 0x0a }, as: UTF8.self)
      return entry(.list, text, folder)
    }
  }

  private var templates: [Entry] {
    names("template").map { entry(.template, $0, path("template/\($0)")) }
  }

  private var proofs: [Entry] {
    names("proof").map { entry(.proof, $0, path("proof/\($0)")) }
  }

  private var results: [Entry] {
    names(Self.resultsFolder).map { name in
      let folder = path("\(Self.resultsFolder)/\(name)")
      let label = try? InputFile("\(folder)/\(Self.labelName)").readAll(limit: 1 << 10)
      return entry(.result, String(decoding: label ?? [], as: UTF8.self), folder)
    }
  }

  private var roots: [Entry] {
    names(Self.rootsFolder).map { entry(.root, $0, path("\(Self.rootsFolder)/\($0)")) }
  }

  /// A file, or a folder with all that is in it.
  private func entry(_ kind: Entry.Kind, _ name: String, _ folder: String) -> Entry {
    let (size, modified) = Self.measure(folder)
    return Entry(
      kind: kind, name: name, size: size, sha256: nil, modified: modified, path: folder)
  }

  /// Bytes of all that is at a path, and its own time, in seconds since 1970.
  package static func measure(_ path: String) -> (size: Int, modified: Int) {
    guard let status = FileTree.status(path) else { return (0, 0) }
    guard status.kind == .directory else { return (status.size, status.modified) }
    return ((try? FileTree.names(in: path)) ?? []).map { measure("\(path)/\($0)") }
      .reduce((0, status.modified)) { ($0.0 + $1.size, $0.1) }
  }

  /// Without what is being written.
  private func names(_ folder: String) -> [String] {
    ((try? FileTree.names(in: path(folder))) ?? []).filter { !$0.hasPrefix(".") }
  }

  private func path(_ below: String) -> String {
    "\(cache.folder)/\(below)"
  }
}
