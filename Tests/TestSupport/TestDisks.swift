public import Formats

/// An image of a disk in memory.
public struct MemoryDisk: DiskReader {
  private let bytes: [UInt8]

  public init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  public var size: Int { bytes.count }

  public func read(at offset: Int, count: Int) -> [UInt8] {
    guard offset >= 0, offset < bytes.count, count > 0 else { return [] }
    return Array(bytes[offset..<offset + min(count, bytes.count - offset)])
  }
}

/// An image of a disk in a file.
public struct FileDisk: DiskReader {
  private let file: InputFile

  public init(_ path: String) throws {
    file = try InputFile(path)
  }

  public var size: Int { file.size }

  public func read(at offset: Int, count: Int) -> [UInt8] {
    guard offset >= 0, count > 0 else { return [] }
    return (try? file.read(at: offset, count: count)) ?? []
  }
}
