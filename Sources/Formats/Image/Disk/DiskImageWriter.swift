/// A disk image that is made a cluster at a time, in any order.
///
/// A writer of a file system hands over every cluster that it has anything in, once, and says at the
/// end how large the disk is. What was written can be read back at any time before the image's file is
/// committed, so that nothing needs to be kept in memory for a second use.
///
/// To be called from one thread at a time.
package protocol DiskImageWriter: AnyObject {
  /// Stores `bytes`, exactly one cluster (`DiskImage.clusterSize`), as the disk's cluster `cluster`.
  /// A cluster of zeros takes no room. The bytes may be compressed and stored after this returns.
  /// - Throws: also for a cluster that was written before, and what an earlier cluster failed with.
  func write(_ bytes: [UInt8], cluster: Int) throws

  /// The bytes of a cluster; zeros for one that was not written.
  func read(cluster: Int) throws -> [UInt8]

  /// Completes the image of a disk of `size` bytes, a multiple of 512. Nothing can be written after it.
  func finish(size: Int) throws
}

/// What all disk images have in common.
package enum DiskImage {
  /// Bytes in a cluster, in every format that is written here.
  package static let clusterSize = 1 << 16

  /// The highest disk size in bytes: what the L1 table of a qcow2 image may cover (32 MiB of entries).
  static let maximumSize = 1 << 51

  static func check(_ bytes: [UInt8], cluster: Int) throws(FormatError) {
    guard bytes.count == clusterSize else {
      throw FormatError(.malformed, "a cluster of \(bytes.count) bytes")
    }
    try check(cluster: cluster)
  }

  static func check(cluster: Int) throws(FormatError) {
    guard cluster >= 0, cluster < maximumSize / clusterSize else {
      throw FormatError(.overflow, "no disk has a cluster \(cluster)")
    }
  }

  static func check(size: Int) throws(FormatError) {
    guard size > 0, size <= maximumSize, size % 512 == 0 else {
      throw FormatError(.overflow, "\(size) bytes is not the size of a disk")
    }
  }
}
