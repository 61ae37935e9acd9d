/// The hash that orders the names of a large directory: half MD4 over 32 bytes at a time, with
/// signed characters, as on x86. ext4 documentation, "Hash Tree Directories"; RFC 1320 for the rounds.
struct Ext4DirectoryHash {
  /// `s_def_hash_version` and `hash_version` of a tree's root.
  static let version: UInt8 = 1
  /// The end of a directory in a 32-bit telldir position, which no name may have for a hash.
  private static let end: UInt32 = 0x7fff_ffff << 1

  private let seed: (UInt32, UInt32, UInt32, UInt32)

  /// - Parameter seed: 16 bytes; all zero stands for MD4's own start.
  init(seed: [UInt8]) {
    var words: [UInt32] = [0, 0, 0, 0]
    for (index, byte) in seed.prefix(16).enumerated() {
      words[index / 4] |= UInt32(byte) << UInt32(index % 4 * 8)
    }
    self.seed =
      words == [0, 0, 0, 0]
      ? (0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476)
      : (words[0], words[1], words[2], words[3])
  }

  /// The hash of a name; its lowest bit is always clear.
  func callAsFunction(_ name: [UInt8]) -> UInt32 {
    var state = seed
    var start = 0
    while start < name.count {
      Self.transform(&state, Self.words(name, from: start))
      start += 32
    }
    let hash = state.1 & ~1
    return hash == Self.end ? Self.end - 2 : hash
  }

  /// Up to 32 bytes of the name as eight words, filled up with its length.
  private static func words(_ name: [UInt8], from start: Int) -> [UInt32] {
    let left = UInt32(truncatingIfNeeded: name.count - start)
    let half = left | left << 8
    let padding = half | half << 16
    var words = [UInt32](repeating: padding, count: 8)
    var value = padding
    var count = 0
    for byte in name[start..<min(name.count, start + 32)] {
      value = UInt32(bitPattern: Int32(Int8(bitPattern: byte))) &+ (value << 8)
      count += 1
      if count % 4 == 0 {
        words[count / 4 - 1] = value
        value = padding
      }
    }
    if count < 32 { words[count / 4] = value }
    return words
  }

  private static func transform(
    _ state: inout (UInt32, UInt32, UInt32, UInt32), _ words: [UInt32]
  ) {
    var (a, b, c, d) = state
    func round(
      _ order: [Int], _ shifts: [UInt32], _ constant: UInt32,
      _ mix: (UInt32, UInt32, UInt32) -> UInt32
    ) {
      for (step, index) in order.enumerated() {
        let sum = a &+ mix(b, c, d) &+ words[index] &+ constant
        let shift = shifts[step % 4]
        (a, b, c, d) = (d, sum << shift | sum >> (32 - shift), b, c)
      }
    }
    round([0, 1, 2, 3, 4, 5, 6, 7], [3, 7, 11, 19], 0) { x, y, z in z ^ (x & (y ^ z)) }
    round([1, 3, 5, 7, 0, 2, 4, 6], [3, 5, 9, 13], 0x5a82_7999) { x, y, z in
      (x & y) &+ ((x ^ y) & z)
    }
    round([3, 7, 2, 6, 1, 5, 0, 4], [3, 9, 11, 15], 0x6ed9_eba1) { x, y, z in x ^ y ^ z }
    state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d)
  }
}
