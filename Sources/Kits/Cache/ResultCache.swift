internal import Basics
internal import Formats
internal import Packages

/// Files that were made once, by what they were made of: `results/KEY` in the cache.
///
/// `entry.json` has the SHA-256 of each file, and begins with its own. A file counts only as long as it
/// has that hash. What was used longest ago goes when there is too much.
struct ResultCache: Sendable {
  struct Key: Sendable {
    /// A SHA-256.
    let name: String

    /// - Parameter parts: all that has an influence on the result.
    init(_ parts: [String]) {
      // Each with its length, so that no two lists of parts give one text.
      let text = parts.map { "\($0.utf8.count) \($0)\n" }.joined()
      name = Digest.sha256(of: Array(text.utf8))
    }
  }

  struct Entry<Details: Codable>: Codable {
    var files: [Manifest.Output]
    var details: Details
  }

  /// Bytes of all results together.
  static let sizeLimit = 2 << 30
  private static let entryName = "entry.json"
  private static let entryLimit = 1 << 24

  private let folder: String
  private let now: @Sendable () -> Int

  init(_ cache: Cache, _ clock: Clock) {
    folder = "\(cache.folder)/\(CacheContents.resultsFolder)"
    now = clock.now
  }

  func path(_ key: Key, _ file: String) -> String { "\(folder)/\(key.name)/\(file)" }

  /// - Returns: nil for what is not there, or not as it was stored.
  func find<Details: Codable>(_ key: Key, _ type: Details.Type) -> Entry<Details>? {
    guard
      let bytes = try? InputFile(path(key, Self.entryName)).readAll(limit: Self.entryLimit),
      let end = bytes.firstIndex(of: 0x0a)
    else { return nil }
    let text = Array(bytes[(end + 1)...])
    guard bytes[..<end].elementsEqual(Digest.sha256(of: text).utf8),
      let entry = try? JSON.decode(Entry<Details>.self, from: text)
    else {
      remove(key)
      return nil
    }
    try? FileTree.setAttributes("\(folder)/\(key.name)", mode: 0o700, seconds: now())
    return entry
  }

  /// The bytes of one of an entry's files.
  /// - Throws: `KitError.unverified` when they are not those that were stored.
  func bytes(_ key: Key, _ file: Manifest.Output) throws -> [UInt8] {
    let bytes = try InputFile(path(key, file.file)).readAll(limit: file.size)
    guard Digest.sha256(of: bytes) == file.sha256 else {
      throw KitError(.unverified, "\(path(key, file.file)): content differs from the one stored")
    }
    return bytes
  }

  func remove(_ key: Key) {
    FileTree.remove("\(folder)/\(key.name)")
  }

  /// Keeps a result, and removes others when there are too many.
  /// - Parameters:
  ///   - label: what it is, for people.
  ///   - sources: where the bytes of the entry's files come from, in their order.
  func store<Details>(
    _ key: Key, _ entry: Entry<Details>, label: String, from sources: [any ByteSource]
  ) throws {
    try FileTree.makeDirectories(folder)
    let staging = try StagingDirectory(in: folder)
    func add(_ name: String, _ source: any ByteSource) throws {
      try staging.addFile("new/\(name)", mode: 0o600, modified: now(), body: source)
    }
    for (file, source) in zip(entry.files, sources) { try add(file.file, source) }
    let text = try JSON.encode(entry)
    try add(Self.entryName, MemorySource(Array("\(Digest.sha256(of: text))\n".utf8) + text))
    try add(CacheContents.labelName, MemorySource(Array(label.utf8)))
    try staging.publish("new", to: "\(folder)/\(key.name)")
    evict()
  }

  private func evict() {
    let names = ((try? FileTree.names(in: folder)) ?? []).filter { !$0.hasPrefix(".") }
    let results = names.map { (name: $0, place: CacheContents.measure("\(folder)/\($0)")) }
    var size = results.reduce(0) { $0 + $1.place.size }
    for result in results.sorted(by: { $0.place.modified < $1.place.modified })
    where size > Self.sizeLimit {
      FileTree.remove("\(folder)/\(result.name)")
      size -= result.place.size
    }
  }
}
