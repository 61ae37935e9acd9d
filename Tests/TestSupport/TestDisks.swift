import Formats

/// An image of a disk in memory.
package struct MemoryDisk: DiskReader {
  private let bytes: [UInt8]

  package init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  package var size: Int { bytes.count }

  package func read(at offset: Int, count: Int) -> [UInt8] {
    guard offset >= 0, offset < bytes.count, count > 0 else { return [] }
    return Array(bytes[offset..<offset + min(count, bytes.count - offset)])
  }
}

/// An image of a disk in a file.
package struct FileDisk: DiskReader {
  private let file: InputFile

  package init(_ path: String) throws {
    file = try InputFile(path)
  }

  package var size: Int { file.size }

  package func read(at offset: Int, count: Int) -> [UInt8] {
    guard offset >= 0, count > 0 else { return [] }
    return (try? file.read(at: offset, count: count)) ?? []
  }
}
