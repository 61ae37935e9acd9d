extension DiskImage {
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
}
