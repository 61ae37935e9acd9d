/// The names of a disk's partitions, for kernels that do not tell them.
package struct PartitionTable<Disk: DiskReader> {
  /// What a table says of a partition.
  package struct Entry: Equatable, Sendable {
    /// As blkid(8) and the kernel write it.
    package var uuid: [UInt8]
    /// Empty where there is none.
    package var name: [UInt8]
  }

  private enum Kind {
    /// Of the first entry, bytes from the disk's start; bytes of each entry; entries.
    case gpt(start: Int, size: Int, count: Int)
    case mbr(signature: UInt32)
  }

  private let disk: Disk
  private let kind: Kind
  private let sectorSize: Int

  /// - Parameter sectorSize: bytes of a logical sector.
  /// - Returns: nil when there is no table.
  package init?(reading disk: Disk, sectorSize: Int) {
    guard sectorSize >= 512, sectorSize <= 1 << 16 else { return nil }
    let sector = disk.read(at: 0, count: 512)
    let bytes = sector.span
    guard bytes.littleEndian(at: 510) == 0xAA55 as UInt16 else { return nil }
    self.disk = disk
    self.sectorSize = sectorSize
    // UEFI, "Protective MBR": a partition of this type covers a GPT.
    let isProtective = (0..<4).contains { bytes.byte(at: 446 + 16 * $0 + 4) == 0xEE }
    if isProtective,
      let gpt = Self.header(disk, at: sectorSize, sectorSize)
        ?? Self.header(disk, at: (disk.size / sectorSize - 1) * sectorSize, sectorSize)
    {
      kind = gpt
    } else if let signature: UInt32 = bytes.littleEndian(at: 440) {
      kind = .mbr(signature: signature)
    } else {
      return nil
    }
  }

  /// UEFI, "GPT Header".
  private static func header(_ disk: Disk, at offset: Int, _ sectorSize: Int) -> Kind? {
    let sector = disk.read(at: offset, count: sectorSize)
    let bytes = sector.span
    guard bytes.has("EFI PART", at: 0), let length: UInt32 = bytes.littleEndian(at: 12),
      (92...UInt32(sectorSize)).contains(length),
      let checksum: UInt32 = bytes.littleEndian(at: 16),
      let first: UInt64 = bytes.littleEndian(at: 72),
      let count: UInt32 = bytes.littleEndian(at: 80),
      let size: UInt32 = bytes.littleEndian(at: 84),
      first > 0, first < UInt64(Int.max / sectorSize), size >= 128, size <= 1 << 16
    else { return nil }
    var header = Array(sector.prefix(Int(length)))
    for index in 16..<20 { header[index] = 0 }
    guard CRC32.checksum(header) == checksum else { return nil }
    return .gpt(start: Int(first) * sectorSize, size: Int(size), count: Int(count))
  }

  /// - Parameter number: as the kernel counts, from 1.
  /// - Returns: nil when the table has no such partition.
  package func entry(_ number: Int) -> Entry? {
    switch kind {
    case .mbr(let signature):
      guard (1...255).contains(number) else { return nil }
      var uuid: [UInt8] = []
      for shift in [24, 16, 8, 0] as [UInt32] {
        UUIDText.appendHexadecimal(UInt8(truncatingIfNeeded: signature >> shift), to: &uuid)
      }
      uuid.append(UInt8(ascii: "-"))
      UUIDText.appendHexadecimal(UInt8(number), to: &uuid)
      return Entry(uuid: uuid, name: [])
    case .gpt(let start, let size, let count):
      guard number >= 1, number <= count, start <= Int.max - number * size else { return nil }
      let entry = disk.read(at: start + (number - 1) * size, count: 128)
      let bytes = entry.span
      // UEFI, "GPT Partition Entry Array": an entry whose type is zero is not in use.
      guard entry.count == 128, entry.prefix(16).contains(where: { $0 != 0 }),
        let uuid = bytes.bytes(at: 16, count: 16)
      else { return nil }
      return Entry(
        uuid: UUIDText.mixed(uuid), name: UTF16Text.utf8(bytes, at: 56, units: 36))
    }
  }

  /// Where a partition lies, in bytes from the disk's start.
  /// - Parameter number: as the kernel counts, from 1; logical partitions, from 5 on in an MBR, are not looked up.
  /// - Returns: nil when the table has no such partition, or it does not lie on the disk.
  package func range(of number: Int) -> Range<Int>? {
    let (first, count): (UInt64, UInt64)
    switch kind {
    case .mbr:
      guard (1...4).contains(number) else { return nil }
      // Type, first sector, sectors; an extended partition only holds others.
      let entry = disk.read(at: 446 + 16 * (number - 1), count: 16)
      let bytes = entry.span
      guard let type = bytes.byte(at: 4), ![0, 5, 15, 0x85].contains(type),
        let start: UInt32 = bytes.littleEndian(at: 8),
        let length: UInt32 = bytes.littleEndian(at: 12)
      else { return nil }
      (first, count) = (UInt64(start), UInt64(length))
    case .gpt(let start, let size, let entries):
      guard number >= 1, number <= entries, start <= Int.max - number * size else { return nil }
      let entry = disk.read(at: start + (number - 1) * size, count: 128)
      let bytes = entry.span
      guard entry.prefix(16).contains(where: { $0 != 0 }),
        let begin: UInt64 = bytes.littleEndian(at: 32),
        let end: UInt64 = bytes.littleEndian(at: 40),
        begin <= end, end < UInt64(Int.max)
      else { return nil }
      (first, count) = (begin, end - begin + 1)
    }
    let sectors = UInt64(max(0, disk.size) / sectorSize)
    guard first > 0, count > 0, first < sectors, count <= sectors - first else { return nil }
    return Int(first) * sectorSize..<Int(first + count) * sectorSize
  }
}

/// The CRC of Ethernet and GPT: polynomial 0x04C11DB7, reflected. UEFI, "GPT Header".
enum CRC32 {
  static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var crc = ~0 as UInt32
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return ~crc
  }
}
