/// Numbers of squashfs 4.0. Linux, Documentation/filesystems/squashfs.rst and fs/squashfs/squashfs_fs.h.
enum SquashfsFormat {
  static let magic: UInt32 = 0x7371_7368
  static let superblockSize = 96
  /// Bytes of a metadata block before compression.
  static let metadataSize = 8192
  /// In the size of a metadata block: it is not compressed.
  static let plainMetadata: UInt16 = 0x8000
  /// In the size of a data block or of a fragment: it is not compressed.
  static let plainBlock: UInt32 = 1 << 24
  /// In place of a table, and of where one begins, that is not there.
  static let noTable = UInt64.max
  /// In place of a fragment's or of a set of attributes' number.
  static let none = UInt32.max
  /// The most entries behind one header of a directory.
  static let entryLimit = 256
  /// A directory's size counts `.` and `..`, which it has not.
  static let directorySizeExtra = 3
  /// The most bytes of a name: SQUASHFS_NAME_LEN.
  static let nameLimit = 256
  /// The most bytes of a link's target, PATH_MAX of Linux without the NUL.
  static let targetLimit = 4095
  /// The most different owners and groups together, numbered by 16 bits and counted by 16 bits.
  static let idLimit = 65535
  /// In the type of an extended attribute: its value is elsewhere.
  static let distantValue: UInt16 = 0x100

  /// Of an inode, and of a directory's entry.
  enum FileType: UInt16 {
    case directory = 1
    case file, symbolicLink, blockDevice, characterDevice, fifo, socket

    /// What an inode has added to its type if it is the extended form.
    static let extended: UInt16 = 7
  }

  enum Compressor: UInt16 {
    case gzip = 1
    case lzma, lzo, xz, lz4, zstd
  }

  struct Flags: OptionSet {
    let rawValue: UInt16
    static let alwaysFragments = Flags(rawValue: 0x20)
    static let exportable = Flags(rawValue: 0x80)
    static let noAttributes = Flags(rawValue: 0x200)
    static let compressorOptions = Flags(rawValue: 0x400)
  }

  /// The namespaces of extended attributes, in the order of their numbers.
  static let namespaces = [Array("user.".utf8), Array("trusted.".utf8), Array("security.".utf8)]

  /// - Returns: the number of the namespace and how many bytes of the name it takes; nil for another one.
  static func namespace(of name: [UInt8]) -> (number: UInt16, length: Int)? {
    for (number, prefix) in namespaces.enumerated() where name.starts(with: prefix) {
      return (UInt16(number), prefix.count)
    }
    return nil
  }
}

/// What a squashfs begins with. Linux, fs/squashfs/squashfs_fs.h, squashfs_super_block.
struct SquashfsSuperblock: Hashable {
  var inodeCount: UInt32
  var modified: UInt32
  /// Bytes.
  var blockSize: UInt32
  var fragmentCount: UInt32
  var compressor: UInt16
  var flags: UInt16
  var idCount: UInt16
  /// Where the root's inode is: the metadata block in the upper 48 bits, the place in it in the lower 16.
  var root: UInt64
  /// Bytes of the file system, which its image may be longer than.
  var byteCount: UInt64
  var idTable: UInt64
  var attributeTable: UInt64
  var inodeTable: UInt64
  var directoryTable: UInt64
  var fragmentTable: UInt64
  var exportTable: UInt64

  func write(to writer: inout ByteWriter) {
    writer.littleEndian(SquashfsFormat.magic)
    writer.littleEndian(inodeCount)
    writer.littleEndian(modified)
    writer.littleEndian(blockSize)
    writer.littleEndian(fragmentCount)
    writer.littleEndian(compressor)
    writer.littleEndian(UInt16(blockSize.trailingZeroBitCount))
    writer.littleEndian(flags)
    writer.littleEndian(idCount)
    writer.littleEndian(4 as UInt16)  // version 4.0
    writer.littleEndian(0 as UInt16)
    writer.littleEndian(root)
    writer.littleEndian(byteCount)
    writer.littleEndian(idTable)
    writer.littleEndian(attributeTable)
    writer.littleEndian(inodeTable)
    writer.littleEndian(directoryTable)
    writer.littleEndian(fragmentTable)
    writer.littleEndian(exportTable)
  }
}

extension SquashfsSuperblock {
  /// - Throws: `FormatError` for another file system, and another version.
  init(reading bytes: [UInt8]) throws(FormatError) {
    var reader = ByteReader(bytes)
    guard try reader.littleEndian(UInt32.self) == SquashfsFormat.magic else {
      throw FormatError(.malformed, "not a squashfs", offset: 0)
    }
    inodeCount = try reader.littleEndian(UInt32.self)
    modified = try reader.littleEndian(UInt32.self)
    blockSize = try reader.littleEndian(UInt32.self)
    fragmentCount = try reader.littleEndian(UInt32.self)
    compressor = try reader.littleEndian(UInt16.self)
    let logarithm = try reader.littleEndian(UInt16.self)
    flags = try reader.littleEndian(UInt16.self)
    idCount = try reader.littleEndian(UInt16.self)
    let major = try reader.littleEndian(UInt16.self)
    let minor = try reader.littleEndian(UInt16.self)
    guard (major, minor) == (4, 0) else {
      throw FormatError(
        .unsupported, "a squashfs of version \(major).\(minor), not 4.0", offset: 28)
    }
    guard (12...20).contains(logarithm), blockSize == 1 << UInt32(logarithm) else {
      throw FormatError(.malformed, "a squashfs with blocks of \(blockSize) bytes", offset: 12)
    }
    root = try reader.littleEndian(UInt64.self)
    byteCount = try reader.littleEndian(UInt64.self)
    idTable = try reader.littleEndian(UInt64.self)
    attributeTable = try reader.littleEndian(UInt64.self)
    inodeTable = try reader.littleEndian(UInt64.self)
    directoryTable = try reader.littleEndian(UInt64.self)
    fragmentTable = try reader.littleEndian(UInt64.self)
    exportTable = try reader.littleEndian(UInt64.self)
  }
}
