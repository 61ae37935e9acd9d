/// Where the sections of an ELF file are, for either class and byte order. Only the headers and the
/// sections that are asked for are read.
///
/// System V ABI, "ELF Header" and "Sections". Files with more than 65,279 sections (extended
/// numbering) are not read: no tool for kernel modules does.
struct ELFFile<Bytes: RandomAccessBytes> {
  /// 64-bit addresses and offsets, against 32-bit ones.
  let is64Bit: Bool
  let isLittleEndian: Bool
  /// `e_machine`, by the ABI's numbers.
  let machine: UInt16
  private let bytes: Bytes
  private let headers: FieldReader
  private let names: ArraySlice<UInt8>

  /// - Throws: `FormatError` when the header or the section table is not whole.
  init(_ bytes: Bytes) throws(FormatError) {
    let start = try bytes.bytes(in: 0..<min(bytes.byteCount, 64))
    guard start.count >= 16, start.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else {
      throw FormatError(.malformed, "not an ELF file", offset: 0)
    }
    let (fileClass, order) = (start[start.startIndex + 4], start[start.startIndex + 5])
    guard fileClass == 1 || fileClass == 2, order == 1 || order == 2 else {
      throw FormatError(.unsupported, "unknown ELF class or byte order", offset: 4)
    }
    let is64Bit = fileClass == 2
    let header = FieldReader(start, isLittleEndian: order == 1)
    guard start.count >= (is64Bit ? 64 : 52) else {
      throw FormatError(.truncated, "the ELF header is not whole", offset: start.count)
    }
    self.bytes = bytes
    self.is64Bit = is64Bit
    isLittleEndian = order == 1
    machine = UInt16(header.value(at: 18, width: 2))
    // e_shoff is as wide as an address; e_shentsize, e_shnum and e_shstrndx end the header.
    let table = header.value(at: is64Bit ? 40 : 32, width: is64Bit ? 8 : 4)
    let last = is64Bit ? 58 : 46
    let entrySize = Int(header.value(at: last, width: 2))
    let count = Int(header.value(at: last + 2, width: 2))
    let namesIndex = Int(header.value(at: last + 4, width: 2))
    guard entrySize == Self.headerSize(is64Bit) else {
      throw FormatError(.malformed, "section headers of \(entrySize) bytes", offset: last)
    }
    guard table <= bytes.byteCount, count * entrySize <= bytes.byteCount - Int(table) else {
      throw FormatError(
        .truncated, "the table of \(count) sections is outside the file", offset: last + 2)
    }
    headers = FieldReader(
      try bytes.bytes(in: Int(table)..<Int(table) + count * entrySize),
      isLittleEndian: isLittleEndian)
    guard namesIndex < count,
      let extent = Self.extent(
        of: headers, header: namesIndex * entrySize, is64Bit: is64Bit, fileSize: bytes.byteCount)
    else {
      throw FormatError(.malformed, "the section names are outside the file", offset: last + 4)
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
    let size = Self.headerSize(is64Bit)
    // Section 0 is no section.
    for header in stride(from: size, to: headers.count, by: size) {
      let nameOffset = headers.value(at: header, width: 4)
      guard nameOffset < names.count else { continue }
      let name = names.startIndex + Int(nameOffset)
      for number in wanted.indices where found[number] == nil && isName(wanted[number], at: name) {
        found[number] = Self.extent(
          of: headers, header: header, is64Bit: is64Bit, fileSize: bytes.byteCount)
      }
    }
    return found
  }

  /// The bytes of a section that was found.
  func section(_ range: Range<Int>) throws(FormatError) -> ArraySlice<UInt8> {
    try bytes.bytes(in: range)
  }

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
