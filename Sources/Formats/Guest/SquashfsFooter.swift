/// The UUID and the label of a squashfs, which has neither: 512 bytes behind the file system.
///
/// docs/internals/FORMATS.md, "The footer of a squashfs".
package enum SquashfsFooter {
  /// Bytes.
  package static let size = 512
  package static let magic: StaticString = "minivmID"
  static let magicBytes: [UInt8] = [0x6D, 0x69, 0x6E, 0x69, 0x76, 0x6D, 0x49, 0x44]
  /// Bytes.
  package static let labelLimit = 64
  /// In the superblock: how many bytes the file system has.
  private static let byteCountOffset = 40
  private static let uuidOffset = 16
  private static let labelOffset = 32

  /// Where the footer of a file system is: in the first sector that nothing of it is in.
  /// - Parameter byteCount: what its superblock says.
  package static func offset(byteCount: Int) -> Int { (byteCount + size - 1) / size * size }

  /// Reads the footer.
  /// - Parameter start: the file system's first 48 bytes or more.
  /// - Returns: the UUID and the label up to its first NUL; nil where there is no footer of this file system.
  package static func read(
    _ start: Span<UInt8>, _ disk: some DiskReader
  ) -> (uuid: [UInt8], label: [UInt8])? {
    guard let count: UInt64 = start.littleEndian(at: byteCountOffset),
      count < UInt64(disk.size), let byteCount = Int(exactly: count)
    else { return nil }
    let bytes = disk.read(at: offset(byteCount: byteCount), count: size)
    // A file system that took the place of a larger one does not get that one's name.
    guard bytes.span.has(magic, at: 0), bytes.span.littleEndian(at: 8) == count,
      let uuid = bytes.span.bytes(at: uuidOffset, count: 16),
      let label = bytes.span.bytes(at: labelOffset, count: labelLimit)
    else { return nil }
    return (uuid, Array(label.prefix { $0 != 0 }))
  }
}
