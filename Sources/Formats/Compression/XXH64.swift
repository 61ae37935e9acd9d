/// The checksum of zstd frames, with seed 0. XXHASH fast digest algorithm, "XXH64 Algorithm Description".
enum XXH64 {
  private static let primes: [UInt64] = [
    0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63,
    0x27D4_EB2F_1656_67C5,
  ]

  static func hash(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    unsafe bytes.withUnsafeBytes { unsafe hash($0) }
  }

  private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let (p1, p2, p3, p4, p5) = (primes[0], primes[1], primes[2], primes[3], primes[4])
    func word(_ offset: Int) -> UInt64 {
      unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
      rotate(lane &+ word &* p2, 31) &* p1
    }
    var offset = 0
    var hash = p5
    if bytes.count >= 32 {
      var (first, second, third, fourth) = (p1 &+ p2, p2, UInt64(0), 0 &- p1)
      while offset + 32 <= bytes.count {
        first = round(first, word(offset))
        second = round(second, word(offset + 8))
        third = round(third, word(offset + 16))
        fourth = round(fourth, word(offset + 24))
        offset += 32
      }
      hash = rotate(first, 1) &+ rotate(second, 7) &+ rotate(third, 12) &+ rotate(fourth, 18)
      for lane in [first, second, third, fourth] { hash = (hash ^ round(0, lane)) &* p1 &+ p4 }
    }
    hash &+= UInt64(bytes.count)
    while offset + 8 <= bytes.count {
      hash = rotate(hash ^ round(0, word(offset)), 27) &* p1 &+ p4
      offset += 8
    }
    if offset + 4 <= bytes.count {
      let half = unsafe UInt32(
        littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      hash = rotate(hash ^ UInt64(half) &* p1, 23) &* p2 &+ p3
      offset += 4
    }
    while offset < bytes.count {
      hash = unsafe rotate(hash ^ UInt64(bytes[offset]) &* p5, 11) &* p1
      offset += 1
    }
    hash = (hash ^ hash >> 33) &* p2
    hash = (hash ^ hash >> 29) &* p3
    return hash ^ hash >> 32
  }

  private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
    value << count | value >> (64 - count)
  }
}
