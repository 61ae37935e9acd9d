/// An entry of a "newc" cpio archive.
package struct NewcEntry: Sendable, Hashable {
  /// Normalised, relative; empty for the archive's root.
  package var path: String
  /// Type and permission bits, as stat(2) has them.
  package var mode: UInt32
  /// Bytes that follow it here: of a file with several names, any of them may have the content.
  package var size: Int
  /// Seconds since 1970.
  package var modified: Int
  package var owner: Int
  package var group: Int
  /// Major and minor number, of devices.
  package var device: [Int]
  /// What a file has in common with its other names in the same archive; nil for one with a single name.
  package var identity: FileIdentity?
  /// How many trailers came before it.
  package var archive: Int

  /// The type's bits.
  package var type: UInt32 { mode & 0o170000 }
  package var isFile: Bool { type == 0o100000 }
  package var isDirectory: Bool { type == 0o040000 }
  package var isSymbolicLink: Bool { type == 0o120000 }
}
