internal import Glibc

/// Where the sections of an ELF file are, for either class and byte order. Only the headers and the
/// sections that are asked for are read.
///
/// System V ABI, "ELF Header" and "Sections". Files with more than 65,279 sections (extended
/// numbering) are not read: no tool for kernel modules does.
struct ELFFile<Bytes: RandomAccessBytes> {
  /// How many bytes that nobody asked for are read rather than passed over.
  private static var nearness: Int { 4096 }

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
    // The names mostly stand before the table: one reading for both.
    let offset = Int(table.offset)
    let start = max(0, offset - Self.nearness)
    let read = try bytes.bytes(in: start..<offset + size)
    headers = FieldReader(read.suffix(size), isLittleEndian: header.isLittleEndian)
    guard header.namesIndex < table.count,
      let extent = Self.extent(
        of: headers, header: header.namesIndex * table.entrySize, is64Bit: header.is64Bit,
        fileSize: bytes.byteCount)
    else {
      throw FormatError(.malformed, "the section names are outside the file", offset: fields + 4)
    }
    names =
      extent.lowerBound >= start && extent.upperBound <= offset
      ? read.dropFirst(extent.lowerBound - start).prefix(extent.count)
      : try bytes.bytes(in: extent)
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

  /// A section by its number; nil where there is none or where it is not inside the file.
  func section(numbered number: Int) -> Range<Int>? {
    let size = Self.headerSize(header.is64Bit)
    guard number > 0, number < headers.count / size else { return nil }
    return Self.extent(
      of: headers, header: number * size, is64Bit: header.is64Bit, fileSize: bytes.byteCount)
  }

  /// The bytes of a section that was found.
  func section(_ range: Range<Int>) throws(FormatError) -> ArraySlice<UInt8> {
    try bytes.bytes(in: range)
  }

  /// The bytes of sections that were found, each at the place of its range. What is near to each other is read
  /// at once: to ask for a page takes longer than to copy it.
  func sections(_ ranges: [Range<Int>?]) throws(FormatError) -> [ArraySlice<UInt8>?] {
    var found = [ArraySlice<UInt8>?](repeating: nil, count: ranges.count)
    var pending = ranges.enumerated().compactMap { place, range in range.map { (place, $0) } }
      .sorted { $0.1.lowerBound < $1.1.lowerBound }[...]
    while let first = pending.first {
      var whole = first.1
      let near = pending.prefix { _, range in
        guard range.lowerBound <= whole.upperBound + Self.nearness else { return false }
        whole = whole.lowerBound..<max(whole.upperBound, range.upperBound)
        return true
      }
      pending = pending.dropFirst(near.count)
      let read = try bytes.bytes(in: whole)
      for (place, range) in near {
        found[place] = read.dropFirst(range.lowerBound - whole.lowerBound).prefix(range.count)
      }
    }
    return found
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
    return unsafe names.withUnsafeBytes {
      unsafe memcmp($0.baseAddress! + (start - names.startIndex), name.utf8Start, count) == 0
    }
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

  /// - Parameters:
  ///   - offset: in bytes from the first.
  ///   - width: 1, 2, 4 or 8 bytes.
  @inline(__always)
  func value(at offset: Int, width: Int) -> UInt64 {
    guard offset >= 0, offset <= bytes.count - width else { return 0 }
    return switch width {
    case 1: UInt64(number(at: offset, UInt8.self))
    case 2: UInt64(number(at: offset, UInt16.self))
    case 4: UInt64(number(at: offset, UInt32.self))
    default: number(at: offset, UInt64.self)
    }
  }

  @inline(__always)
  private func number<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, _: T.Type) -> T {
    let value = unsafe bytes.span.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: T.self)
    return isLittleEndian ? T(littleEndian: value) : T(bigEndian: value)
  }
}
