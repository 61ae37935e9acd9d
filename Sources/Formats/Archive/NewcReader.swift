/// An entry of a "newc" cpio archive.
public struct NewcEntry: Sendable, Hashable {
  /// Normalised, relative.
  public var path: String
  /// Type and permission bits, as stat(2) has them.
  public var mode: UInt32
  /// Bytes that follow.
  public var size: Int
  /// Seconds since 1970.
  public var modified: Int
  public var owner: Int
  public var group: Int
  /// Major and minor number, of devices.
  public var device: [Int]

  public var isFile: Bool { mode & 0o170000 == 0o100000 }
  public var isSymbolicLink: Bool { mode & 0o170000 == 0o120000 }
}

/// Reads a cpio archive in the "newc" form in one pass.
///
/// Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
public final class NewcReader {
  /// The most entries that are read. Bookworm's full kernel has 4,941 files.
  public static let entryLimit = 1 << 17

  private let reader: SourceReader
  private var bodyLeft = 0
  private var count = 0

  public init(_ source: any ByteSource) {
    reader = SourceReader(source)
  }

  /// Goes to the next entry, past what is left of the last one's body.
  /// - Returns: nil at the archive's trailer.
  public func next() throws -> NewcEntry? {
    try reader.skip(bodyLeft)
    bodyLeft = 0
    try align()
    let offset = reader.offset
    var header = ByteReader(try reader.read(exactly: 110))
    let magic = try header.bytes(6)
    guard magic.elementsEqual("070701".utf8) || magic.elementsEqual("070702".utf8) else {
      throw FormatError(.malformed, "not a newc header", offset: offset)
    }
    var fields: [Int] = []
    for _ in 0..<13 {
      let digits = String(decoding: try header.bytes(8), as: UTF8.self)
      guard let value = UInt32(digits, radix: 16) else {
        throw FormatError(.malformed, "not a newc header", offset: offset)
      }
      fields.append(Int(value))
    }
    let nameSize = fields[11]
    guard (1...ArchivePath.lengthLimit + 1).contains(nameSize) else {
      throw FormatError(.limit, "a name of \(nameSize) bytes", offset: offset)
    }
    let name = try reader.read(exactly: nameSize).dropLast()
    if name.elementsEqual("TRAILER!!!".utf8) { return nil }
    try align()
    bodyLeft = fields[6]
    count += 1
    guard count <= Self.entryLimit else {
      throw FormatError(.limit, "more than \(Self.entryLimit) files", offset: offset)
    }
    return NewcEntry(
      path: try ArchivePath.normalize(name), mode: UInt32(fields[1]), size: fields[6],
      modified: fields[5], owner: fields[2], group: fields[3], device: Array(fields[9...10]))
  }

  /// The current entry's bytes.
  /// - Throws: `FormatError.limit` when there are more than `limit`.
  public func body(limit: Int) throws -> [UInt8] {
    guard bodyLeft <= limit else {
      throw FormatError(.limit, "a file of \(bodyLeft) bytes", offset: reader.offset)
    }
    defer { bodyLeft = 0 }
    return try reader.read(exactly: bodyLeft)
  }

  private func align() throws {
    let rest = reader.offset % 4
    if rest != 0 { try reader.skip(4 - rest) }
  }
}
