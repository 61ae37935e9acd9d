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

  /// The disk in a file: qcow2 by its first bytes, or else raw.
  package static func open(_ file: InputFile) throws -> any DiskImageReader {
    try isQcow2(file) ? Qcow2Reader(file) : RawImageReader(file)
  }

  /// Whether a file's first bytes are those of a qcow2 image.
  package static func isQcow2(_ file: InputFile) throws(FormatError) -> Bool {
    try file.read(at: 0, count: Qcow2Header.magic.count) == Qcow2Header.magic
  }

  /// Whether a qcow2 image is not whole: it has a backing file, or its data in another file.
  package static func needsAnotherFile(_ file: InputFile) throws -> Bool {
    try Qcow2Header.needsAnotherFile(file.read(at: 0, count: Qcow2Header.length))
  }

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
