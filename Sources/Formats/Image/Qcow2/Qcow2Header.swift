/// The header of a qcow2 image, version 3: qcow2 specification, "Header".
struct Qcow2Header {
  static let length = 112
  /// "QFI" and 0xfb.
  static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xfb]
  private static let incompatibleExternalData: UInt64 = 1 << 2
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
    writer.append(Self.magic)
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

extension Qcow2Header {
  /// Whether the image names a backing file or an external data file.
  /// - Parameter bytes: the file's first `length` bytes, or fewer.
  static func needsAnotherFile(_ bytes: [UInt8]) throws(FormatError) -> Bool {
    var reader = ByteReader(bytes)
    try reader.seek(to: 4)
    let version = try reader.bigEndian(UInt32.self)
    if try reader.bigEndian(UInt64.self) != 0 { return true }
    guard version >= 3 else { return false }
    try reader.seek(to: 72)
    return try reader.bigEndian(UInt64.self) & incompatibleExternalData != 0
  }

  /// Takes what the reader needs: a disk that is whole in this file.
  /// - Parameter bytes: the file's first `length` bytes, or fewer.
  init(reading bytes: [UInt8]) throws(FormatError) {
    var reader = ByteReader(bytes)
    guard try reader.bytes(4).elementsEqual(Self.magic) else {
      throw FormatError(.malformed, "not a qcow2 image", offset: 0)
    }
    let version = try reader.bigEndian(UInt32.self)
    guard version == 2 || version == 3 else {
      throw FormatError(.unsupported, "a qcow2 image of version \(version)", offset: 4)
    }
    guard try reader.bigEndian(UInt64.self) == 0 else {
      throw FormatError(.unsupported, "a qcow2 image with a backing file", offset: 8)
    }
    try reader.skip(4)
    let clusterBits = try reader.bigEndian(UInt32.self)
    guard clusterBits == 16 else {
      throw FormatError(.unsupported, "a qcow2 image whose clusters are not of 64 KiB", offset: 20)
    }
    guard let size = Int(exactly: try reader.bigEndian(UInt64.self)) else {
      throw FormatError(.overflow, "not the size of a disk", offset: 24)
    }
    try DiskImage.check(size: size)
    guard try reader.bigEndian(UInt32.self) == 0 else {
      throw FormatError(.unsupported, "an encrypted qcow2 image", offset: 32)
    }
    let l1Count = Int(try reader.bigEndian(UInt32.self))
    guard let l1Offset = Int(exactly: try reader.bigEndian(UInt64.self)) else {
      throw FormatError(.overflow, "not the offset of the L1 table", offset: 40)
    }
    var compression = Qcow2Compression.zlib(level: 6)
    if version == 3 {
      try reader.seek(to: 72)
      // Dirty: the refcounts may be wrong, which nobody reads here.
      let incompatible = try reader.bigEndian(UInt64.self) & ~1
      guard incompatible & ~Self.incompatibleCompressionType == 0 else {
        throw FormatError(
          .unsupported, "a qcow2 image with features that are not known", offset: 72)
      }
      if incompatible != 0 {
        try reader.seek(to: 104)
        guard try reader.byte() == 1 else {
          throw FormatError(.unsupported, "a qcow2 image with an unknown compression", offset: 104)
        }
        compression = .zstd(level: 6)
      }
    }
    self.init(
      size: size, l1Count: l1Count, l1Offset: l1Offset, refcountTableOffset: 0,
      refcountTableClusters: 0, compression: compression)
  }
}
