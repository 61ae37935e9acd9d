/// The sets of extended attributes that files have, each once.
///
/// Linux, Documentation/filesystems/squashfs.rst, 3.7, "Xattr table", and fs/squashfs/squashfs_fs.h.
struct SquashfsAttributeTable {
  /// Bytes of all attributes of one file, XATTR_LIST_MAX of Linux for their names alone.
  private static let setLimit = 1 << 24

  private var numbers: [[ExtendedAttribute]: UInt32] = [:]
  private(set) var sets: [[ExtendedAttribute]] = []

  /// - Returns: the number of a file's set, `SquashfsFormat.none` for an empty one.
  /// - Throws: `FormatError` for what squashfs can't hold.
  mutating func number(of set: [ExtendedAttribute]) throws(FormatError) -> UInt32 {
    if set.isEmpty { return SquashfsFormat.none }
    if let known = numbers[set] { return known }
    for attribute in set {
      let name = String(decoding: attribute.name, as: UTF8.self).quoted
      guard let (_, length) = SquashfsFormat.namespace(of: attribute.name),
        attribute.name.count > length
      else {
        throw FormatError(
          .unsupported,
          "has the extended attribute \(name): squashfs holds user, trusted and security ones")
      }
      guard attribute.name.count <= ExtendedAttribute.nameLimit,
        attribute.value.count <= ExtendedAttribute.valueLimit
      else { throw FormatError(.limit, "the extended attribute \(name) is too long") }
    }
    guard Self.size(of: set) <= Self.setLimit else {
      throw FormatError(.limit, "has extended attributes of more than \(Self.setLimit) bytes")
    }
    let number = UInt32(sets.count)
    numbers[set] = number
    sets.append(set)
    return number
  }

  /// What a list of a file's attributes takes, as mksquashfs counts: names with a NUL, and values.
  private static func size(of set: [ExtendedAttribute]) -> Int {
    set.reduce(0) { $0 + $1.name.count + 1 + $1.value.count }
  }

  /// The attributes, and the table of the sets that refers to them.
  func tables(
    _ compressor: SquashfsBlockCompressor
  ) throws(FormatError) -> (attributes: SquashfsMetadataWriter, sets: SquashfsMetadataWriter) {
    var attributes = SquashfsMetadataWriter(compressor)
    var table = SquashfsMetadataWriter(compressor)
    for set in sets {
      var entry = ByteWriter(capacity: 16)
      entry.littleEndian(attributes.reference)
      entry.littleEndian(UInt32(set.count))
      entry.littleEndian(UInt32(Self.size(of: set)))
      try table.append(entry.bytes)
      for attribute in set {
        guard let (number, length) = SquashfsFormat.namespace(of: attribute.name) else { continue }
        let name = attribute.name.dropFirst(length)
        var writer = ByteWriter(capacity: 8 + name.count + attribute.value.count)
        writer.littleEndian(number)
        writer.littleEndian(UInt16(name.count))
        writer.append(name)
        writer.littleEndian(UInt32(attribute.value.count))
        writer.append(attribute.value)
        try attributes.append(writer.bytes)
      }
    }
    try attributes.finish()
    try table.finish()
    return (attributes, table)
  }
}
