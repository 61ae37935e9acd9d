/// The header of a qcow2 image, version 3: qcow2 specification, "Header".
struct Qcow2Header {
  static let length = 112
  private static let incompatibleCompressionType: UInt64 = 1 << 3

  /// Bytes of the disk.
  var size: Int
  /// Entries of the L1 table.
  var l1Count: Int
  /// Byte offsets in the file.
  var l1Offset: Int
  var refcountTableOffset: Int
  var refcountTableClusters: Int
  var compression: Qcow2Compression

  func write(to writer: inout ByteWriter) throws(FormatError) {
    guard let l1Count = UInt32(exactly: l1Count),
      let refcountTableClusters = UInt32(exactly: refcountTableClusters)
    else { throw FormatError(.overflow, "the disk is too large for a qcow2 image") }
    var isZstd = false
    if case .zstd = compression { isZstd = true }
    writer.append([0x51, 0x46, 0x49, 0xfb])  // "QFI" and 0xfb
    writer.bigEndian(3 as UInt32)  // version
    writer.bigEndian(0 as UInt64)  // backing_file_offset
    writer.bigEndian(0 as UInt32)  // backing_file_size
    writer.bigEndian(16 as UInt32)  // cluster_bits
    writer.bigEndian(UInt64(size))
    writer.bigEndian(0 as UInt32)  // crypt_method
    writer.bigEndian(l1Count)
    writer.bigEndian(UInt64(l1Offset))
    writer.bigEndian(UInt64(refcountTableOffset))
    writer.bigEndian(refcountTableClusters)
    writer.bigEndian(0 as UInt32)  // nb_snapshots
    writer.bigEndian(0 as UInt64)  // snapshots_offset
    writer.bigEndian(isZstd ? Self.incompatibleCompressionType : 0)
    writer.bigEndian(0 as UInt64)  // compatible_features
    writer.bigEndian(0 as UInt64)  // autoclear_features
    writer.bigEndian(4 as UInt32)  // refcount_order: 16 bits
    writer.bigEndian(UInt32(Self.length))
    writer.byte(isZstd ? 1 : 0)  // compression_type
    writer.zeros(7)
    writer.bigEndian(0 as UInt64)  // end of the header extensions
  }
}
