internal import Basics
package import Formats

/// A file of this machine that holds a file system: a root disk, a modules disk or an initramfs.
package struct FileSystemImage {
  package enum Kind: String, Codable, Sendable {
    case ext4, squashfs, initramfs
  }

  package let path: String
  package let kind: Kind
  package let files: any FileSystemReader
  /// What the image says of itself, such as its label.
  package let properties: [String: String]
  private let file: InputFile

  /// Opens an image, whatever it is.
  /// - Throws: `KitError.missing` where there is no such file, `KitError.invalid` for what is no such image.
  package init(_ path: String) throws {
    self.path = path
    guard let status = FileTree.status(path, followingLink: true) else {
      throw KitError(.missing, "\(path): no such file")
    }
    guard status.kind != .directory else {
      throw KitError(
        .invalid, "\(path): is a folder",
        advice: "name an image: a root disk, a modules disk or an initramfs")
    }
    let file = try InputFile(path)
    self.file = file
    (kind, files, properties) = try inside(path) { try Self.open(file) }
  }

  private static func open(
    _ file: InputFile
  ) throws -> (Kind, any FileSystemReader, [String: String]) {
    let start = try file.read(at: 0, count: min(file.size, 512))
    if isInitramfs(start) {
      return (.initramfs, try InitramfsFiles(InitramfsReader(file)), [:])
    }
    let disk = try DiskImage.open(file)
    let properties = ["size": "\(disk.size)"]
    if SquashfsReader.isFileSystem(disk) {
      let system = try SquashfsReader(disk)
      var all = properties
      if let (uuid, label) = system.identity {
        all["label"] = String(decoding: label, as: UTF8.self)
        all["UUID"] = String(decoding: UUIDText.plain(uuid), as: UTF8.self)
      }
      return (.squashfs, system, all)
    }
    guard Ext4Reader.isFileSystem(disk) else {
      throw FormatError(.malformed, "is neither an ext4 or squashfs disk nor an initramfs")
    }
    let system = try Ext4Reader(disk)
    return (
      .ext4, system,
      properties.merging([
        "label": String(decoding: system.label, as: UTF8.self),
        "UUID": String(decoding: UUIDText.plain(system.uuid), as: UTF8.self),
      ]) { $1 }
    )
  }

  /// A cpio archive, or anything compressed, of which no disk is made.
  private static func isInitramfs(_ start: [UInt8]) -> Bool {
    start.starts(with: Array("0707".utf8)) || Compression.detect(start) != .none
  }

  /// - Throws: `FormatError.io` for an image that was written to since it was opened.
  package func checkUnchanged() throws { try file.checkUnchanged() }

  /// Returns the file of a path.
  /// - Throws: `KitError.missing` where there is none.
  package func find(_ path: String, followingLast: Bool = true) throws -> UInt64 {
    guard
      let inode = try inside(
        self.path, { try files.find(Array(path.utf8), followingLast: followingLast) })
    else {
      throw KitError(
        .missing, "\(self.path): has no \(path.quoted)",
        advice: "minivm ls -R \(self.path.shellQuoted) shows what it has")
    }
    return inode
  }
}
