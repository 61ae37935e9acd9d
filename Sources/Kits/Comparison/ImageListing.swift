internal import Basics
internal import Formats
internal import Modules

/// Everything that is in one of a kit's images, by path: in its RAM disk, or on its modules disk.
package struct ImageListing: Sendable {
  /// More than any kit has.
  private static let entryLimit = 1 << 20
  private static let depthLimit = 100
  /// The most bytes of a file of a RAM disk.
  private static let fileLimit = 1 << 30

  package private(set) var entries: [String: ImageEntry] = [:]
  /// What the image says of itself: its size, its label.
  package private(set) var properties: [String: String] = [:]
  /// A hash of the paths of a RAM disk's entries, in the order that they are stored in.
  private(set) var order: String?

  /// What a kernel has after it unpacked an initramfs.
  package init(ramDisk path: String) throws {
    let file = try InputFile(path)
    try inside(path) {
      let reader = try InitramfsReader(file)
      var tree = InitramfsTree<String>()
      let order = HashComputation()
      var archives = 0
      while let entry = try reader.next() {
        archives = entry.archive + 1
        order.update(Array("\(archives) \(entry.path)\0".utf8))
        try tree.add(entry, of: reader) { _, _ in
          Digest.sha256(of: try reader.body(limit: Self.fileLimit))
        }
      }
      self.order = Digest.text(order.finalize())
      try addParts(of: reader, archives: archives, dropped: tree.dropped.count)
      // Of a file with several names, the others say which is the first.
      var names: [Int: String] = [:]
      for (path, node) in tree.entries.sorted(by: { $0.key.isBefore($1.key) }) {
        let first = tree.number(of: path).flatMap {
          names.updateValue(names[$0] ?? path, forKey: $0)
        }
        try add(path, ImageEntry(node, firstName: first))
      }
    }
  }

  private mutating func addParts(of reader: InitramfsReader, archives: Int, dropped: Int) throws {
    properties["compression"] = reader.parts.map(\.compression.rawValue).joined(separator: ", ")
    properties["number of archives"] = "\(archives)"
    if dropped > 0 { properties["number of entries that the kernel drops"] = "\(dropped)" }
    if let offset = reader.bootConfigurationOffset {
      let bytes = try reader.file.read(at: offset, count: reader.file.size - offset)
      properties["boot configuration"] = "one with SHA-256 \(Digest.sha256(of: bytes))"
    }
  }

  /// What an ext4 disk holds.
  package init(disk path: String) throws {
    let file = try InputFile(path)
    try inside(path) {
      let image = try DiskImage.open(file)
      let system = try Ext4Reader(image)
      properties["size"] = "\(image.size)"
      properties["label"] = String(decoding: system.label, as: UTF8.self)
      properties["UUID"] = String(decoding: UUIDText.plain(system.uuid), as: UTF8.self)
      var seen: Set<UInt32> = []
      try addFolder("", of: system, depth: 0, &seen)
    }
    try file.checkUnchanged()
  }

  private mutating func addFolder(
    _ folder: String, of system: Ext4Reader, depth: Int, _ seen: inout Set<UInt32>
  ) throws {
    for found in try system.entries(of: folder) ?? [] {
      guard let name = String(validating: found.name, as: UTF8.self) else {
        throw FormatError(.malformed, "\(folder.quoted) has a name that is not UTF-8")
      }
      let path = folder.isEmpty ? name : "\(folder)/\(name)"
      var entry = ImageEntry(
        kind: .other, mode: found.mode, owner: found.owner, group: found.group,
        modified: Self.text(found.modified), size: 0)
      switch found.kind {
      case .file:
        entry.kind = .file
        entry.size = found.size
        let bytes = try system.contents(of: path, limit: ModuleTree.sizeLimit) ?? []
        entry.sha256 = Digest.sha256(of: bytes)
      case .symbolicLink:
        entry.kind = .link
        entry.target = try system.target(of: path).map { String(decoding: $0, as: UTF8.self) }
      case .directory:
        entry.kind = .directory
      case .other: break
      }
      try add(path, entry)
      guard entry.kind == .directory else { continue }
      guard seen.insert(found.number).inserted, depth < Self.depthLimit else {
        throw FormatError(.malformed, "the folder \(path.quoted) is in itself")
      }
      try addFolder(path, of: system, depth: depth + 1, &seen)
    }
  }

  private mutating func add(_ path: String, _ entry: ImageEntry) throws(FormatError) {
    guard entries.count < Self.entryLimit else {
      throw FormatError(.limit, "more than \(Self.entryLimit) files")
    }
    entries[path] = entry
  }

  /// Seconds since 1970, as a decimal number.
  private static func text(_ time: Ext4Time) -> String {
    guard time.nanoseconds != 0 else { return "\(time.seconds)" }
    var digits = String(String(1_000_000_000 + time.nanoseconds).dropFirst())
    while digits.last == "0" { digits.removeLast() }
    return "\(time.seconds).\(digits)"
  }
}

extension ImageEntry {
  /// - Parameter firstName: another name of the same file, which comes before this one.
  fileprivate init(_ node: InitramfsTree<String>.Node, firstName: String?) {
    let kind: Kind =
      switch node.mode & 0o170000 {
      case 0o100000: .file
      case 0o040000: .directory
      case 0o120000: .link
      case 0o020000, 0o060000: .device
      default: .other
      }
    self.init(
      kind: kind, mode: node.mode & 0o7777, owner: node.owner, group: node.group,
      modified: "\(node.modified)", size: node.size, sha256: node.content,
      target: kind == .device
        ? node.device.map(String.init).joined(separator: ":") : node.target ?? firstName)
  }
}
