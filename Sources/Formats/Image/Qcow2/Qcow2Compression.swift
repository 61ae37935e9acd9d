/// How the clusters of a qcow2 image are stored. Levels are those of the library that compresses.
package enum Qcow2Compression: Sendable, Hashable {
  /// Readable by QEMU 5.1 and later.
  case zstd(level: Int32)
  /// Raw deflate with a window of 4 KiB, which every reader of qcow2 takes.
  case zlib(level: Int32)
  case none

  package static let zstd = Qcow2Compression.zstd(level: 6)
  package static let zlib = Qcow2Compression.zlib(level: 6)

  /// As small as the libraries can: about 25 times the work of `zstd`.
  package static let smallestZstd = Qcow2Compression.zstd(level: 22)
  package static let smallestZlib = Qcow2Compression.zlib(level: 9)
}
