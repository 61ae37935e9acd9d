/// The sections of a relocatable ELF file, as its table has them, for either class and byte order.
struct ModuleSections {
  /// One section header. System V ABI, "Section Header".
  private struct Section {
    var name: ArraySlice<UInt8>
    var type: UInt64
    var flags: UInt64
    var offset: Int
    /// Bytes.
    var size: Int
    var link: Int
    var info: Int
    var alignment: Int
    /// Where the header stands in the file.
    var header: Int

    var isDebug: Bool { name.starts(with: ".debug".utf8) }
    /// Whether it has bytes in the file.
    var hasBytes: Bool { type != SectionType.noBits && size > 0 }
  }

  private enum SectionType {
    static let symbols: UInt64 = 2
    static let relocationsWithAddends: UInt64 = 4
    static let noBits: UInt64 = 8
    static let relocations: UInt64 = 9
    static let group: UInt64 = 17
    static let symbolSections: UInt64 = 18
  }

  private static let absolute: UInt64 = 0xfff1
  private static let reserved = 0xff00
  private static let infoIsSection: UInt64 = 0x40

  private let bytes: [UInt8]
  private let header: ELFHeader
  private let fields: FieldReader
  private let sections: [Section]
  private var is64Bit: Bool { header.is64Bit }

  /// - Returns: nil for what is no relocatable file, not whole, or has more than modules have.
  init?(_ bytes: [UInt8]) {
    guard let header = try? ELFHeader(bytes.prefix(ELFHeader.size)), header.type == 1,
      header.programs.count == 0
    else { return nil }
    let entrySize = header.is64Bit ? 64 : 40
    let table = header.sections
    guard table.entrySize == entrySize, table.count > 1, header.namesIndex < table.count,
      table.offset <= bytes.count, table.count * entrySize <= bytes.count - Int(table.offset)
    else { return nil }
    let fields = FieldReader(bytes[...], isLittleEndian: header.isLittleEndian)
    let wide = header.is64Bit ? 8 : 4
    var sections: [Section] = []
    for index in 0..<table.count {
      let at = Int(table.offset) + index * entrySize
      func value(_ place: Int, _ width: Int) -> UInt64 {
        fields.value(at: at + place, width: width)
      }
      guard let offset = Int(exactly: value(8 + 2 * wide, wide)),
        let size = Int(exactly: value(8 + 3 * wide, wide)),
        let alignment = Int(exactly: value(16 + 4 * wide, wide)), alignment <= 1 << 16,
        alignment & (alignment - 1) == 0
      else { return nil }
      let section = Section(
        name: [], type: value(4, 4), flags: value(8, wide), offset: offset, size: size,
        link: Int(value(8 + 4 * wide, 4)), info: Int(value(12 + 4 * wide, 4)),
        alignment: max(1, alignment), header: at)
      if section.hasBytes, index > 0 {
        guard offset <= bytes.count, size <= bytes.count - offset else { return nil }
      }
      sections.append(section)
    }
    let names = sections[header.namesIndex]
    guard names.hasBytes else { return nil }
    for index in sections.indices {
      let start = Int(fields.value(at: sections[index].header, width: 4))
      guard start < names.size else { return nil }
      sections[index].name = bytes[(names.offset + start)..<(names.offset + names.size)]
        .prefix { $0 != 0 }
    }
    (self.bytes, self.header, self.fields, self.sections) = (bytes, header, fields, sections)
  }

  var hasDebugInformation: Bool { sections.contains(where: \.isDebug) }

  /// Bytes of sections that `withoutDebugInformation` leaves out.
  var debugSize: Int {
    let removed = removed()
    return sections.indices.reduce(0) { $0 + (removed[$1] ? sections[$1].size : 0) }
  }

  /// Which sections go: those, their relocations, and groups of nothing else.
  private func removed() -> [Bool] {
    var removed = sections.map(\.isDebug)
    removed[0] = false
    for (index, section) in sections.enumerated() {
      switch section.type {
      case SectionType.relocations, SectionType.relocationsWithAddends:
        if section.info < sections.count, sections[section.info].isDebug { removed[index] = true }
      default: break
      }
    }
    for (index, section) in sections.enumerated() where section.type == SectionType.group {
      let members = members(of: section)
      if !members.isEmpty, members.allSatisfy({ $0 < removed.count && removed[$0] }) {
        removed[index] = true
      }
    }
    return removed
  }

  private func members(of group: Section) -> [Int] {
    stride(from: 4, to: group.size - group.size % 4, by: 4).map {
      Int(fields.value(at: group.offset + $0, width: 4))
    }
  }

  /// - Returns: nil for a form that is not known here.
  func withoutDebugInformation() -> [UInt8]? {
    let removed = removed()
    guard !removed[header.namesIndex],
      !sections.contains(where: { $0.type == SectionType.symbolSections })
    else { return nil }
    var numbers = [Int](repeating: 0, count: sections.count)
    var count = 0
    for index in sections.indices where !removed[index] {
      numbers[index] = count
      count += 1
    }
    var out = Array(bytes.prefix(is64Bit ? 64 : 52))
    var table: [UInt8] = []
    let (wide, entrySize) = (is64Bit ? 8 : 4, header.sections.entrySize)
    for (index, section) in sections.enumerated() where !removed[index] {
      var entry = Array(bytes[section.header..<section.header + entrySize])
      if index > 0 {
        guard section.link < sections.count, let content = content(of: section, removed, numbers)
        else { return nil }
        if section.hasBytes { Self.pad(&out, to: section.alignment) }
        put(UInt64(out.count), at: 8 + 2 * wide, wide, in: &entry)
        if section.hasBytes {
          put(UInt64(content.count), at: 8 + 3 * wide, wide, in: &entry)
          out += content
        }
        put(UInt64(numbers[section.link]), at: 8 + 4 * wide, 4, in: &entry)
        let isRelocation =
          [SectionType.relocations, SectionType.relocationsWithAddends].contains(section.type)
          || section.flags & Self.infoIsSection != 0
        if isRelocation {
          guard section.info < sections.count else { return nil }
          put(UInt64(numbers[section.info]), at: 12 + 4 * wide, 4, in: &entry)
        }
      }
      table += entry
    }
    Self.pad(&out, to: 8)
    put(UInt64(out.count), at: 24 + 2 * wide, wide, in: &out)
    put(UInt64(count), at: header.sectionFields + 2, 2, in: &out)
    put(UInt64(numbers[header.namesIndex]), at: header.sectionFields + 4, 2, in: &out)
    return out + table
  }

  /// A section's bytes, with new numbers of sections in them.
  private func content(of section: Section, _ removed: [Bool], _ numbers: [Int]) -> [UInt8]? {
    guard section.hasBytes else { return [] }
    var content = Array(bytes[section.offset..<section.offset + section.size])
    switch section.type {
    case SectionType.symbols:
      let (size, place) = is64Bit ? (24, 6) : (16, 14)
      guard content.count % size == 0 else { return nil }
      for (index, at) in stride(from: 0, to: content.count, by: size).enumerated() {
        let number = Int(fields.value(at: section.offset + at + place, width: 2))
        guard number != 0, number < Self.reserved else {
          // SHN_XINDEX: the number is elsewhere.
          if number == 0xffff { return nil }
          continue
        }
        guard number < sections.count else { return nil }
        guard removed[number] else {
          put(UInt64(numbers[number]), at: at + place, 2, in: &content)
          continue
        }
        // Local ones come first, and there are as many as sh_info says.
        guard index < section.info else { return nil }
        for byte in at..<at + size { content[byte] = 0 }
        put(Self.absolute, at: at + place, 2, in: &content)
      }
    case SectionType.group:
      let flags = Array(content.prefix(4))
      content = flags
      for member in members(of: section) {
        guard member < sections.count else { return nil }
        guard !removed[member] else { continue }
        content += [0, 0, 0, 0]
        put(UInt64(numbers[member]), at: content.count - 4, 4, in: &content)
      }
    default: break
    }
    return content
  }

  private func put(_ value: UInt64, at place: Int, _ width: Int, in bytes: inout [UInt8]) {
    for index in 0..<width {
      let shift = UInt64(header.isLittleEndian ? index : width - 1 - index) * 8
      bytes[place + index] = UInt8(truncatingIfNeeded: value >> shift)
    }
  }

  private static func pad(_ bytes: inout [UInt8], to alignment: Int) {
    let rest = bytes.count % alignment
    if rest > 0 { bytes += [UInt8](repeating: 0, count: alignment - rest) }
  }
}
