public import Formats

/// An executable that needs nothing but a kernel: no interpreter, no libraries.
///
/// System V ABI, "ELF Header" and "Program Header".
public struct StaticProgram: Sendable, Hashable {
  /// Larger than any busybox, and little enough to hold in memory.
  static let sizeLimit = 64 << 20

  public let bytes: [UInt8]
  /// Debian's name of the architecture that it runs on.
  public let architecture: String

  /// - Throws: `FormatError` for what is no ELF executable, or one that is not static.
  public init(_ bytes: [UInt8]) throws(FormatError) {
    guard bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else {
      throw FormatError(.malformed, "is not an ELF executable", offset: 0)
    }
    guard bytes.count >= 64, [1, 2].contains(bytes[4]), [1, 2].contains(bytes[5]) else {
      throw FormatError(.malformed, "has no whole ELF header", offset: 4)
    }
    let header = ELFHeader(is64Bit: bytes[4] == 2, isLittleEndian: bytes[5] == 1)
    var reader = ByteReader(bytes)
    try reader.seek(to: 16)
    let type = try header.half(&reader)
    let machine = try header.half(&reader)
    // Executable, or shared object: what a position-independent program is.
    guard type == 2 || type == 3 else {
      throw FormatError(.malformed, "is an ELF file, but not an executable", offset: 16)
    }
    try reader.seek(to: header.is64Bit ? 32 : 28)
    let table = try header.address(&reader)
    try reader.seek(to: header.is64Bit ? 54 : 42)
    let size = Int(try header.half(&reader))
    let count = Int(try header.half(&reader))
    guard let start = Int(exactly: table), size >= (header.is64Bit ? 56 : 32), count > 0,
      start <= bytes.count, count * size <= bytes.count - start
    else { throw FormatError(.malformed, "its program headers are outside the file", offset: 32) }
    for index in 0..<count {
      try reader.seek(to: start + index * size)
      // PT_INTERP names the dynamic linker.
      guard try header.word(&reader) != 3 else {
        throw FormatError(
          .unsupported, "is linked dynamically, and a RAM disk has no libraries",
          offset: start + index * size)
      }
    }
    self.bytes = bytes
    architecture = try Self.architecture(machine, header)
  }

  /// Debian's name of the architecture of any ELF file; nil for other bytes.
  static func architecture(ofELF bytes: [UInt8]) -> String? {
    guard bytes.starts(with: [0x7f, 0x45, 0x4c, 0x46]), bytes.count >= 64 else { return nil }
    let header = ELFHeader(is64Bit: bytes[4] == 2, isLittleEndian: bytes[5] == 1)
    var reader = ByteReader(bytes)
    guard (try? reader.seek(to: 18)) != nil, let machine = try? header.half(&reader) else {
      return nil
    }
    return try? architecture(machine, header)
  }

  private static func architecture(_ machine: UInt16, _ header: ELFHeader) throws(FormatError)
    -> String
  {
    switch (machine, header.is64Bit, header.isLittleEndian) {
    case (3, false, true): return "i386"
    case (8, true, true): return "mips64el"
    case (8, false, true): return "mipsel"
    case (21, true, true): return "ppc64el"
    case (22, true, false): return "s390x"
    case (40, false, true): return "armhf"
    case (62, true, true): return "amd64"
    case (183, true, true): return "arm64"
    case (243, true, true): return "riscv64"
    case (258, true, true): return "loong64"
    default:
      throw FormatError(.unsupported, "is for an unknown machine, number \(machine)", offset: 18)
    }
  }
}

/// How wide an ELF file's fields are, and in which order their bytes stand.
private struct ELFHeader {
  var is64Bit: Bool
  var isLittleEndian: Bool

  func half(_ reader: inout ByteReader) throws(FormatError) -> UInt16 {
    isLittleEndian ? try reader.littleEndian() : try reader.bigEndian()
  }

  func word(_ reader: inout ByteReader) throws(FormatError) -> UInt32 {
    isLittleEndian ? try reader.littleEndian() : try reader.bigEndian()
  }

  func address(_ reader: inout ByteReader) throws(FormatError) -> UInt64 {
    guard is64Bit else { return UInt64(try word(&reader)) }
    return isLittleEndian ? try reader.littleEndian() : try reader.bigEndian()
  }
}
