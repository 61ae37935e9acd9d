extension ByteStrings {
  /// Appends the strings: their number and lengths as 32-bit numbers, then their bytes.
  /// - Throws: `FormatError.overflow` for a string of 4 GiB.
  package func write(to writer: inout ByteWriter) throws(FormatError) {
    for number in [count] + map(\.count) {
      guard let number = UInt32(exactly: number) else {
        throw FormatError(.overflow, "a string of \(number) bytes")
      }
      writer.littleEndian(number)
    }
    for string in self { writer.append(string) }
  }

  /// Reads what `write` has appended.
  package init(reading reader: inout ByteReader) throws(FormatError) {
    self.init()
    let count = Int(try reader.littleEndian(UInt32.self))
    var lengths = try reader.slice(count * 4)
    while !lengths.isAtEnd {
      append(try reader.bytes(Int(lengths.littleEndian(UInt32.self))))
    }
  }
}
