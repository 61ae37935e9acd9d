/// One entry of a tar archive.
package struct TarEntry: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    case file, directory
    case symbolicLink(target: String)
    /// The same file as an earlier entry's.
    case hardLink(path: String)
    case characterDevice(major: UInt32, minor: UInt32)
    case blockDevice(major: UInt32, minor: UInt32)
    case fifo
  }

  /// Relative, without `.`, `..` and empty parts; empty for the archive's root.
  package var path: String
  package var kind: Kind
  /// Permission bits, with set-uid, set-gid and sticky.
  package var mode: UInt32
  /// Bytes that follow; 0 for all but files.
  package var size: Int
  /// Seconds since 1970.
  package var modified: Int
  package var owner: UInt32
  package var group: UInt32
}
