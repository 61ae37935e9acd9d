/// The files of a root, as layers of changes make it, one over the other; a root in one archive is one layer.
///
/// OCI image specification 1.1, layer.md, "Applying Changesets". Kept is what file systems say of files, never their
/// content: of a file, which entry of which layer has it. About 300 bytes for each file.
///
/// Names on the way to a file may be links of a lower layer: they are followed inside the root, and what they lead to
/// without being there becomes folders, as when a container engine unpacks such a layer. Nothing leads out of the root.
package struct RootTree {
  /// Where a file's content is.
  package struct Place: Sendable, Hashable {
    package var layer: Int
    /// Of the layer's entries, from 0.
    package var entry: Int

    package init(layer: Int, entry: Int) {
      self.layer = layer
      self.entry = entry
    }
  }

  package struct Node: Sendable {
    package var kind: FileKind
    package var attributes: FileAttributes
    package var accessLists: [TarMember.AccessList] = []
    /// Of files.
    package var place: Place
    /// Of folders: what is in them.
    package internal(set) var children: [ByteString: Name] = [:]
    /// Whether no entry has said what a folder is like.
    package var isImplied = false
    /// Of folders: the newest layer of anything in it.
    var newest: Int
  }

  /// One name of a file.
  package struct Name: Sendable {
    /// The file's number.
    package var node: Int
    /// The layer that has the name.
    var layer: Int
  }

  /// The most files: each needs memory.
  package static let fileLimit = 4_000_000
  /// As many links as Linux follows in one path: path_resolution(7).
  private static let linkLimit = 40
  static let root = 0

  /// By number; those of deleted files stay.
  package private(set) var nodes: [Node]
  private var layer = 0
  /// Entries of the current layer that were added.
  private var entry = 0
  /// Second names of files that the current layer did not have so far.
  private var pending: [(path: [UInt8], target: [UInt8])] = []
  /// Names that the links on the way to files have led through, together: an archive can make them many.
  private var steps = 0
  private static let stepLimit = 1 << 26

  package init() {
    nodes = [
      Node(
        kind: .directory,
        attributes: FileAttributes(mode: 0o755, modified: FileTime(seconds: 0)),
        place: Place(layer: 0, entry: 0), isImplied: true, newest: -1)
    ]
  }

  /// Applies a layer, the lowest first.
  /// - Parameters:
  ///   - next: the layer's next entry; nil at its end.
  ///   - hasWhiteouts: whether names that begin with `.wh.` delete files of lower layers, as in container images.
  /// - Throws: `FormatError` for an entry that no file system can have; what `next` throws.
  package mutating func apply(hasWhiteouts: Bool, _ next: () throws -> TarMember?) throws {
    entry = 0
    pending = []
    while let member = try next() {
      do {
        if !(try hasWhiteouts && deletes(member)) { try add(member) }
      } catch let error as FormatError where error.path.isEmpty {
        throw error.inside(Self.shown(member.path))
      }
      entry += 1
    }
    for (path, target) in pending {
      do {
        guard try link(path, to: target) else {
          throw FormatError(
            .malformed, "a hard link to \(Self.shown(target)), which is not there")
        }
      } catch let error as FormatError {
        throw error.inside(Self.shown(path))
      }
    }
    layer += 1
  }

  private static func shown(_ path: [UInt8]) -> String {
    path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
  }

  // MARK: - Adding

  private mutating func add(_ member: TarMember) throws(FormatError) {
    switch member.kind {
    case .hardLink(let target):
      // tar writes a file's link to itself of what it is told to archive twice.
      if target == member.path { return }
      if try !link(member.path, to: target) { pending.append((member.path, target)) }
    case .node(let kind):
      let node = Node(
        kind: kind, attributes: member.attributes, accessLists: member.accessLists,
        place: Place(layer: layer, entry: entry), newest: layer)
      guard !member.path.isEmpty else {
        guard kind == .directory else {
          throw FormatError(.malformed, "the root is no folder")
        }
        replaceAttributes(of: Self.root, with: node)
        return
      }
      let (parent, name) = try parent(of: member.path, modified: member.attributes.modified)
      if let known = nodes[parent].children[name]?.node, kind == .directory,
        nodes[known].kind == .directory
      {
        replaceAttributes(of: known, with: node)
      } else {
        nodes[parent].children[name] = Name(node: try append(node), layer: layer)
      }
    }
  }

  private mutating func replaceAttributes(of index: Int, with node: Node) {
    var changed = node
    changed.children = nodes[index].children
    nodes[index] = changed
  }

  private mutating func append(_ node: Node) throws(FormatError) -> Int {
    guard nodes.count < Self.fileLimit else {
      throw FormatError(.limit, "more than \(Self.fileLimit) files")
    }
    nodes.append(node)
    return nodes.count - 1
  }

  /// - Returns: false where the target is not there.
  private mutating func link(
    _ path: [UInt8], to target: [UInt8]
  ) throws(FormatError) -> Bool {
    guard let file = try existing(target) else { return false }
    guard nodes[file].kind != .directory else {
      throw FormatError(.malformed, "a hard link to \(Self.shown(target)), a folder")
    }
    let (parent, name) = try parent(of: path, modified: nodes[file].attributes.modified)
    nodes[parent].children[name] = Name(node: file, layer: layer)
    return true
  }

  // MARK: - Whiteouts

  /// Does what an entry says that deletes files of lower layers.
  /// - Returns: false for any other entry.
  private mutating func deletes(_ member: TarMember) throws(FormatError) -> Bool {
    let start = (member.path.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1
    let name = member.path[start...]
    guard name.starts(with: Array(".wh.".utf8)) else { return false }
    let folder = try resolve(member.path[..<max(0, start - 1)], making: nil)
    if name.elementsEqual(".wh..wh..opq".utf8) {
      if let folder { removeOlder(in: folder) }
      return true
    }
    // What aufs keeps for itself: its links and its temporary files.
    if name.starts(with: Array(".wh..wh.".utf8)) { return true }
    guard name.count > 4 else {
      throw FormatError(.malformed, "a whiteout without a name")
    }
    // Below a deleted folder is nothing to delete, which some engines write all the same.
    if let folder, let known = nodes[folder].children[key(name.dropFirst(4))] {
      if isOlder(known) {
        nodes[folder].children[key(name.dropFirst(4))] = nil
      } else if nodes[known.node].kind == .directory {
        // This layer's own files in it stay, whichever came first.
        removeOlder(in: known.node)
        if nodes[known.node].place.layer < layer {
          nodes[known.node].isImplied = true
          nodes[known.node].attributes = Self.implied(nodes[known.node].attributes.modified)
        }
      }
    }
    return true
  }

  /// Whether a name, and for a folder all in it, is of lower layers.
  private func isOlder(_ name: Name) -> Bool {
    (nodes[name.node].kind == .directory ? nodes[name.node].newest : name.layer) < layer
  }

  private mutating func removeOlder(in folder: Int) {
    var folders = [folder]
    while let index = folders.popLast() {
      for (name, child) in nodes[index].children {
        if isOlder(child) {
          nodes[index].children[name] = nil
        } else if nodes[child.node].kind == .directory {
          folders.append(child.node)
        }
      }
    }
  }

  private func key(_ name: ArraySlice<UInt8>) -> ByteString { ByteString(Array(name)[...]) }

  // MARK: - Looking up

  private static func implied(_ time: FileTime) -> FileAttributes {
    FileAttributes(mode: 0o755, modified: time)
  }

  /// The folder of a path, made if it is not there.
  private mutating func parent(
    of path: [UInt8], modified: FileTime
  ) throws(FormatError) -> (folder: Int, name: ByteString) {
    let start = (path.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1
    guard start < path.count else { throw FormatError(.malformed, "is the root, a folder") }
    guard
      let folder = try resolve(path[..<max(0, start - 1)], making: Self.implied(modified))
    else { throw FormatError(.malformed, "leads through a file that is no folder") }
    return (folder, key(path[start...]))
  }

  /// What a path leads to; links on the way to it are followed, it is not.
  mutating func existing(_ path: [UInt8]) throws(FormatError) -> Int? {
    let start = (path.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1
    guard let folder = try resolve(path[..<max(0, start - 1)], making: nil) else { return nil }
    return path.isEmpty ? folder : nodes[folder].children[key(path[start...])]?.node
  }

  /// The folder that a path leads to, links followed inside the root.
  /// - Parameter making: attributes of folders that are made where they are not there; nil to make none.
  /// - Returns: nil where it leads to no folder.
  private mutating func resolve(
    _ path: ArraySlice<UInt8>, making: FileAttributes?
  ) throws(FormatError) -> Int? {
    var trail = [Self.root]
    var links = 0
    let slash = UInt8(ascii: "/")
    // The next name is the last one here.
    var names: [ArraySlice<UInt8>] = path.split(separator: slash).reversed()
    while let name = names.popLast() {
      if making != nil { nodes[trail[trail.count - 1]].newest = layer }
      if name.elementsEqual([0x2e]) { continue }
      if name.elementsEqual([0x2e, 0x2e]) {
        if trail.count > 1 { trail.removeLast() }
        continue
      }
      let folder = trail[trail.count - 1]
      guard let next = nodes[folder].children[ByteString(name)]?.node else {
        guard let making else { return nil }
        guard name.count <= ArchivePath.nameLimit, trail.count <= ArchivePath.depthLimit else {
          throw FormatError(.limit, "leads through a link to a name that is too long")
        }
        let made = try append(
          Node(
            kind: .directory, attributes: making, place: Place(layer: layer, entry: entry),
            isImplied: true, newest: layer))
        nodes[folder].children[key(name)] = Name(node: made, layer: layer)
        trail.append(made)
        continue
      }
      switch nodes[next].kind {
      case .directory: trail.append(next)
      case .symbolicLink(let target):
        links += 1
        let parts = target.split(separator: slash)
        steps += parts.count
        guard links <= Self.linkLimit, steps <= Self.stepLimit else {
          throw FormatError(.malformed, "leads through more than \(Self.linkLimit) links")
        }
        if target.first == slash { trail = [Self.root] }
        names += parts.reversed()
      default: return nil
      }
    }
    if making != nil { nodes[trail[trail.count - 1]].newest = layer }
    return trail[trail.count - 1]
  }

  // MARK: - What came of it

  /// Changes what a file system says of the files that are there.
  package mutating func changeAll(_ change: (inout Node) throws -> Void) rethrows {
    for index in nodes.indices { try change(&nodes[index]) }
  }

  /// Hands over all names, folders before what is in them, in the byte order of the names in each folder.
  /// - Parameter body: gets a path, empty for the root, and the number of its file.
  package func forEach(_ body: (_ path: [UInt8], _ number: Int) throws -> Void) rethrows {
    var waiting: [(path: [UInt8], number: Int)] = [([], Self.root)]
    while let (path, number) = waiting.popLast() {
      try body(path, number)
      let children = nodes[number].children.sorted {
        $1.key.bytes.lexicographicallyPrecedes($0.key.bytes)
      }
      for (name, child) in children {
        waiting.append((path.isEmpty ? Array(name.bytes) : path + [0x2f] + name.bytes, child.node))
      }
    }
  }

  /// What a path leads to, all links followed inside the root.
  /// - Returns: nil where it leads nowhere.
  package mutating func node(_ path: String) -> Node? {
    let slash = UInt8(ascii: "/")
    var path = Array(path.utf8)
    for _ in 0..<Self.linkLimit {
      while path.last == slash { path.removeLast() }
      guard let index = try? existing(path) else { return nil }
      guard case .symbolicLink(let target) = nodes[index].kind else { return nodes[index] }
      let folder = path[..<(path.lastIndex(of: slash) ?? 0)]
      path = target.first == slash ? Array(target.drop { $0 == slash }) : folder + [slash] + target
    }
    return nil
  }
}
