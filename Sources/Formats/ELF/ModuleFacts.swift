/// What a kernel module says about itself to whoever loads it.
///
/// There is no specification but the kernel's own `scripts/mod/modpost.c` and
/// `Documentation/kbuild/modules.rst`, which name the sections.
package struct ModuleFacts: Sendable, Equatable {
  /// The records of `.modinfo`, `key=value`, in file order.
  package var information = ByteStrings()
  /// Names of the symbols that other modules can use.
  package var exports = ByteStrings()
  /// Names of the symbols that this module uses, in file order; one may stand there twice.
  package var needs = ByteStrings()
  /// What could not be read, if anything: the rest holds.
  package var problems: [FormatError] = []

  /// Bytes of all its strings.
  package var byteCount: Int { information.byteCount + exports.byteCount + needs.byteCount }

  /// Facts of a module of which nothing is known.
  package init() {}

  /// Reads a module's file, which may be compressed, whatever its name says.
  /// - Parameter limit: of the decompressed size, in bytes.
  package init(readingFile file: some RandomAccessBytes, limit: Int) {
    do {
      guard file.byteCount <= limit else {
        throw FormatError(.limit, "\(file.byteCount) bytes are more than \(limit)")
      }
      let begun = try BegunBytes(file)
      if Compression.detect(begun.start) == .none {
        self.init(reading: begun)
      } else {
        let bytes = Array(try begun.bytes(in: 0..<begun.byteCount))
        self.init(reading: try Compression.decompress(bytes, limit: limit))
      }
    } catch {
      self.init()
      problems = [error as? FormatError ?? FormatError(.malformed, "\(error)")]
    }
  }

  /// Reads a module that is not compressed: only the sections that say something. Time and memory are
  /// proportional to its size, whatever is in it.
  package init(reading bytes: some RandomAccessBytes) {
    do throws(FormatError) {
      let elf = try ELFFile(bytes)
      let found = elf.sections(named: [
        ".modinfo", ".symtab", ".strtab", "__versions", "__ksymtab_strings",
      ])
      let contents = try elf.sections(Array(found.prefix(4)))
      if let section = contents[0] { information = ByteStrings(separatedByNUL: section) }
      if let table = found[1], let symbols = contents[1], let names = contents[2] {
        readSymbols(elf, symbols, at: table.lowerBound, names: names, versions: contents[3])
      }
      if exports.isEmpty, let section = found[4] {
        exports = ByteStrings(separatedByNUL: try elf.section(section))
      }
    } catch {
      problems.append(error)
    }
  }

  /// Reads the records of `.modinfo` alone, of a module that is not compressed.
  package init(readingInformation bytes: some RandomAccessBytes) {
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
  package func values(of key: StaticString) -> [ArraySlice<UInt8>] { information.values(of: key) }

  /// What kmod makes of a symbol table that is not whole holds here too: no exports from it when any
  /// symbol has no name, and no needs at all, not even those of `__versions`, when a needed one has
  /// none.
  private mutating func readSymbols(
    _ elf: ELFFile<some RandomAccessBytes>, _ table: ArraySlice<UInt8>, at place: Int,
    names: ArraySlice<UInt8>, versions: ArraySlice<UInt8>?
  ) {
    guard table.count % SymbolTable.entrySize(elf.is64Bit) == 0 else {
      problems.append(
        FormatError(.malformed, "the symbol table is not whole", offset: place))
      return
    }
    // Each needed symbol stands in both; most names are shorter.
    let expected = 2 * (versions?.count ?? 0) / Self.versionSize
    needs.reserve(expected, byteCount: 20 * expected)
    var hasAllNames = true
    var hasNeededNames = true
    // Many symbols may share one long name: what is copied is bounded by what was there.
    var budget = elf.byteCount
    unsafe names.withUnsafeBytes { bytes in
      SymbolTable(elf, table: table, names: names).forEachWanted { symbol in
        guard let start = symbol.name else {
          if hasAllNames {
            problems.append(
              FormatError(
                .malformed, "a symbol's name is outside the names",
                offset: place + symbol.offset))
          }
          hasAllNames = false
          if symbol.isNeeded { hasNeededNames = false }
          return true
        }
        let name = unsafe bytes.string(after: start)
        budget -= name.count
        guard budget >= 0 else {
          problems.append(
            FormatError(
              .limit, "the symbol names overlap too much", offset: place + symbol.offset))
          return false
        }
        if symbol.isExport, name.count > 6 { unsafe exports.append(name.bytes(after: 6)) }
        if symbol.isNeeded, unsafe !name.isEmpty { unsafe appendNeed(name) }
        return true
      }
    }
    if !hasAllNames { exports = ByteStrings() }
    if let versions { readVersions(versions, is64Bit: elf.is64Bit) }
    if !hasNeededNames { needs = ByteStrings() }
  }

  /// Bytes of a record of `__versions`.
  private static let versionSize = 64

  /// Records: a checksum as wide as a long, then the name.
  private mutating func readVersions(_ section: ArraySlice<UInt8>, is64Bit: Bool) {
    guard section.count % Self.versionSize == 0 else { return }
    let checksum = is64Bit ? 8 : 4
    unsafe section.withUnsafeBytes { bytes in
      for record in stride(from: 0, to: bytes.count, by: Self.versionSize) {
        let name = unsafe UnsafeRawBufferPointer(
          rebasing: bytes[record..<record + Self.versionSize])
        unsafe appendNeed(name.string(after: checksum))
      }
    }
  }

  /// Function descriptors of 64-bit PowerPC have a dot before the function's name.
  private mutating func appendNeed(_ name: UnsafeRawBufferPointer) {
    unsafe needs.append(name.first == UInt8(ascii: ".") ? name.bytes(after: 1) : name)
  }
}
