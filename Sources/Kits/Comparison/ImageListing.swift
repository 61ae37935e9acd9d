internal import Basics
internal import Formats
internal import Modules

/// Everything that is in an image, by path: in an initramfs, or on a disk.
package struct ImageListing: Sendable {
  /// More than any kit has.
  private static let entryLimit = 1 << 20
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

  /// What an image holds, whatever it is.
  package init(image path: String) throws {
    let image = try FileSystemImage(path)
    self = image.kind == .initramfs ? try Self(ramDisk: path) : try Self(image)
  }

  /// What a disk holds.
  package init(disk path: String) throws { try self.init(FileSystemImage(path)) }

  private init(_ image: FileSystemImage) throws {
    properties = image.properties
    properties["file system"] = image.kind.rawValue
    try inside(image.path) {
      let members = FileSystemMembers(image.files)
      while let member = try members.next() {
        let path = ByteText.escaped(member.path)
        switch member.kind {
        case .hardLink(let target):
          let first = ByteText.escaped(target)
          guard var entry = entries[first] else { continue }
          entry.target = first
          try add(path, entry)
        case .node(let kind):
          guard !path.isEmpty else { continue }
          var entry = ImageEntry(kind, member.attributes)
          if entry.kind == .file {
            let hash = HashComputation()
            try members.body.forEachPiece { hash.update($0) }
            entry.sha256 = Digest.text(hash.finalize())
          }
          try add(path, entry)
        }
      }
    }
    try image.checkUnchanged()
  }

  private mutating func add(_ path: String, _ entry: ImageEntry) throws(FormatError) {
    guard entries.count < Self.entryLimit else {
      throw FormatError(.limit, "more than \(Self.entryLimit) files")
    }
    entries[path] = entry
  }
}

extension ImageEntry {
  fileprivate init(_ kind: FileKind, _ attributes: FileAttributes) {
    self.init(
      kind: .other, mode: UInt32(attributes.mode), owner: Int(attributes.owner),
      group: Int(attributes.group), modified: Self.text(attributes.modified), size: 0)
    switch kind {
    case .file(let size): (self.kind, self.size) = (.file, size)
    case .directory: self.kind = .directory
    case .symbolicLink(let target): (self.kind, self.target) = (.link, ByteText.escaped(target))
    case .characterDevice(let major, let minor), .blockDevice(let major, let minor):
      (self.kind, target) = (.device, "\(major):\(minor)")
    case .fifo, .socket: break
    }
    if !attributes.extended.isEmpty {
      extended = Dictionary(
        attributes.extended.map { (ByteText.escaped($0.name), Digest.text($0.value)) },
        uniquingKeysWith: { first, _ in first })
    }
  }

  /// Seconds since 1970, as a decimal number.
  private static func text(_ time: FileTime) -> String {
    guard time.nanoseconds != 0 else { return "\(time.seconds)" }
    var digits = String(String(1_000_000_000 + time.nanoseconds).dropFirst())
    while digits.last == "0" { digits.removeLast() }
    return "\(time.seconds).\(digits)"
  }

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
