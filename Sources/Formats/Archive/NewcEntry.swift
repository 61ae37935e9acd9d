/// An entry of a "newc" cpio archive.
public struct NewcEntry: Sendable, Hashable {
  /// Normalised, relative; empty for the archive's root.
  public var path: String
  /// Type and permission bits, as stat(2) has them.
  public var mode: UInt32
  /// Bytes that follow it here: of a file with several names, any of them may have the content.
  public var size: Int
  /// Seconds since 1970.
  public var modified: Int
  public var owner: Int
  public var group: Int
  /// Major and minor number, of devices.
  public var device: [Int]
  /// What a file has in common with its other names in the same archive; nil for one with a single name.
  public var identity: FileIdentity?
  /// How many trailers came before it.
  public var archive: Int

  /// The type's bits.
  public var type: UInt32 { mode & 0o170000 }
  public var isFile: Bool { type == 0o100000 }
  public var isDirectory: Bool { type == 0o040000 }
  public var isSymbolicLink: Bool { type == 0o120000 }
}
