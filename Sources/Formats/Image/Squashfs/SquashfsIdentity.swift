/// What tells one image from another, which squashfs itself has no room for.
///
/// It is in a footer of 512 bytes behind the file system: docs/internals/FORMATS.md, "The footer of a squashfs".
package struct SquashfsIdentity: Sendable, Hashable {
  /// Bytes of a label.
  package static let labelLimit = SquashfsFooter.labelLimit

  package let uuid: [UInt8]
  package let label: String
  /// When the file system was made, in seconds since 1970.
  package let timestamp: Int

  /// - Parameters:
  ///   - uuid: 16 bytes.
  ///   - label: up to 64 bytes of UTF-8 without NUL.
  package init(uuid: [UInt8], label: String, timestamp: Int) throws(FormatError) {
    guard uuid.count == 16 else { throw FormatError(.malformed, "a UUID has 16 bytes") }
    guard label.utf8.count <= Self.labelLimit, !label.utf8.contains(0) else {
      throw FormatError(
        .overflow, "the label \(label.quoted) is longer than \(Self.labelLimit) bytes")
    }
    (self.uuid, self.label, self.timestamp) = (uuid, label, timestamp)
  }

  /// The footer of a file system of `byteCount` bytes.
  func footer(byteCount: UInt64) -> [UInt8] {
    var writer = ByteWriter(capacity: SquashfsFooter.size)
    writer.append(SquashfsFooter.magicBytes)
    writer.littleEndian(byteCount)
    writer.append(uuid)
    writer.append(label.utf8)
    writer.zeros(SquashfsFooter.size - writer.count)
    return writer.bytes
  }
}
