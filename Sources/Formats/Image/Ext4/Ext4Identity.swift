/// What tells one file system from another. An input, so that the same tree gives the same bytes.
package struct Ext4Identity: Sendable, Hashable {
  package let uuid: [UInt8]
  /// Where names go in large directories depends on it.
  package let hashSeed: [UInt8]
  package let label: String
  /// When the file system was made.
  package let timestamp: Ext4Time

  /// - Parameters:
  ///   - uuid: 16 bytes.
  ///   - hashSeed: 16 bytes.
  ///   - label: up to 16 bytes of UTF-8 without NUL.
  package init(
    uuid: [UInt8], hashSeed: [UInt8], label: String, timestamp: Ext4Time
  ) throws(FormatError) {
    guard uuid.count == 16, hashSeed.count == 16 else {
      throw FormatError(.malformed, "a UUID and a hash seed have 16 bytes")
    }
    guard label.utf8.count <= 16, !label.utf8.contains(0) else {
      throw FormatError(.overflow, "the label “\(label)” is longer than 16 bytes")
    }
    self.uuid = uuid
    self.hashSeed = hashSeed
    self.label = label
    self.timestamp = timestamp
  }

  /// What all checksums of metadata begin with: ext4 documentation, "Checksums".
  var checksumSeed: UInt32 { CRC32C.update(~0, uuid) }
}
