/// What a kernel module says about itself to whoever loads it.
///
/// There is no specification but the kernel's own `scripts/mod/modpost.c` and
/// `Documentation/kbuild/modules.rst`, which name the sections.
public struct ModuleFacts: Sendable, Equatable {
  /// The records of `.modinfo`, `key=value`, in file order.
  public var information = ByteStrings()
  /// Names of the symbols that other modules can use.
  public var exports = ByteStrings()
  /// Names of the symbols that this module uses, in file order; one may stand there twice.
  public var needs = ByteStrings()
  /// What could not be read, if anything: the rest holds.
  public var problems: [FormatError] = []

  /// Facts of a module of which nothing is known.
  public init() {}

  /// Reads a module in memory. Time and memory are proportional to the size of `bytes`, whatever
  /// they are.
  public init(reading bytes: [UInt8]) {
    let elf: ELFFile
    do {
      elf = try ELFFile(bytes)
    } catch {
      problems = [error]
      return
    }
    let found = elf.sections(named: [
      ".modinfo", ".symtab", ".strtab", "__versions", "__ksymtab_strings",
    ])
    if let section = found[0] { information = Self.strings(bytes, section) }
    do {
      try readSymbols(elf, table: found[1], strings: found[2])
    } catch {
      problems.append(error)
    }
    if exports.isEmpty, let section = found[4] { exports = Self.strings(bytes, section) }
    if let section = found[3] { readVersions(elf, section) }
  }

  /// The values of a key of `.modinfo`, in file order; empty for a record that is the key alone.
  public func values(of key: String) -> [ArraySlice<UInt8>] {
    let key = Array(key.utf8)
    return information.compactMap { record in
      guard record.starts(with: key) else { return nil }
      let rest = record.dropFirst(key.count)
      return rest.isEmpty || rest.first == UInt8(ascii: "=") ? rest.dropFirst() : nil
    }
  }

  /// Strings with any number of NULs between them.
  private static func strings(_ bytes: [UInt8], _ section: Range<Int>) -> ByteStrings {
    var strings = ByteStrings()
    for string in bytes[section].split(separator: 0) { strings.append(string) }
    return strings
  }

  private mutating func readSymbols(
    _ elf: ELFFile, table: Range<Int>?, strings: Range<Int>?
  ) throws(FormatError) {
    guard let table, let strings else { return }
    let size = elf.is64Bit ? 24 : 16
    guard table.count % size == 0 else {
      throw FormatError(.malformed, "the symbol table is not whole", offset: table.lowerBound)
    }
    guard let end = strings.last, elf.bytes[end] == 0 else {
      throw FormatError(.malformed, "the symbol names don't end", offset: strings.upperBound)
    }
    let bytes = elf.bytes
    let fields = elf.fields
    let isSPARC = [2, 18, 43].contains(elf.machine)  // EM_SPARC, EM_SPARC32PLUS, EM_SPARCV9
    // Many symbols may share one long name: what is copied is bounded by what was there.
    var budget = bytes.count
    // st_info and st_shndx: their places depend on the class. Symbol 0 is no symbol.
    let infoPlace = elf.is64Bit ? 4 : 12
    let sectionPlace = elf.is64Bit ? 6 : 14
    var symbol = table.lowerBound + size
    while symbol < table.upperBound {
      defer { symbol += size }
      let nameOffset = fields.value(at: symbol, width: 4)
      guard nameOffset < strings.count else {
        throw FormatError(.malformed, "a symbol's name is outside the names", offset: symbol)
      }
      let name = strings.lowerBound + Int(nameOffset)
      let isUndefined = fields.value(at: symbol + sectionPlace, width: 2) == 0
      let isExport = Self.hasChecksumPrefix(bytes, name)
      guard isExport || isUndefined, bytes[name] != 0 else { continue }
      var end = name
      while bytes[end] != 0 { end += 1 }
      budget -= end - name
      guard budget >= 0 else {
        throw FormatError(.limit, "the symbol names overlap too much", offset: symbol)
      }
      if isExport, end > name + 6 { exports.append(bytes[name + 6..<end]) }
      if isUndefined {
        // STT_REGISTER names a register of the SPARC, not a symbol.
        if isSPARC, bytes[symbol + infoPlace] & 0xf == 13 { continue }
        appendNeed(bytes[name..<end])
      }
    }
  }

  /// `__crc_`; the names end with NUL inside the file, so the first difference stops in time.
  private static func hasChecksumPrefix(_ bytes: [UInt8], _ name: Int) -> Bool {
    bytes[name] == 0x5f && bytes[name + 1] == 0x5f && bytes[name + 2] == 0x63
      && bytes[name + 3] == 0x72 && bytes[name + 4] == 0x63 && bytes[name + 5] == 0x5f
  }

  /// 64-byte records: a checksum as wide as a long, then the name.
  private mutating func readVersions(_ elf: ELFFile, _ section: Range<Int>) {
    guard section.count % 64 == 0 else { return }
    let checksum = elf.is64Bit ? 8 : 4
    var record = section.lowerBound
    while record < section.upperBound {
      let name = elf.bytes[record + checksum..<record + 64]
      appendNeed(name.prefix { $0 != 0 })
      record += 64
    }
  }

  /// Function descriptors of 64-bit PowerPC have a dot before the function's name.
  private mutating func appendNeed(_ name: ArraySlice<UInt8>) {
    needs.append(name.first == UInt8(ascii: ".") ? name.dropFirst() : name)
  }
}
