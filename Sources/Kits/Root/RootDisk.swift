internal import Basics
internal import Formats
internal import Machines

/// The file system that a root is written into.
struct RootDisk {
  let writer: any FileSystemWriter
  private let options: RootOptions
  private let ext4: Ext4Writer?
  private let squashfs: SquashfsWriter?

  /// - Parameters:
  ///   - level: zstd's, of a squashfs.
  ///   - expecting: bytes of content, about.
  init(
    _ options: RootOptions, _ output: OutputFile, level: Int32, expecting: Int, jobs: Int
  ) throws {
    self.options = options
    switch options.fileSystem {
    case .ext4:
      let image: any DiskImageWriter =
        options.diskFormat == .raw
        ? RawImageWriter(output) : Qcow2Writer(output, compression: .zstd, jobs: jobs)
      let size = options.size.map { $0 << 20 } ?? (expecting.addingSaturated(64 << 20) & ~0xfffff)
      let writer = try Ext4Writer(image, size: size, mayGrow: options.size == nil)
      (self.writer, ext4, squashfs) = (writer, writer, nil)
    case .squashfs:
      let writer = SquashfsWriter(output, level: level, jobs: jobs)
      (self.writer, ext4, squashfs) = (writer, nil, writer)
    }
  }

  /// - Parameter identity: a SHA-256 of all that is on the disk.
  /// - Returns: bytes of the disk, and its UUID.
  func finish(identity: [UInt8], timestamp: FileTime) throws -> (size: Int, uuid: String) {
    let uuid = Self.uuid(identity[..<16])
    if let ext4 {
      let summary = try ext4.finish(
        Ext4Identity(
          uuid: uuid, hashSeed: Self.uuid(identity[16...]), label: options.label,
          timestamp: Ext4Time(nearest: timestamp)),
        free: options.size == nil ? options.free << 20 : 0, isWritten: true)
      return (summary.size, String(decoding: UUIDText.plain(uuid), as: UTF8.self))
    }
    let summary = try squashfs?.finish(
      SquashfsIdentity(uuid: uuid, label: options.label, timestamp: timestamp.seconds))
    return (summary?.size ?? 0, String(decoding: UUIDText.plain(uuid), as: UTF8.self))
  }

  /// Version 8: made from a hash. RFC 9562, section 5.8.
  private static func uuid(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var bytes = Array(bytes.prefix(16))
    bytes[6] = bytes[6] & 0x0f | 0x80
    bytes[8] = bytes[8] & 0x3f | 0x80
    return bytes
  }
}
