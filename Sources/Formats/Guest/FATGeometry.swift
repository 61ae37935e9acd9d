/// Where a FAT file system's root directory is. Microsoft, "FAT32 File System Specification" 1.03.
struct FATGeometry {
  private let bytesPerSector: Int
  private let sectorsPerCluster: Int
  /// Of FAT12 and FAT16, whose root directory has its own place.
  private let rootEntries: Int
  /// Sectors.
  private let tables: Int
  private let reserved: Int
  /// Of FAT32; zero for the others.
  private let rootCluster: Int

  /// - Parameter bytes: the boot sector.
  /// - Returns: nil when it makes no sense.
  init?(_ bytes: Span<UInt8>, isFAT32: Bool) {
    guard let sector: UInt16 = bytes.littleEndian(at: 11), let cluster = bytes.byte(at: 13),
      let reserved: UInt16 = bytes.littleEndian(at: 14), let copies = bytes.byte(at: 16),
      let entries: UInt16 = bytes.littleEndian(at: 17),
      let short: UInt16 = bytes.littleEndian(at: 22),
      let long: UInt32 = bytes.littleEndian(at: 36), let root: UInt32 = bytes.littleEndian(at: 44),
      [512, 1024, 2048, 4096].contains(sector), cluster != 0, cluster & (cluster - 1) == 0
    else { return nil }
    bytesPerSector = Int(sector)
    sectorsPerCluster = Int(cluster)
    self.reserved = Int(reserved)
    rootEntries = Int(entries)
    tables = Int(copies) * (isFAT32 ? Int(long) : Int(short))
    rootCluster = isFAT32 ? Int(root) : 0
  }

  /// The entry that names the volume, 11 bytes; nil when there is none.
  func volumeName(_ disk: some DiskReader) -> [UInt8]? {
    let data = (reserved + tables) * bytesPerSector
    guard rootCluster != 0 else {
      return Self.volumeName(disk.read(at: data, count: rootEntries * 32))
    }
    var cluster = rootCluster
    // A chain may be a circle; a name stands in the first of its clusters.
    for _ in 0..<100 where cluster >= 2 {
      let size = sectorsPerCluster * bytesPerSector
      let entries = disk.read(at: data + (cluster - 2) * size, count: size)
      if let name = Self.volumeName(entries) { return name }
      guard !entries.isEmpty,
        let next: UInt32 = disk.read(at: reserved * bytesPerSector + cluster * 4, count: 4)
          .span.littleEndian(at: 0),
        next & 0x0fff_ffff < 0x0fff_fff7
      else { return nil }
      cluster = Int(next & 0x0fff_ffff)
    }
    return nil
  }

  private static func volumeName(_ entries: [UInt8]) -> [UInt8]? {
    let bytes = entries.span
    for offset in stride(from: 0, to: entries.count - 31, by: 32) {
      let first = entries[offset]
      if first == 0 { return nil }
      // Not a part of a long name, and not removed.
      guard first != 0xe5, entries[offset + 11] & 0x3f != 0x0f, entries[offset + 11] & 0x18 == 0x08
      else { continue }
      var name = bytes.bytes(at: offset, count: 11) ?? []
      if name.first == 0x05 { name[0] = 0xe5 }
      return name
    }
    return nil
  }
}
