/// kmod's binary index: a path-compressed trie on 7-bit keys, big-endian. kmod, libkmod/libkmod-index.c.
///
/// Header: u32 magic, u32 version, u32 offset of the root. Node: prefix and NUL, then first and last
/// character of its children and their offsets, then the values with their priorities; what a node
/// has of these is in the upper bits of the offset that leads to it.
package enum IndexTrieFormat {
  package static let magic: UInt32 = 0xb007_f457
  package static let version: UInt32 = 0x0002_0001

  // Bits of the offset that leads to a node.
  package static let hasPrefix: UInt32 = 0x8000_0000
  package static let hasValues: UInt32 = 0x4000_0000
  package static let hasChildren: UInt32 = 0x2000_0000
  /// The offset itself: 256 MiB.
  package static let offsetMask: UInt32 = 0x0fff_ffff
}
