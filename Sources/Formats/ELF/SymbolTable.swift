/// The symbols of an ELF file's symbol table, as far as modules need them.
///
/// System V ABI, "Symbol Table". The first entry is no symbol and is left out.
struct SymbolTable {
  struct Symbol {
    /// Where the entry is, in bytes from the start of the table.
    let offset: Int
    /// Where its name begins, in bytes from the start of the names; nil when it has none.
    let name: Int?
    /// Whether some other file has to define it.
    let isNeeded: Bool
    /// Whether its name is that of an exported symbol's checksum, `__crc_` and the symbol's name. A
    /// symbol that has no name may be one.
    let isExport: Bool
  }

  private let fields: FieldReader
  private let names: ArraySlice<UInt8>
  private let is64Bit: Bool
  private let isSPARC: Bool

  /// - Parameters:
  ///   - table: whole entries.
  ///   - names: the section that holds the names.
  init(_ elf: ELFFile<some RandomAccessBytes>, table: ArraySlice<UInt8>, names: ArraySlice<UInt8>) {
    fields = FieldReader(table, isLittleEndian: elf.isLittleEndian)
    self.names = names
    is64Bit = elf.is64Bit
    isSPARC = [2, 18, 43].contains(elf.machine)  // EM_SPARC, EM_SPARC32PLUS, EM_SPARCV9
  }

  static func entrySize(_ is64Bit: Bool) -> Int { is64Bit ? 24 : 16 }

  /// Hands on the symbols that another file has to define, or that may be exports, in their order.
  /// - Parameter body: returns false to end it.
  func forEachWanted(_ body: (Symbol) -> Bool) {
    let size = Self.entrySize(is64Bit)
    // st_info and st_shndx stand elsewhere in either class.
    let (typeOffset, sectionOffset) = is64Bit ? (4, 6) : (12, 14)
    for offset in stride(from: size, to: fields.count, by: size) {
      let nameOffset = Int(fields.value(at: offset, width: 4))
      let name = nameOffset < names.count ? nameOffset : nil
      let isExport = name.map(hasChecksumPrefix) ?? true
      var isNeeded = fields.value(at: offset + sectionOffset, width: 2) == 0
      if isNeeded, isSPARC {
        // STT_REGISTER names a register of the SPARC, not a symbol.
        isNeeded = fields.value(at: offset + typeOffset, width: 1) & 0xf != 13
      }
      guard isNeeded || isExport else { continue }
      let symbol = Symbol(offset: offset, name: name, isNeeded: isNeeded, isExport: isExport)
      guard body(symbol) else { return }
    }
  }

  /// Whether `__crc_` stands there.
  private func hasChecksumPrefix(_ name: Int) -> Bool {
    let names = names.span
    return name + 6 <= names.count && names[name] == 0x5f && names[name + 1] == 0x5f
      && names[name + 2] == 0x63 && names[name + 3] == 0x72 && names[name + 4] == 0x63
      && names[name + 5] == 0x5f
  }
}
