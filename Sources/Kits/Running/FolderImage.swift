internal import Basics
internal import Formats

/// A folder of this machine, copied into a disk image for a guest that can't share it.
///
/// It has what this user can read of one file system: what is mounted in it stays empty, and so it is with virtiofs.
/// Devices, pipes and sockets are left out.
struct FolderImage {
  /// The most bytes of files.
  static let sizeLimit = 2 << 30
  private static let depthLimit = 128
  /// Where the copy is in the image, whose root has a lost+found that the folder has not.
  static let place = "tree"

  private let folder: String
  private let writer: Ext4Writer
  private let device: UInt64
  private let sizeLimit: Int
  private var size = 0
  /// Paths in the image of files with several names.
  private var names: [FileIdentity: String] = [:]
  /// What this user can't read.
  private(set) var unreadable: [String] = []

  /// Writes the image: raw, ext4.
  /// - Throws: `KitError.invalid` for a folder whose files have more than `sizeLimit` bytes.
  static func write(
    _ folder: String, to output: String, sizeLimit: Int = sizeLimit
  ) throws -> FolderImage {
    let file = try OutputFile(replacing: output)
    var image = try FolderImage(folder, file, sizeLimit)
    try image.add(folder, at: place, depth: 0)
    try ReadOnlyImage.finish(image.writer)
    try file.commit(mode: 0o600)
    return image
  }

  private init(_ folder: String, _ file: OutputFile, _ sizeLimit: Int) throws {
    guard let status = FileTree.status(folder) else {
      throw KitError(.missing, "\(folder): no such folder")
    }
    self.folder = folder
    self.sizeLimit = sizeLimit
    device = status.identity.device
    writer = try Ext4Writer(RawImageWriter(file), size: 64 << 20, mayGrow: true)
    try writer.addDirectory(Self.place, Self.attributes(status))
  }

  private static func attributes(_ status: FileTree.Status) -> Ext4Attributes {
    Ext4Attributes(
      mode: UInt16(truncatingIfNeeded: status.mode), owner: status.owner, group: status.group,
      modified: ReadOnlyImage.time(status.modified, status.modifiedNanoseconds))
  }

  private mutating func add(_ folder: String, at place: String, depth: Int) throws {
    guard depth < Self.depthLimit else {
      throw KitError(.invalid, "\(folder): is more than \(Self.depthLimit) folders deep")
    }
    guard let names = try Self.names(in: folder) else {
      unreadable.append(folder)
      return
    }
    for name in names {
      let path = folder == "/" ? "/\(name)" : "\(folder)/\(name)"
      // It may be gone meanwhile.
      guard let status = FileTree.status(path) else { continue }
      let inner = "\(place)/\(name)"
      let attributes = Self.attributes(status)
      switch status.kind {
      case .directory:
        try writer.addDirectory(inner, attributes)
        guard status.identity.device == device else { continue }
        try add(path, at: inner, depth: depth + 1)
      case .symbolicLink:
        try writer.addSymbolicLink(inner, to: FileTree.linkTarget(path), attributes)
      case .file:
        if let earlier = self.names[status.identity] {
          try writer.addHardLink(inner, to: earlier)
          continue
        }
        guard try addFile(path, at: inner, attributes) else {
          unreadable.append(path)
          continue
        }
        if status.links > 1 { self.names[status.identity] = inner }
      case .other: continue
      }
    }
  }

  /// - Returns: nil for a folder that can't be listed.
  private static func names(in folder: String) throws -> [String]? {
    do {
      return try FileTree.names(in: folder)
    } catch {
      if error.kind == .io { return nil }
      throw error
    }
  }

  /// - Returns: false for a file that can't be read.
  private mutating func addFile(
    _ path: String, at place: String, _ attributes: Ext4Attributes
  ) throws -> Bool {
    guard let file = try? InputFile(path) else { return false }
    size += file.size
    guard size <= sizeLimit else {
      throw KitError(
        .invalid,
        "\(folder): has more than \(sizeLimit >> 20) MiB of files, the most that run copies into a disk image",
        advice:
          "\(RunTransport.installation), use a kernel with 9p, such as linux-image-\(Machine.architecture.rawValue), or share a smaller folder (--root, --share)"
      )
    }
    try writer.addFile(place, attributes) { append in
      var offset = 0
      while offset < file.size {
        let piece = try file.read(at: offset, count: 1 << 18)
        try append(piece[...])
        offset += piece.count
      }
    }
    return true
  }
}
