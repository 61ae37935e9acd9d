extension ArraySlice<UInt8> {
  /// Without blanks at both ends: spaces, tabs, and what else ends a line or a page.
  package var trimmed: ArraySlice<UInt8> {
    drop(while: ByteWords.isBlank).withoutTrailing(ByteWords.isBlank)
  }

  /// Without such bytes at its end.
  package func withoutTrailing(_ isUnwanted: (UInt8) -> Bool) -> ArraySlice<UInt8> {
    lastIndex { !isUnwanted($0) }.map { self[...$0] } ?? []
  }
}
