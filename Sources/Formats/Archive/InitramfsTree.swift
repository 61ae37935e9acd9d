/// The files that Linux has after it unpacked an initramfs: later entries win.
///
/// Linux, Documentation/driver-api/early-userspace/buffer-format.rst, and what follows of its unpacking by
/// ordinary system calls: an entry whose folder is not there is dropped; one of another type takes the place of
/// what was there, but for a folder with something in it; a file over a file is the same file written anew,
/// under all its names; links on the way are followed; names of one file find each other within one archive.
package struct InitramfsTree<Content> {
  package struct Node {
    /// Type and permission bits, as stat(2) has them.
    package var mode: UInt32
    package var owner = 0
    package var group = 0
    /// Seconds since 1970.
    package var modified = 0
    /// Major and minor number, of devices.
    package var device: [Int] = []
    /// A file's.
    package var content: Content?
    /// Bytes of a file.
    package var size = 0
    /// A symbolic link's.
    package var target: String?
    /// The archive that wrote it last, counted from 1; 0 for what the kernel itself brings.
    package var archive = 0

    var type: UInt32 { mode & 0o170000 }
    package var isFile: Bool { type == 0o100000 }
    package var isDirectory: Bool { type == 0o040000 }
    package var isSymbolicLink: Bool { type == 0o120000 }
  }

  private struct Link: Hashable {
    var identity: FileIdentity
    var type: UInt32
  }

  /// The most bytes of a link's target.
  private static var targetLimit: Int { ArchivePath.lengthLimit }
  /// The most names that are looked up on the way through links, together.
  private static var stepLimit: Int { 1 << 24 }

  /// By number; never fewer.
  private var nodes: [Node] = []
  /// By paths in which nothing is a link, but for the last name.
  private var numbers: [String: Int] = [:]
  /// How many names a file has.
  private var names: [Int: Int] = [:]
  /// How many names a folder has in it.
  private var counts: [String: Int] = [:]
  /// The first names of files with several, in the current archive.
  private var links: [Link: String] = [:]
  private var archive = 0
  private var steps = 0
  /// Paths of what an earlier archive had, and a later one replaced.
  package private(set) var replaced: Set<String> = []
  /// Paths of entries that Linux does not make, as their folder is missing or something is in their way.
  package private(set) var dropped: [String] = []

  package init() {
    // What a kernel without an initramfs of its own has built in.
    for (path, mode) in [("", 0o755), ("dev", 0o755), ("root", 0o700)] as [(String, UInt32)] {
      insert(path, Node(mode: 0o040000 | mode))
    }
    insert("dev/console", Node(mode: 0o020600, device: [5, 1]))
  }

  /// - Parameter content: what to keep of a file; gets the path that it is made at. Called for each entry with
  ///   bytes of its own.
  /// - Throws: what the reader and `content` do.
  package init(
    reading reader: InitramfsReader,
    _ content: (_ path: String, _ entry: NewcEntry) throws -> Content
  ) throws {
    self.init()
    while let entry = try reader.next() { try add(entry, of: reader, content) }
  }

  /// All that archives brought, by path.
  package var entries: [String: Node] {
    numbers.compactMapValues { nodes[$0].archive > 0 ? nodes[$0] : nil }
  }

  /// Which file a path is: two of one number are names of one.
  package func number(of path: String) -> Int? { numbers[path] }

  /// What a path leads to, links followed.
  package func node(_ path: String) -> Node? {
    var copy = self
    guard let number = try? copy.resolve(path).flatMap({ copy.numbers[$0] }) else { return nil }
    return nodes[number]
  }

  /// The path of what a path leads to, links followed; nil where it leads nowhere.
  package func realPath(_ path: String) -> String? {
    var copy = self
    return try? copy.resolve(path)
  }

  /// Whether what a path leads to is from a later archive than what it led to before.
  package func isReplaced(_ path: String) -> Bool {
    replaced.contains(path) || realPath(path).map(replaced.contains) == true
  }

  /// Does what Linux does with an entry.
  package mutating func add(
    _ entry: NewcEntry, of reader: InitramfsReader,
    _ content: (_ path: String, _ entry: NewcEntry) throws -> Content
  ) throws {
    if archive != entry.archive {
      archive = entry.archive
      links = [:]
    }
    let isWritten =
      switch entry.type {
      case 0o100000: try addFile(entry, content)
      case 0o120000:
        try addLink(
          entry, entry.size <= Self.targetLimit ? reader.body(limit: Self.targetLimit) : [])
      case 0o040000: try entry.size == 0 && addFolder(entry)
      case 0o020000, 0o060000, 0o010000, 0o140000: try entry.size == 0 && addDevice(entry)
      default: false
      }
    if !isWritten { dropped.append(entry.path) }
  }

  private mutating func addFile(
    _ entry: NewcEntry, _ content: (_ path: String, _ entry: NewcEntry) throws -> Content
  ) throws -> Bool {
    guard let path = try place(of: entry.path) else { return false }
    try clear(path, for: entry.type)
    guard let isLinked = try link(path, entry) else { return false }
    guard let number = try makeNode(path, entry) else { return false }
    if !isLinked || entry.size > 0 {
      nodes[number].content = try content(path, entry)
      nodes[number].size = entry.size
    }
    return true
  }

  private mutating func addLink(_ entry: NewcEntry, _ body: [UInt8]) throws -> Bool {
    guard let path = try place(of: entry.path) else { return false }
    try clear(path, for: 0)
    let target = body.prefix { $0 != 0 }
    guard !target.isEmpty, try node(at: path) == nil,
      let number = try makeNode(path, entry)
    else { return false }
    nodes[number].target = String(decoding: target, as: UTF8.self)
    return true
  }

  private mutating func addFolder(_ entry: NewcEntry) throws -> Bool {
    guard let path = try place(of: entry.path) else { return false }
    try clear(path, for: entry.type)
    return try makeNode(path, entry) != nil
  }

  private mutating func addDevice(_ entry: NewcEntry) throws -> Bool {
    guard let path = try place(of: entry.path) else { return false }
    try clear(path, for: entry.type)
    guard let isLinked = try link(path, entry) else { return false }
    if isLinked { return true }
    let isNew = try node(at: path) == nil
    guard let number = try makeNode(path, entry) else { return false }
    if isNew { nodes[number].device = entry.device }
    return true
  }

  /// Makes a path another name of a file that came before in the same archive.
  /// - Returns: whether it is one; nil where that can't be done.
  private mutating func link(_ path: String, _ entry: NewcEntry) throws -> Bool? {
    guard let identity = entry.identity else { return false }
    let link = Link(identity: identity, type: entry.type)
    guard let earlier = links[link] else {
      links[link] = entry.path
      return false
    }
    try clear(path, for: 0)
    guard let place = try place(of: earlier), let number = try node(at: place),
      !nodes[number].isDirectory, try node(at: path) == nil
    else { return nil }
    insert(path, number)
    return true
  }

  /// Makes what is not there, and gives it the entry's attributes.
  /// - Returns: nil where something else is in the way.
  private mutating func makeNode(_ path: String, _ entry: NewcEntry) throws -> Int? {
    let number: Int
    if let found = try node(at: path) {
      guard nodes[found].type == entry.type else { return nil }
      number = found
    } else {
      number = insert(path, Node(mode: entry.mode))
    }
    nodes[number].mode = entry.mode
    (nodes[number].owner, nodes[number].group) = (entry.owner, entry.group)
    nodes[number].modified = entry.modified
    noteReplacement(of: number, at: path)
    nodes[number].archive = entry.archive + 1
    return number
  }

  /// Removes what is at a path, unless it is of this type.
  private mutating func clear(_ path: String, for type: UInt32) throws {
    guard !path.isEmpty, let number = try node(at: path), nodes[number].type != type else { return }
    guard counts[path, default: 0] == 0 else { return }
    noteReplacement(of: number, at: path)
    numbers[path] = nil
    names[number, default: 1] -= 1
    counts[path] = nil
    counts[Self.parent(of: path), default: 0] -= 1
  }

  private mutating func noteReplacement(of number: Int, at path: String) {
    let earlier = nodes[number].archive
    guard earlier > 0, earlier != archive + 1, !nodes[number].isDirectory else { return }
    replaced.insert(path)
    // Written under another name, it is new under all of them.
    if names[number, default: 1] > 1 {
      replaced.formUnion(numbers.lazy.filter { $0.value == number }.map(\.key))
    }
  }

  @discardableResult
  private mutating func insert(_ path: String, _ node: Node) -> Int {
    nodes.append(node)
    insert(path, nodes.count - 1)
    return nodes.count - 1
  }

  private mutating func insert(_ path: String, _ number: Int) {
    numbers[path] = number
    names[number, default: 0] += 1
    if !path.isEmpty { counts[Self.parent(of: path), default: 0] += 1 }
  }

  /// - Throws: `FormatError.unsupported` where there are two paths that are one string to Swift.
  private func node(at path: String) throws(FormatError) -> Int? {
    guard let index = numbers.index(forKey: path) else { return nil }
    guard numbers[index].key.utf8.elementsEqual(path.utf8) else {
      throw FormatError(
        .unsupported, "two files are called \(path.quoted), in different bytes")
    }
    return numbers[index].value
  }

  /// Where an entry is made: its folder without links, and its name.
  /// - Returns: nil where its folder is not there.
  private mutating func place(of path: String) throws -> String? {
    guard !path.isEmpty else { return "" }
    let parent = Self.parent(of: path)
    guard let folder = try resolve(parent), let number = try node(at: folder),
      nodes[number].isDirectory
    else { return nil }
    if folder.utf8.count == parent.utf8.count, folder == parent { return path }
    let name = Substring(path.utf8.dropFirst(parent.isEmpty ? 0 : parent.utf8.count + 1))
    return folder.isEmpty ? String(name) : "\(folder)/\(name)"
  }

  /// A path without links.
  /// - Returns: nil where it leads nowhere.
  /// - Throws: `FormatError.limit` for too many links altogether.
  private mutating func resolve(_ path: String) throws -> String? {
    if let number = try node(at: path), !nodes[number].isSymbolicLink { return path }
    var rest = Array(path.utf8.split(separator: UInt8(ascii: "/")).reversed())
    var current = ""
    var followed = 0
    while let part = rest.popLast() {
      steps += 1
      guard steps <= Self.stepLimit else {
        throw FormatError(.limit, "its links lead through too many folders")
      }
      let name = String(part) ?? ""
      guard let folder = try node(at: current), nodes[folder].isDirectory else { return nil }
      if name == "." { continue }
      if name == ".." {
        current = Self.parent(of: current)
        continue
      }
      let next = current.isEmpty ? name : "\(current)/\(name)"
      guard let number = try node(at: next) else { return nil }
      guard let target = nodes[number].target else {
        current = next
        continue
      }
      followed += 1
      guard followed <= 40 else { return nil }
      if target.utf8.first == UInt8(ascii: "/") { current = "" }
      rest += target.utf8.split(separator: UInt8(ascii: "/")).reversed()
    }
    return current
  }

  private static func parent(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
    return String(path[..<slash])
  }
}
