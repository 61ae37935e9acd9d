internal import Basics
internal import Formats
package import Machines

/// A file system on a disk image, which a guest of `minivm run` mounts read-only.
package struct RunImage: Sendable, Hashable {
  package var disk: MachineDisk
  /// Nil where the file system takes the whole disk.
  package var partition: Int?
  /// The kernel's name of it.
  package var fileSystem: String
  /// The folder that the guest sees, below the file system's root; empty for that.
  var folder = ""

  init(_ path: String, format: MachineDisk.Format, fileSystem: String) {
    disk = MachineDisk(path, format: format, access: .unchanged)
    self.fileSystem = fileSystem
  }

  /// Finds the file system of a root disk: the disk's own, or that of its largest partition that has one.
  /// - Throws: `KitError.invalid` for a disk without a file system that Linux has a root on.
  init(detecting path: String) throws {
    if FileTree.isBlockDevice(path) {
      throw KitError(
        .invalid, "\(path): is a block device, not an image", advice: "mount it and give the folder"
      )
    }
    disk = try RunDisk.disk(path, .unchanged)
    (partition, fileSystem) = try Self.fileSystem(
      on: inside(path) { try DiskImage.open(InputFile(path)) }, path)
  }

  private static func fileSystem(
    on disk: any DiskImageReader, _ path: String
  ) throws -> (partition: Int?, name: String) {
    if let kind = FileSystemIdentity(reading: ProbedDisk(image: disk))?.kind {
      return (nil, try name(kind, path))
    }
    var found: [(number: Int, size: Int, kind: FileSystemIdentity.Kind)] = []
    for number in 1...128 {
      guard let part = part(number, of: disk),
        let kind = FileSystemIdentity(reading: ProbedDisk(image: part))?.kind
      else { continue }
      found.append((number, part.size, kind))
    }
    let roots = found.filter { rootKinds.contains($0.kind) }
    if let root = roots.max(by: { $0.size < $1.size }) {
      return (root.number, try name(root.kind, path))
    }
    if let other = found.first(where: { $0.kind.isMember }) ?? found.first {
      _ = try name(other.kind, "\(path): partition \(other.number)")
    }
    throw KitError(
      .invalid, "\(path): has no file system that is known",
      advice: "give a disk image with ext4, xfs, btrfs, f2fs, squashfs or erofs, a tar or a folder")
  }

  /// A partition, with sectors of 512 bytes or of 4096.
  private static func part(_ number: Int, of disk: any DiskImageReader) -> ImagePart? {
    for sectorSize in [512, 4096] {
      let table = PartitionTable(reading: ProbedDisk(image: disk), sectorSize: sectorSize)
      if let range = table?.range(of: number) { return ImagePart(disk, range) }
    }
    return nil
  }

  private static let rootKinds: [FileSystemIdentity.Kind] = [
    .ext4, .xfs, .btrfs, .squashfs, .erofs, .f2fs,
  ]

  private static func name(
    _ kind: FileSystemIdentity.Kind, _ place: String
  ) throws(KitError) -> String {
    guard rootKinds.contains(kind) || kind == .iso9660 else {
      throw KitError(
        .invalid, "\(place): holds \(kind.name), which is no root",
        advice: "name a root's disk image")
    }
    return "\(kind.name)"
  }

  /// The modules that the guest needs, without those of virtio-blk.
  var modules: [String] { fileSystem == "iso9660" ? ["isofs"] : [fileSystem] }

  /// A file of the image, where its file system is one that is read here.
  func contents(of path: String, limit: Int) throws -> [UInt8]? {
    guard fileSystem == "ext4" else { return nil }
    let disk = try DiskImage.open(InputFile(self.disk.path))
    guard let partition else { return try Ext4Reader(disk).contents(of: path, limit: limit) }
    guard let part = Self.part(partition, of: disk) else { return nil }
    return try Ext4Reader(part).contents(of: path, limit: limit)
  }
}

/// A part of a disk image.
private final class ImagePart: DiskImageReader {
  private let image: any DiskImageReader
  private let range: Range<Int>

  init(_ image: any DiskImageReader, _ range: Range<Int>) {
    (self.image, self.range) = (image, range)
  }

  var size: Int { range.count }

  func read(at offset: Int, count: Int) throws -> [UInt8] {
    guard offset >= 0, count >= 0, count <= size, offset <= size - count else {
      throw FormatError(.truncated, "the partition of \(size) bytes ends early", offset: offset)
    }
    return try image.read(at: range.lowerBound + offset, count: count)
  }
}

/// A disk image as what looks for file systems reads it: what can't be read is not there.
struct ProbedDisk: DiskReader {
  let image: any DiskImageReader

  var size: Int { image.size }

  func read(at offset: Int, count: Int) -> [UInt8] {
    guard (0..<size).contains(offset) else { return [] }
    return (try? image.read(at: offset, count: min(count, size - offset))) ?? []
  }
}
