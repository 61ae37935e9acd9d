/// The symbols of an ELF file's symbol table, as far as modules need them.
///
/// System V ABI, "Symbol Table". The first entry is no symbol and is left out.
struct SymbolTable: Sequence, IteratorProtocol {
  struct Symbol {
    /// Where the entry is, in bytes from the start of the file.
    let offset: Int
    /// Where its name begins, in bytes from the start of the file; nil when it has none.
    let name: Int?
    /// Whether some other file has to define it.
    let isNeeded: Bool
    /// Whether its name is that of an exported symbol's checksum, `__crc_` and the symbol's name. A
    /// symbol that has no name may be one.
    let isExport: Bool
  }

  private let elf: ELFFile
  private let fields: FieldReader
  private let names: Range<Int>
  private let end: Int
  private let entrySize: Int
  private let isSPARC: Bool
  private var offset: Int

  /// - Parameters:
  ///   - table: whole entries, inside the file.
  ///   - names: the section that holds the names, inside the file.
  init(_ elf: ELFFile, table: Range<Int>, names: Range<Int>) {
    self.elf = elf
    self.names = names
    fields = elf.fields
    end = table.upperBound
    entrySize = elf.is64Bit ? 24 : 16
    offset = table.lowerBound + entrySize
    isSPARC = [2, 18, 43].contains(elf.machine)  // EM_SPARC, EM_SPARC32PLUS, EM_SPARCV9
  }

  mutating func next() -> Symbol? {
    guard offset < end else { return nil }
    defer { offset += entrySize }
    let nameOffset = fields.value(at: offset, width: 4)
    let name = nameOffset < names.count ? names.lowerBound + Int(nameOffset) : nil
    // st_info and st_shndx stand elsewhere in either class.
    let isUndefined = fields.value(at: offset + (elf.is64Bit ? 6 : 14), width: 2) == 0
    let type = fields.value(at: offset + (elf.is64Bit ? 4 : 12), width: 1) & 0xf
    return Symbol(
      offset: offset, name: name,
      // STT_REGISTER names a register of the SPARC, not a symbol.
      isNeeded: isUndefined && !(isSPARC && type == 13),
      isExport: name.map(hasChecksumPrefix) ?? true)
  }

  private func hasChecksumPrefix(_ name: Int) -> Bool {
    let bytes = elf.bytes
    return name + 6 <= names.upperBound && bytes[name] == 0x5f && bytes[name + 1] == 0x5f
      && bytes[name + 2] == 0x63 && bytes[name + 3] == 0x72 && bytes[name + 4] == 0x63
      && bytes[name + 5] == 0x5f
  }
}
