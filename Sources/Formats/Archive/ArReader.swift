/// A member of an ar archive: a name and where its bytes are.
package struct ArMember: Sendable, Hashable {
  /// Without the `/` that some writers end names with.
  package var name: String
  /// Bytes from the start of the archive.
  package var range: Range<Int>
}

/// Reads the headers of an ar archive, as ar(5) and deb(5) describe them.
package struct ArReader {
  private static let magic = Array("!<arch>\n".utf8)
  private static let headerSize = 60

  private let file: InputFile
  private var offset: Int

  /// - Throws: `FormatError.malformed` for what is not an ar archive.
  package init(_ file: InputFile) throws(FormatError) {
    self.file = file
    let start = try file.read(at: 0, count: Self.magic.count)
    guard start == Self.magic else {
      throw FormatError(.malformed, "is not an ar archive, so not a .deb", offset: 0)
    }
    offset = start.count
  }

  /// - Returns: nil at the end of the archive.
  package mutating func next() throws(FormatError) -> ArMember? {
    let start = offset
    let bytes = try file.read(at: start, count: Self.headerSize)
    // A member of odd length is followed by a newline, which the last one may lack.
    if bytes.isEmpty { return nil }
    var reader = ByteReader(bytes)
    guard bytes.count == Self.headerSize else {
      throw FormatError(.truncated, "the ar archive ends inside a member's header", offset: start)
    }
    let name = try text(reader.bytes(16), at: start)
    try reader.skip(12 + 6 + 6 + 8)
    let sizeText = try text(reader.bytes(10), at: start)
    guard try reader.byte() == 0x60, try reader.byte() == 0x0a else {
      throw FormatError(.malformed, "not an ar member's header", offset: start)
    }
    guard sizeText.allSatisfy(\.isASCIIDigit), let size = Int(sizeText) else {
      throw FormatError(.malformed, "ar member size “\(sizeText)”", offset: start + 48)
    }
    let data = start + Self.headerSize
    guard size <= file.size - data else {
      throw FormatError(
        .truncated,
        "member \(name) has \(size) bytes by its header, the file ends after \(file.size - data) of them",
        offset: data)
    }
    offset = data + size + size % 2
    return ArMember(
      name: name.hasSuffix("/") ? String(name.dropLast()) : name, range: data..<data + size)
  }

  private func text(_ field: ArraySlice<UInt8>, at offset: Int) throws(FormatError) -> String {
    guard field.allSatisfy({ (0x20..<0x7f).contains($0) }) else {
      throw FormatError(.malformed, "not an ar member's header", offset: offset)
    }
    let end = field.lastIndex(where: { $0 != 0x20 }).map { $0 + 1 } ?? field.startIndex
    return String(decoding: field[..<end], as: UTF8.self)
  }
}

extension Character {
  var isASCIIDigit: Bool { isASCII && isWholeNumber }
}
