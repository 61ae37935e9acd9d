/// The names of a file system that is being made, and what they lead to.
struct SquashfsTree {
  static let root = 0
  /// Bytes of a name, NAME_MAX of Linux: squashfs itself has room for 256.
  private static let nameLimit = 255

  var nodes: [SquashfsNode]
  var folders: [SquashfsFolder]

  init() {
    let attributes = FileAttributes(mode: 0o755, modified: FileTime(seconds: 0))
    nodes = [SquashfsNode(.directory(index: 0), attributes, set: SquashfsFormat.none)]
    folders = [SquashfsFolder(node: Self.root, parent: Self.root, isExplicit: false)]
  }

  /// - Returns: the node's index; nil when there is no such file.
  func find(_ path: [UInt8]) throws(FormatError) -> Int? {
    var node = Self.root
    for name in try Self.names(path) {
      guard case .directory(let folder) = nodes[node].content,
        let next = folders[folder].children[name]
      else { return nil }
      node = next
    }
    return node
  }

  /// Adds a folder, or sets the attributes of one that a path needed.
  mutating func addFolder(
    _ path: [UInt8], _ attributes: FileAttributes, set: UInt32
  ) throws(FormatError) {
    var node = SquashfsNode(.directory(index: folders.count), attributes, set: set)
    guard let known = try find(path) else {
      let (parent, name) = try place(path, attributes.modified)
      addFolder(node, to: parent, name, isExplicit: true)
      return
    }
    guard case .directory(let folder) = nodes[known].content, !folders[folder].isExplicit else {
      throw Self.error(.malformed, "is there twice", path)
    }
    folders[folder].isExplicit = true
    node.content = .directory(index: folder)
    node.names = nodes[known].names
    nodes[known] = node
  }

  /// Adds anything else.
  mutating func add(_ node: SquashfsNode, _ path: [UInt8], _ time: FileTime) throws(FormatError) {
    let (parent, name) = try place(path, time)
    folders[parent].children[name] = nodes.count
    nodes.append(node)
    nodes[nodes.count - 1].names = 1
  }

  mutating func addHardLink(_ path: [UInt8], to target: [UInt8]) throws(FormatError) {
    let shown = String(decoding: target, as: UTF8.self).quoted
    guard let index = try find(target) else {
      throw Self.error(.malformed, "is a hard link to \(shown), which does not exist", path)
    }
    if case .directory = nodes[index].content {
      throw Self.error(.malformed, "is a hard link to \(shown), a folder", path)
    }
    let time = FileTime(seconds: Int(nodes[index].modified))
    let (parent, name) = try place(path, time)
    folders[parent].children[name] = index
    nodes[index].names += 1
  }

  private mutating func addFolder(
    _ node: SquashfsNode, to parent: Int, _ name: ByteString, isExplicit: Bool
  ) {
    let above = folders[parent].node
    folders[parent].children[name] = nodes.count
    folders.append(SquashfsFolder(node: nodes.count, parent: above, isExplicit: isExplicit))
    nodes.append(node)
    nodes[above].names += 1
  }

  /// The folder for a new name, made if it is not there.
  private mutating func place(
    _ path: [UInt8], _ time: FileTime
  ) throws(FormatError) -> (folder: Int, name: ByteString) {
    var names = try Self.names(path)
    guard let last = names.popLast() else {
      throw Self.error(.malformed, "is the root, which is a folder", path)
    }
    var folder = 0
    for name in names {
      if let known = folders[folder].children[name] {
        guard case .directory(let next) = nodes[known].content else {
          throw Self.error(.malformed, "leads through a file that is no folder", path)
        }
        folder = next
      } else {
        let attributes = FileAttributes(mode: 0o755, modified: time)
        let next = folders.count
        addFolder(
          SquashfsNode(.directory(index: next), attributes, set: SquashfsFormat.none), to: folder,
          name, isExplicit: false)
        folder = next
      }
    }
    guard folders[folder].children[last] == nil else {
      throw Self.error(.malformed, "is there twice", path)
    }
    return (folder, last)
  }

  private static func names(_ path: [UInt8]) throws(FormatError) -> [ByteString] {
    if path.isEmpty { return [] }
    var names: [ByteString] = []
    for name in path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      guard !name.isEmpty, name != [0x2e], name != [0x2e, 0x2e], !name.contains(0) else {
        throw error(.malformed, "is no path: a part is empty, “.”, “..” or has a NUL", path)
      }
      guard name.count <= nameLimit else {
        throw error(.limit, "has a name of \(name.count) bytes, more than \(nameLimit)", path)
      }
      // A copy: a slice would keep the whole path.
      names.append(ByteString(Array(name)[...]))
    }
    return names
  }

  static func error(_ kind: FormatError.Kind, _ reason: String, _ path: [UInt8]) -> FormatError {
    FormatError(kind, reason, path: [String(decoding: path.prefix(4096), as: UTF8.self)])
  }
}
