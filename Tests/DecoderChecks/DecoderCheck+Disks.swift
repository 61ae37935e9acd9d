import Formats

/// Disk images and what is on them, and kernels.
extension DecoderCheck {
  static let disks = [
    DecoderCheck("qcow2") { bytes in
      // An L2 table alone has 64 KiB: what comes is the header and the L1 table, 64 entries of an L2
      // table at byte 1024, and what stands behind it.
      var image = Array(bytes.prefix(1024 + 512))
      image += [UInt8](repeating: 0, count: 1024 + 512 - image.count + 65536 - 512)
      image += bytes.dropFirst(1024 + 512)
      let disk = try DiskImage.open(file(image))
      for offset in [0, 1 << 16, 1 << 20, disk.size - 512] {
        let count = max(0, min(disk.size - offset, 1 << 17))
        if let read = try? disk.read(at: offset, count: count) {
          try require(read.count == count, "a read gives what was asked for")
        }
      }
    },
    DecoderCheck("ext4") { bytes in
      let system = try Ext4Reader(RawImageReader(file(bytes)))
      var paths = [""]
      var count = 0
      while let path = paths.popLast(), count < 200 {
        count += 1
        guard let entries = try? system.entries(of: path) else { continue }
        for entry in entries.prefix(50) {
          try require(entry.size >= 0, "a size is not negative")
          let below = "\(path)/\(String(decoding: entry.name, as: UTF8.self))"
          if entry.kind == .directory, below.utf8.count < 100 { paths.append(below) }
          if let content = try? system.contents(of: below, limit: unpackedLimit) {
            try require(content.count <= unpackedLimit, "a limit holds")
          }
        }
      }
    },
    DecoderCheck("partition-table") { bytes in
      for size in [512, 4096, 1 << 16] {
        let table = PartitionTable(reading: MemoryDisk(bytes), sectorSize: size)
        for number in [0, 1, 2, 5, 128, Int.max] {
          guard let entry = table?.entry(number) else { continue }
          try require([11, 36].contains(entry.uuid.count), "a partition has a UUID")
        }
      }
    },
    DecoderCheck("file-system") { bytes in
      let disk = MemoryDisk(bytes)
      _ = Ext4Check.isDue(disk, now: 1_700_000_000)
      guard let identity = FileSystemIdentity(reading: disk) else { return }
      try require(identity.label.count <= 2048, "a label is short")
      try require(
        identity.uuid.allSatisfy { (0x20..<0x7f).contains($0) } || identity.kind == .iso9660,
        "a UUID is text")
    },
    DecoderCheck("kernel-image") { bytes in
      let kernel = try KernelImage(size: bytes.count) { offset, count in
        guard offset >= 0, count >= 0, offset <= bytes.count else {
          throw BrokenPromise(promise: "what is read lies in the image")
        }
        return Array(bytes[offset..<min(bytes.count, offset + count)])
      }
      var unpacked = 0
      try kernel.unpack { offset, count in
        Array(bytes[min(offset, bytes.count)..<min(bytes.count, offset + count)])
      } _: {
        unpacked += $0.count
        if unpacked > unpackedLimit { throw FormatError(.limit, "enough") }
      }
    },
  ]

  private struct MemoryDisk: DiskReader {
    let bytes: [UInt8]
    var size: Int { bytes.count }

    init(_ bytes: [UInt8]) {
      self.bytes = bytes
    }

    func read(at offset: Int, count: Int) -> [UInt8] {
      guard offset >= 0, offset < bytes.count, count > 0 else { return [] }
      return Array(bytes[offset..<offset + min(count, bytes.count - offset)])
    }
  }
}
