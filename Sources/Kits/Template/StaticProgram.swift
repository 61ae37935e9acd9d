package import Formats

/// An executable that needs nothing but a kernel: no interpreter, no libraries.
///
/// System V ABI, "ELF Header" and "Program Header".
package struct StaticProgram: Sendable, Hashable {
  /// Larger than any busybox, and little enough to hold in memory.
  static let sizeLimit = 64 << 20

  package let bytes: [UInt8]
  /// Debian's name of the architecture that it runs on.
  package let architecture: String

  /// - Throws: `FormatError` for what is no ELF executable, or one that is not static.
  package init(_ bytes: [UInt8]) throws(FormatError) {
    guard bytes.starts(with: ELFHeader.magic) else {
      throw FormatError(.malformed, "is not an ELF executable", offset: 0)
    }
    guard let header = Self.header(bytes) else {
      throw FormatError(.malformed, "has no whole ELF header", offset: 4)
    }
    // Executable, or shared object: what a position-independent program is.
    guard header.type == 2 || header.type == 3 else {
      throw FormatError(.malformed, "is an ELF file, but not an executable", offset: 16)
    }
    guard let parts = header.programTypes(of: bytes) else {
      throw FormatError(.malformed, "its program headers are outside the file", offset: 32)
    }
    // PT_INTERP names the dynamic linker.
    if let interpreter = parts.first(where: { $0.type == 3 }) {
      throw FormatError(
        .unsupported, "is linked dynamically, and a RAM disk has no libraries",
        offset: interpreter.offset)
    }
    self.bytes = bytes
    architecture = try Self.architecture(header)
  }

  /// Debian's name of the architecture of any ELF file; nil for other bytes.
  static func architecture(ofELF bytes: [UInt8]) -> String? {
    header(bytes).flatMap { try? architecture($0) }
  }

  private static func header(_ bytes: [UInt8]) -> ELFHeader? {
    guard bytes.count >= ELFHeader.size else { return nil }
    return try? ELFHeader(bytes[..<ELFHeader.size])
  }

  private static func architecture(_ header: ELFHeader) throws(FormatError) -> String {
    switch (header.machine, header.is64Bit, header.isLittleEndian) {
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
      throw FormatError(
        .unsupported, "is for an unknown machine, number \(header.machine)", offset: 18)
    }
  }
}
