extension ModuleFacts {
  /// Appends all but the problems, in a form of this program's own.
  package func write(to writer: inout ByteWriter) throws(FormatError) {
    for strings in [information, exports, needs] { try strings.write(to: &writer) }
  }

  /// Reads what `write` has appended.
  package init(reading reader: inout ByteReader) throws(FormatError) {
    self.init()
    information = try ByteStrings(reading: &reader)
    exports = try ByteStrings(reading: &reader)
    needs = try ByteStrings(reading: &reader)
  }
}
