internal import Basics
internal import Formats
package import Machines

/// The disk of `run --keep`, which holds what guests change of a root: an ext4 file system with the folders `upper` and
/// `work` of an overlay.
package enum RunChanges {
  /// The disk's serial number in the guest.
  static let serial = "minivm-changes"
  private static let label = "minivm-changes"
  /// Bytes of files.
  private static let room = 8 << 30

  /// Returns the disk, made where it is not there.
  /// - Parameter root: what tells the root from others.
  /// - Throws: `KitError` for a file that is no such disk, or that holds the changes of another root.
  package static func disk(_ path: String, root: String, jobs: Int) throws -> MachineDisk {
    let identity = HashComputation()
    identity.update(Array("minivm changes 1\0\(root)".utf8))
    let uuid = Array(identity.finalize().prefix(16))
    if FileTree.status(path, followingLink: true) == nil {
      return try make(path, uuid, jobs: jobs)
    }
    let disk = try RunDisk.disk(path, .readWrite)
    let found = try inside(path) {
      try FileSystemIdentity(reading: ProbedDisk(image: DiskImage.open(InputFile(path))))
    }
    guard let found, found.kind == .ext4, found.label.elementsEqual(label.utf8) else {
      throw KitError(
        .invalid, "\(path): is no disk that --keep has made",
        advice: "name a file that is not there")
    }
    guard found.uuid.elementsEqual(UUIDText.plain(uuid)) else {
      throw KitError(
        .invalid, "\(path): holds the changes of another root, or of an older state of this one",
        advice: "name another file for this root")
    }
    return disk
  }

  private static func make(_ path: String, _ uuid: [UInt8], jobs: Int) throws -> MachineDisk {
    let isRaw = [".raw", ".img", ".ext4"].contains { path.hasSuffix($0) }
    let output = try OutputFile(replacing: path)
    let image: any DiskImageWriter =
      isRaw ? RawImageWriter(output) : Qcow2Writer(output, compression: .zstd, jobs: jobs)
    let writer = try Ext4Writer(image, size: 64 << 20, mayGrow: true)
    let time = ReadOnlyImage.time(0)
    for folder in ["upper", "work"] {
      try writer.addDirectory(folder, Ext4Attributes(mode: 0o755, modified: time))
    }
    try writer.finish(
      Ext4Identity(uuid: uuid, hashSeed: uuid, label: label, timestamp: time), free: room,
      isWritten: true)
    try output.commit(mode: 0o600)
    return MachineDisk(path, format: isRaw ? .raw : .qcow2, access: .readWrite)
  }
}
