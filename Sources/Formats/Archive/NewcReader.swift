/// An entry of a "newc" cpio archive.
public struct NewcEntry: Sendable, Hashable {
  /// Normalised, relative.
  public var path: String
  /// Type and permission bits, as stat(2) has them.
  public var mode: UInt32
  /// Bytes of its body.
  public var size: Int
  /// Seconds since 1970.
  public var modified: Int
  public var owner: Int
  public var group: Int
  /// Major and minor number, of devices.
  public var device: [Int]
  /// What a file has in common with others that are other names of it; nil for one with a single name.
  public var identity: FileIdentity?
  /// Whether its body is that of an earlier name.
  public var isAnotherName = false

  public var isFile: Bool { mode & 0o170000 == 0o100000 }
  public var isSymbolicLink: Bool { mode & 0o170000 == 0o120000 }
}

/// Reads a cpio archive in the "newc" form in one pass.
///
/// Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
public final class NewcReader {
  /// The most entries that are read. Bookworm's full kernel has 4,941 files.
  public static let entryLimit = 1 << 17

  /// The most bytes of all files with several names: they are kept, as one name alone has them.
  private static let linkedLimit = 1 << 28

  private let reader: SourceReader
  private var bodyLeft = 0
  private var linked: [FileIdentity: [UInt8]] = [:]
  private var linkedCount = 0
  /// The current entry's body, where it was read before.
  private var kept: [UInt8]?
  private var count = 0

  public init(_ source: any ByteSource) {
    reader = SourceReader(source)
  }

  /// Goes to the next entry, past what is left of the last one's body.
  /// - Returns: nil at the archive's trailer.
  public func next() throws -> NewcEntry? {
    try reader.skip(bodyLeft)
    bodyLeft = 0
    kept = nil
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
    var entry = NewcEntry(
      path: try ArchivePath.normalize(name), mode: UInt32(fields[1]), size: fields[6],
      modified: fields[5], owner: fields[2], group: fields[3], device: Array(fields[9...10]))
    if entry.isFile, fields[4] > 1 {
      let identity = FileIdentity(
        device: UInt64(fields[7]) << 32 | UInt64(fields[8]), inode: UInt64(fields[0]))
      entry.identity = identity
      entry.isAnotherName = bodyLeft == 0 && linked[identity] != nil
      try keepBody(of: identity)
      entry.size = kept?.count ?? 0
    }
    return entry
  }

  /// One of a file's names has its bytes; those before it, if any, are empty here.
  private func keepBody(of file: FileIdentity) throws {
    if bodyLeft > 0 {
      linkedCount += bodyLeft
      guard linkedCount <= Self.linkedLimit else {
        throw FormatError(
          .limit, "more than \(Self.linkedLimit) bytes of files with several names",
          offset: reader.offset)
      }
      linked[file] = try reader.read(exactly: bodyLeft)
      bodyLeft = 0
    }
    kept = linked[file]
  }

  /// The current entry's bytes.
  /// - Throws: `FormatError.limit` when there are more than `limit`.
  public func body(limit: Int) throws -> [UInt8] {
    let size = kept?.count ?? bodyLeft
    guard size <= limit else {
      throw FormatError(.limit, "a file of \(size) bytes", offset: reader.offset)
    }
    if let kept { return kept }
    defer { bodyLeft = 0 }
    return try reader.read(exactly: bodyLeft)
  }

  private func align() throws {
    let rest = reader.offset % 4
    if rest != 0 { try reader.skip(4 - rest) }
  }
}
