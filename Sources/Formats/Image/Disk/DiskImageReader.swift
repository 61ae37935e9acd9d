/// A disk image that is read, whatever its format.
///
/// To be called from one thread at a time.
package protocol DiskImageReader: AnyObject {
  /// Bytes of the disk.
  var size: Int { get }

  /// Exactly `count` bytes of the disk from `offset` on.
  /// - Throws: `FormatError.truncated` when they lie past the disk's end.
  func read(at offset: Int, count: Int) throws -> [UInt8]
}

extension DiskImage {
  /// The most bytes that are read at once.
  static let readLimit = 1 << 28

  static func check(_ offset: Int, _ count: Int, size: Int) throws(FormatError) {
    guard offset >= 0, count >= 0, count <= readLimit, offset <= size, count <= size - offset else {
      throw FormatError(.truncated, "the disk of \(size) bytes ends early", offset: offset)
    }
  }
}

/// A file that is the disk.
package final class RawImageReader: DiskImageReader {
  private let file: InputFile
  package var size: Int { file.size }

  package init(_ file: InputFile) {
    self.file = file
  }

  package func read(at offset: Int, count: Int) throws -> [UInt8] {
    try DiskImage.check(offset, count, size: size)
    return try file.read(at: offset, count: count)
  }
}
