/// Where the sections of an ELF file are, for either class and byte order. Only the headers and the
/// sections that are asked for are read.
///
/// System V ABI, "ELF Header" and "Sections". Files with more than 65,279 sections (extended
/// numbering) are not read: no tool for kernel modules does.
struct ELFFile<Bytes: RandomAccessBytes> {
  private let header: ELFHeader
  private let bytes: Bytes
  private let headers: FieldReader
  private let names: ArraySlice<UInt8>

  /// - Throws: `FormatError` when the header or the section table is not whole.
  init(_ bytes: Bytes) throws(FormatError) {
    let header = try ELFHeader(bytes.bytes(in: 0..<min(bytes.byteCount, ELFHeader.size)))
    let (table, fields) = (header.sections, header.sectionFields)
    guard table.entrySize == Self.headerSize(header.is64Bit) else {
      throw FormatError(
        .malformed, "section headers of \(table.entrySize) bytes", offset: fields)
    }
    let size = table.count * table.entrySize
    guard table.offset <= bytes.byteCount, size <= bytes.byteCount - Int(table.offset) else {
      throw FormatError(
        .truncated, "the table of \(table.count) sections is outside the file", offset: fields + 2)
    }
    self.header = header
    self.bytes = bytes
    headers = FieldReader(
      try bytes.bytes(in: Int(table.offset)..<Int(table.offset) + size),
      isLittleEndian: header.isLittleEndian)
    guard header.namesIndex < table.count,
      let extent = Self.extent(
        of: headers, header: header.namesIndex * table.entrySize, is64Bit: header.is64Bit,
        fileSize: bytes.byteCount)
    else {
      throw FormatError(.malformed, "the section names are outside the file", offset: fields + 4)
    }
    names = try bytes.bytes(in: extent)
    guard names.last == 0 else {
      throw FormatError(.malformed, "the section names don't end", offset: extent.upperBound)
    }
  }

  /// The first section of each of the names, as a range of the file's bytes; nil where there is none
  /// or where it is not inside the file.
  func sections(named wanted: [StaticString]) -> [Range<Int>?] {
    var found = [Range<Int>?](repeating: nil, count: wanted.count)
    let size = Self.headerSize(header.is64Bit)
    // Section 0 is no section.
    for place in stride(from: size, to: headers.count, by: size) {
      let nameOffset = headers.value(at: place, width: 4)
      guard nameOffset < names.count else { continue }
      let name = names.startIndex + Int(nameOffset)
      for number in wanted.indices where found[number] == nil && isName(wanted[number], at: name) {
        found[number] = Self.extent(
          of: headers, header: place, is64Bit: header.is64Bit, fileSize: bytes.byteCount)
      }
    }
    return found
  }

  /// The bytes of a section that was found.
  func section(_ range: Range<Int>) throws(FormatError) -> ArraySlice<UInt8> {
    try bytes.bytes(in: range)
  }

  /// As in the header.
  var is64Bit: Bool { header.is64Bit }
  var isLittleEndian: Bool { header.isLittleEndian }
  var machine: UInt16 { header.machine }
  var byteCount: Int { bytes.byteCount }

  /// Compares with the terminator, so never past the end of the names.
  private func isName(_ name: StaticString, at start: Int) -> Bool {
    let count = name.utf8CodeUnitCount
    guard start + count < names.endIndex, names[start + count] == 0 else { return false }
    return unsafe names[start..<start + count].elementsEqual(
      UnsafeBufferPointer(start: name.utf8Start, count: count))
  }

  private static func headerSize(_ is64Bit: Bool) -> Int { is64Bit ? 64 : 40 }

  private static func extent(
    of fields: FieldReader, header: Int, is64Bit: Bool, fileSize: Int
  ) -> Range<Int>? {
    let width = is64Bit ? 8 : 4
    let place = header + (is64Bit ? 24 : 16)
    let offset = fields.value(at: place, width: width)
    let size = fields.value(at: place + width, width: width)
    guard offset <= fileSize, size <= fileSize - Int(offset) else { return nil }
    return Int(offset)..<Int(offset) + Int(size)
  }
}

/// Reads numbers at offsets that were checked before; what is outside the bytes reads as zeros.
struct FieldReader {
  private let bytes: ArraySlice<UInt8>
  private let isLittleEndian: Bool

  init(_ bytes: ArraySlice<UInt8>, isLittleEndian: Bool) {
    self.bytes = bytes
    self.isLittleEndian = isLittleEndian
  }

  var count: Int { bytes.count }

  /// - Parameter offset: in bytes from the first.
  @inline(__always)
  func value(at offset: Int, width: Int) -> UInt64 {
    guard offset >= 0, offset <= bytes.count - width else { return 0 }
    let start = bytes.startIndex + offset
    var value: UInt64 = 0
    if isLittleEndian {
      for index in (0..<width).reversed() { value = value << 8 | UInt64(bytes[start + index]) }
    } else {
      for index in 0..<width { value = value << 8 | UInt64(bytes[start + index]) }
    }
    return value
  }
}
