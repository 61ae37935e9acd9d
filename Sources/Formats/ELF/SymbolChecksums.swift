/// The symbols that a kernel module uses and gives, each with its checksum (CONFIG_MODVERSIONS).
///
/// There is no specification but the kernel's own `scripts/mod/modpost.c`: `__versions` has the checksums of the
/// symbols that a module was built against, `__crc_NAME` that of a symbol which it exports.
package struct SymbolChecksums: Sendable {
  package struct Need: Sendable, Hashable {
    package let name: [UInt8]
    /// 0 where the module has none.
    package let checksum: UInt64
    /// Whether the module loads without it.
    package let isWeak: Bool
  }

  /// First those of the symbol table, in its order, then those that `__versions` alone has.
  package private(set) var needs: [Need] = []
  package private(set) var exports: [[UInt8]: UInt64] = [:]

  /// Bytes of a record of `__versions`.
  private static let recordSize = 64
  private static let absolute: UInt64 = 0xfff1
  private static let weak: UInt64 = 2

  /// Reads a module that is not compressed.
  /// - Throws: `FormatError` for what is no ELF file, or not whole.
  package init(reading bytes: [UInt8]) throws(FormatError) {
    let elf = try ELFFile(bytes)
    let found = elf.sections(named: [".symtab", ".strtab", "__versions", "__ksymtab_strings"])
    let contents = try elf.sections(found)
    var versions: [(name: [UInt8], checksum: UInt64)] = []
    if let section = contents[2], section.count % Self.recordSize == 0 {
      let fields = FieldReader(section, isLittleEndian: elf.isLittleEndian)
      let width = elf.is64Bit ? 8 : 4
      for record in stride(from: 0, to: section.count, by: Self.recordSize) {
        let start = section.startIndex + record
        let name = section[(start + width)..<(start + Self.recordSize)].prefix { $0 != 0 }
        versions.append((Array(name), fields.value(at: record, width: width)))
      }
    }
    let known = Dictionary(
      versions.map { ($0.name, $0.checksum) }, uniquingKeysWith: { first, _ in first })
    if let table = contents[0], let names = contents[1] {
      try readSymbols(elf, table, names, known)
    }
    if exports.isEmpty, let section = contents[3] {
      for name in section.split(separator: 0) { exports[Array(name)] = 0 }
    }
    let seen = Set(needs.map(\.name))
    for (name, checksum) in versions where !seen.contains(name) {
      needs.append(Need(name: Self.withoutDot(name), checksum: checksum, isWeak: false))
    }
  }

  private mutating func readSymbols(
    _ elf: ELFFile<[UInt8]>, _ table: ArraySlice<UInt8>, _ names: ArraySlice<UInt8>,
    _ known: [[UInt8]: UInt64]
  ) throws(FormatError) {
    let fields = FieldReader(table, isLittleEndian: elf.isLittleEndian)
    let (typeOffset, valueOffset) = elf.is64Bit ? (4, 8) : (12, 4)
    var budget = elf.byteCount
    var failure: FormatError?
    SymbolTable(elf, table: table, names: names).forEachWanted { symbol in
      guard let start = symbol.name else { return true }
      let name = Array(names[(names.startIndex + start)...].prefix { $0 != 0 })
      // Many symbols may share one long name.
      budget -= name.count
      guard budget >= 0, !name.isEmpty else { return budget >= 0 }
      if symbol.isNeeded {
        let type = fields.value(at: symbol.offset + typeOffset, width: 1)
        needs.append(
          Need(
            name: Self.withoutDot(name), checksum: known[name] ?? 0, isWeak: type >> 4 == Self.weak)
        )
      } else if symbol.isExport, name.count > 6 {
        do throws(FormatError) {
          exports[Array(name.dropFirst(6))] = try Self.checksum(
            elf, fields.value(at: symbol.offset + valueOffset, width: elf.is64Bit ? 8 : 4),
            section: fields.value(at: symbol.offset + (elf.is64Bit ? 6 : 14), width: 2))
        } catch {
          failure = error
          return false
        }
      }
      return true
    }
    if let failure { throw failure }
  }

  /// A symbol's value is its checksum, or where that stands in a section.
  private static func checksum(
    _ elf: ELFFile<[UInt8]>, _ value: UInt64, section: UInt64
  ) throws(FormatError) -> UInt64 {
    guard section != 0, section != absolute else { return value }
    guard let range = elf.section(numbered: Int(section)), value <= range.count,
      range.count - Int(value) >= 4
    else { return .max }
    let bytes = try elf.section(range.dropFirst(Int(value)).prefix(4))
    return FieldReader(bytes, isLittleEndian: elf.isLittleEndian).value(at: 0, width: 4)
  }

  /// Function descriptors of 64-bit PowerPC have a dot before the function's name.
  private static func withoutDot(_ name: [UInt8]) -> [UInt8] {
    name.first == UInt8(ascii: ".") ? Array(name.dropFirst()) : name
  }
}
