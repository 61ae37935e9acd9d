/// What an ELF file begins with, for either class and byte order.
///
/// System V ABI, "ELF Header". Extended numbering of sections and program headers is not read.
package struct ELFHeader: Sendable, Hashable {
  /// Of sections or of program headers.
  struct Table: Sendable, Hashable {
    /// Bytes from the start of the file, whatever its size is.
    var offset: UInt64
    /// Bytes.
    var entrySize: Int
    var count: Int
  }

  /// The header's bytes in a file of 64-bit addresses; others have 52.
  package static let size = 64
  package static let magic: [UInt8] = [0x7f, 0x45, 0x4c, 0x46]

  /// 64-bit addresses and offsets, against 32-bit ones.
  package let is64Bit: Bool
  package let isLittleEndian: Bool
  /// `e_type` and `e_machine`, by the ABI's numbers.
  package let type: UInt16
  package let machine: UInt16
  let programs: Table
  let sections: Table
  /// Which section holds the names of all.
  let namesIndex: Int

  /// - Parameter start: the file's first 64 bytes, or all of a smaller one.
  /// - Throws: `FormatError` for what is no ELF file, or not whole.
  package init(_ start: ArraySlice<UInt8>) throws(FormatError) {
    guard start.count >= 16, start.starts(with: Self.magic) else {
      throw FormatError(.malformed, "not an ELF file", offset: 0)
    }
    let (fileClass, order) = (start[start.startIndex + 4], start[start.startIndex + 5])
    guard fileClass == 1 || fileClass == 2, order == 1 || order == 2 else {
      throw FormatError(.unsupported, "unknown ELF class or byte order", offset: 4)
    }
    is64Bit = fileClass == 2
    isLittleEndian = order == 1
    guard start.count >= (is64Bit ? Self.size : 52) else {
      throw FormatError(.truncated, "the ELF header is not whole", offset: start.count)
    }
    let fields = FieldReader(start, isLittleEndian: isLittleEndian)
    func half(_ offset: Int) -> UInt16 { UInt16(fields.value(at: offset, width: 2)) }
    type = half(16)
    machine = half(18)
    // e_entry, e_phoff and e_shoff are as wide as an address, and so is what follows moved.
    let width = is64Bit ? 8 : 4
    let sizes = is64Bit ? 54 : 42
    programs = Table(
      offset: fields.value(at: 24 + width, width: width), entrySize: Int(half(sizes)),
      count: Int(half(sizes + 2)))
    sections = Table(
      offset: fields.value(at: 24 + 2 * width, width: width), entrySize: Int(half(sizes + 4)),
      count: Int(half(sizes + 6)))
    namesIndex = Int(half(sizes + 8))
  }

  /// Where `e_shentsize` stands; `e_shnum` and `e_shstrndx` follow, two bytes each.
  var sectionFields: Int { is64Bit ? 58 : 46 }

  /// `p_type` of each program header, and where it stands.
  /// - Parameter file: all bytes of the file.
  /// - Returns: nil when there is none, or one that is not inside the file.
  package func programTypes(of file: [UInt8]) -> [(type: UInt32, offset: Int)]? {
    guard programs.entrySize >= (is64Bit ? 56 : 32), programs.count > 0,
      programs.offset <= file.count,
      programs.count * programs.entrySize <= file.count - Int(programs.offset)
    else { return nil }
    let fields = FieldReader(file[...], isLittleEndian: isLittleEndian)
    return (0..<programs.count).map {
      let offset = Int(programs.offset) + $0 * programs.entrySize
      return (UInt32(fields.value(at: offset, width: 4)), offset)
    }
  }

  /// The dynamic loader that a program names: PT_INTERP.
  /// - Parameter file: the file's bytes, or as many of its first ones as hold the name.
  /// - Returns: nil for a static program.
  package func interpreter(of file: [UInt8]) -> String? {
    guard let header = programTypes(of: file)?.first(where: { $0.type == 3 }) else { return nil }
    let fields = FieldReader(file[...], isLittleEndian: isLittleEndian)
    let width = is64Bit ? 8 : 4
    // p_offset and p_filesz, behind p_type and, of 64 bits, p_flags.
    let offset = fields.value(at: header.offset + (is64Bit ? 8 : 4), width: width)
    let size = fields.value(at: header.offset + (is64Bit ? 32 : 16), width: width)
    guard size <= 4096, offset <= UInt64(file.count), size <= UInt64(file.count) - offset else {
      return nil
    }
    let name = file[Int(offset)..<Int(offset + size)].prefix { $0 != 0 }
    return String(decoding: name, as: UTF8.self)
  }
}
