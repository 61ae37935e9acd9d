internal import Formats

/// Everything that is in one of a kit's images, by path: in its RAM disk, or on its modules disk.
public struct ImageListing: Sendable {
  /// More than any kit has.
  private static let entryLimit = 1 << 20
  private static let depthLimit = 100
  /// The most bytes of a file of a RAM disk.
  private static let fileLimit = 1 << 30

  public private(set) var entries: [String: ImageEntry] = [:]
  /// What the image says of itself: its size, its label.
  public private(set) var properties: [String: String] = [:]

  /// What a compressed cpio archive holds.
  public init(ramDisk path: String) throws {
    let (archive, compression) = try RamDiskContent.archive(InputFile(path))
    properties["compression"] = compression.rawValue
    // Of files with several names: however many they are, each file is hashed once.
    var hashes: [FileIdentity: String] = [:]
    try inside(path) {
      while let entry = try archive.next() {
        let bytes = try archive.body(limit: Self.fileLimit)
        let kind = Self.kind(entry.mode)
        let known = entry.isAnotherName ? entry.identity.flatMap { hashes[$0] } : nil
        let sha256 = kind == .file ? known ?? Digest.sha256(of: bytes) : nil
        if let identity = entry.identity { hashes[identity] = sha256 }
        try add(
          entry.path,
          ImageEntry(
            kind: kind, mode: entry.mode & 0o7777, owner: entry.owner, group: entry.group,
            modified: "\(entry.modified)", size: kind == .file ? bytes.count : 0,
            sha256: sha256,
            target: kind == .link
              ? String(decoding: bytes, as: UTF8.self)
              : kind == .device ? entry.device.map(String.init).joined(separator: ":") : nil))
      }
    }
  }

  /// What an ext4 disk holds.
  public init(disk path: String) throws {
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

  private static func kind(_ mode: UInt32) -> ImageEntry.Kind {
    switch mode & 0o170000 {
    case 0o100000: .file
    case 0o040000: .directory
    case 0o120000: .link
    case 0o020000, 0o060000: .device
    default: .other
    }
  }

  /// Seconds since 1970, as a decimal number.
  private static func text(_ time: Ext4Time) -> String {
    guard time.nanoseconds != 0 else { return "\(time.seconds)" }
    var digits = String(String(1_000_000_000 + time.nanoseconds).dropFirst())
    while digits.last == "0" { digits.removeLast() }
    return "\(time.seconds).\(digits)"
  }
}
