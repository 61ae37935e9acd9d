/// A name of bytes, which need not be text, that is fast to look up.
package struct ByteString: Hashable, Sendable {
  package let bytes: ArraySlice<UInt8>

  package init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
  }

  package func hash(into hasher: inout Hasher) {
    // The sequence's own hash goes byte by byte, ten times slower.
    unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
  }

  package static func == (left: ByteString, right: ByteString) -> Bool {
    left.bytes.count == right.bytes.count && left.bytes.elementsEqual(right.bytes)
  }
}
