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

  /// Bytes of all its strings.
  public var byteCount: Int { information.byteCount + exports.byteCount + needs.byteCount }

  /// Facts of a module of which nothing is known.
  public init() {}

  /// Reads a module's file, which may be compressed, whatever its name says.
  /// - Parameter limit: of the decompressed size, in bytes.
  public init(readingFile file: some RandomAccessBytes, limit: Int) {
    do {
      guard file.byteCount <= limit else {
        throw FormatError(.limit, "\(file.byteCount) bytes are more than \(limit)")
      }
      if Compression.detect(try file.bytes(in: 0..<min(file.byteCount, 16))) == .none {
        self.init(reading: file)
      } else {
        let bytes = Array(try file.bytes(in: 0..<file.byteCount))
        self.init(reading: try Compression.decompress(bytes, limit: limit))
      }
    } catch {
      self.init()
      problems = [error as? FormatError ?? FormatError(.malformed, "\(error)")]
    }
  }

  /// Reads a module that is not compressed: only the sections that say something. Time and memory are
  /// proportional to its size, whatever is in it.
  public init(reading bytes: some RandomAccessBytes) {
    do throws(FormatError) {
      let elf = try ELFFile(bytes)
      let found = elf.sections(named: [
        ".modinfo", ".symtab", ".strtab", "__versions", "__ksymtab_strings",
      ])
      if let section = found[0] {
        information = ByteStrings(separatedByNUL: try elf.section(section))
      }
      if let table = found[1], let names = found[2] {
        try readSymbols(elf, table: table, names: names, versions: found[3])
      }
      if exports.isEmpty, let section = found[4] {
        exports = ByteStrings(separatedByNUL: try elf.section(section))
      }
    } catch {
      problems.append(error)
    }
  }

  /// Reads the records of `.modinfo` alone, of a module that is not compressed.
  public init(readingInformation bytes: some RandomAccessBytes) {
    do throws(FormatError) {
      let elf = try ELFFile(bytes)
      if let section = elf.sections(named: [".modinfo"])[0] {
        information = ByteStrings(separatedByNUL: try elf.section(section))
      }
    } catch {
      problems.append(error)
    }
  }

  /// The values of a key of `.modinfo`, in file order; empty for a record that is the key alone.
  public func values(of key: String) -> [ArraySlice<UInt8>] {
    information.strings(after: Array(key.utf8)).filter {
      $0.isEmpty || $0.first == UInt8(ascii: "=")
    }.map { $0.dropFirst() }
  }

  /// What kmod makes of a symbol table that is not whole holds here too: no exports from it when any
  /// symbol has no name, and no needs at all, not even those of `__versions`, when a needed one has
  /// none.
  private mutating func readSymbols(
    _ elf: ELFFile<some RandomAccessBytes>, table: Range<Int>, names: Range<Int>,
    versions: Range<Int>?
  ) throws(FormatError) {
    guard table.count % SymbolTable.entrySize(elf.is64Bit) == 0 else {
      problems.append(
        FormatError(.malformed, "the symbol table is not whole", offset: table.lowerBound))
      return
    }
    var hasAllNames = true
    var hasNeededNames = true
    // Many symbols may share one long name: what is copied is bounded by what was there.
    var budget = elf.byteCount
    let symbols = try elf.section(table)
    let strings = try elf.section(names)
    SymbolTable(elf, table: symbols, names: strings).forEachWanted { symbol in
      guard let start = symbol.name else {
        if hasAllNames {
          problems.append(
            FormatError(
              .malformed, "a symbol's name is outside the names",
              offset: table.lowerBound + symbol.offset))
        }
        hasAllNames = false
        if symbol.isNeeded { hasNeededNames = false }
        return true
      }
      let end = strings.endOfString(from: start)
      budget -= end - start
      guard budget >= 0 else {
        problems.append(
          FormatError(
            .limit, "the symbol names overlap too much", offset: table.lowerBound + symbol.offset))
        return false
      }
      if symbol.isExport, end > start + 6 { exports.append(strings[start + 6..<end]) }
      if symbol.isNeeded, end > start { appendNeed(strings[start..<end]) }
      return true
    }
    if !hasAllNames { exports = ByteStrings() }
    if let versions { readVersions(try elf.section(versions), is64Bit: elf.is64Bit) }
    if !hasNeededNames { needs = ByteStrings() }
  }

  /// 64-byte records: a checksum as wide as a long, then the name.
  private mutating func readVersions(_ section: ArraySlice<UInt8>, is64Bit: Bool) {
    guard section.count % 64 == 0 else { return }
    let checksum = is64Bit ? 8 : 4
    for record in stride(from: section.startIndex, to: section.endIndex, by: 64) {
      let name = section[record + checksum..<record + 64]
      appendNeed(name[..<name.endOfString(from: name.startIndex)])
    }
  }

  /// Function descriptors of 64-bit PowerPC have a dot before the function's name.
  private mutating func appendNeed(_ name: ArraySlice<UInt8>) {
    needs.append(name.first == UInt8(ascii: ".") ? name.dropFirst() : name)
  }
}
