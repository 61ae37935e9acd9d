package import Formats

/// An executable that needs nothing but a kernel: no interpreter, no libraries.
///
/// System V ABI, "ELF Header" and "Program Header".
package struct StaticProgram: Sendable, Hashable {
  /// Larger than any busybox, and little enough to hold in memory.
  static let sizeLimit = 64 << 20

  package let bytes: [UInt8]
  /// What it runs on.
  package let architecture: Architecture

  /// - Throws: `FormatError` for what is no ELF executable, or one that is not static.
  package init(_ bytes: [UInt8]) throws(FormatError) {
    guard bytes.starts(with: ELFHeader.magic) else {
      throw FormatError(.malformed, "is not an ELF executable", offset: 0)
    }
    guard let header = Self.header(bytes) else {
      throw FormatError(.malformed, "has an incomplete ELF header", offset: 4)
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
        .unsupported, "is linked dynamically, and an initramfs has no libraries",
        offset: interpreter.offset)
    }
    self.bytes = bytes
    guard let architecture = Architecture(header) else {
      throw FormatError(
        .unsupported, "is for an unknown machine, number \(header.machine)", offset: 18)
    }
    self.architecture = architecture
  }

  /// The architecture of any ELF file; nil for other bytes.
  static func architecture(ofELF bytes: [UInt8]) -> Architecture? {
    header(bytes).flatMap(Architecture.init)
  }

  private static func header(_ bytes: [UInt8]) -> ELFHeader? {
    guard bytes.count >= ELFHeader.size else { return nil }
    return try? ELFHeader(bytes[..<ELFHeader.size])
  }
}
