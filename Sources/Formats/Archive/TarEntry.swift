/// One entry of a tar archive.
public struct TarEntry: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case file, directory
    case symbolicLink(target: String)
    /// The same file as an earlier entry's.
    case hardLink(path: String)
    case characterDevice(major: UInt32, minor: UInt32)
    case blockDevice(major: UInt32, minor: UInt32)
    case fifo
  }

  /// Relative, without `.`, `..` and empty parts; empty for the archive's root.
  public var path: String
  public var kind: Kind
  /// Permission bits, with set-uid, set-gid and sticky.
  public var mode: UInt32
  /// Bytes that follow; 0 for all but files.
  public var size: Int
  /// Seconds since 1970.
  public var modified: Int
  public var owner: UInt32
  public var group: UInt32
}
