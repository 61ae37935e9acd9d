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

  /// Reads the bytes of a module's file, which may be compressed, whatever its name says.
  /// - Parameter limit: of the decompressed size, in bytes.
  public init(readingFile bytes: [UInt8], limit: Int) {
    do {
      self.init(reading: try Compression.decompress(bytes, limit: limit))
    } catch {
      self.init()
      problems = [error as? FormatError ?? FormatError(.malformed, "\(error)")]
    }
  }

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
    readSymbols(elf, table: found[1], names: found[2], versions: found[3])
    if exports.isEmpty, let section = found[4] { exports = Self.strings(bytes, section) }
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

  /// What kmod makes of a symbol table that is not whole holds here too: no exports from it when any
  /// symbol has no name, and no needs at all, not even those of `__versions`, when a needed one has
  /// none.
  private mutating func readSymbols(
    _ elf: ELFFile, table: Range<Int>?, names: Range<Int>?, versions: Range<Int>?
  ) {
    guard let table, let names else { return }
    guard table.count % (elf.is64Bit ? 24 : 16) == 0 else {
      problems.append(
        FormatError(.malformed, "the symbol table is not whole", offset: table.lowerBound))
      return
    }
    var hasAllNames = true
    var hasNeededNames = true
    // Many symbols may share one long name: what is copied is bounded by what was there.
    var budget = elf.bytes.count
    for symbol in SymbolTable(elf, table: table, names: names)
    where symbol.isNeeded || symbol.isExport {
      guard let start = symbol.name else {
        if hasAllNames {
          problems.append(
            FormatError(.malformed, "a symbol's name is outside the names", offset: symbol.offset))
        }
        hasAllNames = false
        if symbol.isNeeded { hasNeededNames = false }
        continue
      }
      var end = start
      while end < names.upperBound, elf.bytes[end] != 0 { end += 1 }
      budget -= end - start
      guard budget >= 0 else {
        problems.append(
          FormatError(.limit, "the symbol names overlap too much", offset: symbol.offset))
        break
      }
      if symbol.isExport, end > start + 6 { exports.append(elf.bytes[start + 6..<end]) }
      if symbol.isNeeded, end > start { appendNeed(elf.bytes[start..<end]) }
    }
    if !hasAllNames { exports = ByteStrings() }
    if let versions { readVersions(elf, versions) }
    if !hasNeededNames { needs = ByteStrings() }
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
