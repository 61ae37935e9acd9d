/// Where the sections of an ELF file are, for either class and byte order.
///
/// System V ABI, "ELF Header" and "Sections". Files with more than 65,279 sections (extended
/// numbering) are not read: no tool for kernel modules does.
public struct ELFFile: Sendable {
  public let bytes: [UInt8]
  /// 64-bit addresses and offsets, against 32-bit ones.
  public let is64Bit: Bool
  public let isLittleEndian: Bool
  /// `e_machine`, by the ABI's numbers.
  public let machine: UInt16
  private let names: Range<Int>
  private let headersOffset: Int
  private let sectionCount: Int

  /// - Throws: `FormatError` when the header or the section table is not whole.
  public init(_ bytes: [UInt8]) throws(FormatError) {
    guard bytes.count >= 16, bytes[0] == 0x7f, bytes[1...3].elementsEqual("ELF".utf8) else {
      throw FormatError(.malformed, "not an ELF file", offset: 0)
    }
    guard bytes[4] == 1 || bytes[4] == 2, bytes[5] == 1 || bytes[5] == 2 else {
      throw FormatError(.unsupported, "unknown ELF class or byte order", offset: 4)
    }
    let is64Bit = bytes[4] == 2
    let fields = FieldReader(bytes: bytes, isLittleEndian: bytes[5] == 1)
    guard bytes.count >= (is64Bit ? 64 : 52) else {
      throw FormatError(.truncated, "the ELF header is not whole", offset: bytes.count)
    }
    self.bytes = bytes
    self.is64Bit = is64Bit
    isLittleEndian = bytes[5] == 1
    machine = UInt16(fields.value(at: 18, width: 2))
    // e_shoff is as wide as an address; e_shentsize, e_shnum and e_shstrndx end the header.
    let table = fields.value(at: is64Bit ? 40 : 32, width: is64Bit ? 8 : 4)
    let last = is64Bit ? 58 : 46
    let entrySize = Int(fields.value(at: last, width: 2))
    let count = Int(fields.value(at: last + 2, width: 2))
    let namesIndex = Int(fields.value(at: last + 4, width: 2))
    guard entrySize == Self.headerSize(is64Bit) else {
      throw FormatError(.malformed, "section headers of \(entrySize) bytes", offset: last)
    }
    guard table <= bytes.count, count * entrySize <= bytes.count - Int(table) else {
      throw FormatError(
        .truncated, "the table of \(count) sections is outside the file", offset: last + 2)
    }
    headersOffset = Int(table)
    sectionCount = count
    guard namesIndex < count,
      let names = Self.extent(
        of: fields, header: headersOffset + namesIndex * entrySize, is64Bit: is64Bit)
    else {
      throw FormatError(.malformed, "the section names are outside the file", offset: last + 4)
    }
    guard let end = names.last, bytes[end] == 0 else {
      throw FormatError(.malformed, "the section names don't end", offset: names.upperBound)
    }
    self.names = names
  }

  /// The first section of each of the names, as a range of `bytes`; nil where there is none or where
  /// it is not inside the file.
  public func sections(named wanted: [StaticString]) -> [Range<Int>?] {
    var found = [Range<Int>?](repeating: nil, count: wanted.count)
    let fields = self.fields
    let size = Self.headerSize(is64Bit)
    // Section 0 is no section.
    for index in 0..<sectionCount where index > 0 {
      let header = headersOffset + index * size
      let nameOffset = fields.value(at: header, width: 4)
      guard nameOffset < names.count,
        let extent = Self.extent(of: fields, header: header, is64Bit: is64Bit)
      else { continue }
      let name = names.lowerBound + Int(nameOffset)
      for (number, candidate) in wanted.enumerated()
      where found[number] == nil && isName(candidate, at: name) {
        found[number] = extent
      }
    }
    return found
  }

  var fields: FieldReader { FieldReader(bytes: bytes, isLittleEndian: isLittleEndian) }

  /// Compares with the terminator, so never past the end of the names.
  private func isName(_ name: StaticString, at offset: Int) -> Bool {
    let count = name.utf8CodeUnitCount
    guard offset + count < names.upperBound, bytes[offset + count] == 0 else { return false }
    return unsafe bytes[offset..<offset + count].elementsEqual(
      UnsafeBufferPointer(start: name.utf8Start, count: count))
  }

  private static func headerSize(_ is64Bit: Bool) -> Int { is64Bit ? 64 : 40 }

  private static func extent(of fields: FieldReader, header: Int, is64Bit: Bool) -> Range<Int>? {
    let width = is64Bit ? 8 : 4
    let place = header + (is64Bit ? 24 : 16)
    let offset = fields.value(at: place, width: width)
    let size = fields.value(at: place + width, width: width)
    let count = fields.bytes.count
    guard offset <= count, size <= count - Int(offset) else { return nil }
    return Int(offset)..<Int(offset) + Int(size)
  }
}

/// Reads numbers at offsets that were checked before; what is outside the bytes reads as zeros.
struct FieldReader {
  let bytes: [UInt8]
  let isLittleEndian: Bool

  @inline(__always)
  func value(at offset: Int, width: Int) -> UInt64 {
    guard offset >= 0, offset <= bytes.count - width else { return 0 }
    var value: UInt64 = 0
    if isLittleEndian {
      for index in (0..<width).reversed() { value = value << 8 | UInt64(bytes[offset + index]) }
    } else {
      for index in 0..<width { value = value << 8 | UInt64(bytes[offset + index]) }
    }
    return value
  }
}
