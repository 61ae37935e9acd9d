/// The checksum of zstd frames, with seed 0, of bytes that come in pieces. XXHASH fast digest algorithm, "XXH64
/// Algorithm Description".
struct XXH64: Sendable {
  private static let primes: [UInt64] = [
    0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9, 0x85EB_CA77_C2B2_AE63,
    0x27D4_EB2F_1656_67C5,
  ]

  /// Bytes so far.
  private(set) var count = 0
  private var lanes = [primes[0] &+ primes[1], primes[1], 0, 0 &- primes[0]]
  /// Fewer than a stripe of 32.
  private var rest: [UInt8] = []

  mutating func update(_ bytes: [UInt8]) {
    count += bytes.count
    let missing = rest.isEmpty ? 0 : min(32 - rest.count, bytes.count)
    rest += bytes[..<missing]
    if rest.count == 32 {
      unsafe rest.withUnsafeBytes { unsafe takeStripes(of: $0) }
      rest = []
    }
    guard rest.isEmpty else { return }
    let whole = (bytes.count - missing) / 32 * 32
    unsafe bytes.withUnsafeBytes {
      unsafe takeStripes(of: UnsafeRawBufferPointer(rebasing: $0[missing..<missing + whole]))
    }
    rest += bytes[(missing + whole)...]
  }

  private mutating func takeStripes(of bytes: UnsafeRawBufferPointer) {
    var (first, second, third, fourth) = (lanes[0], lanes[1], lanes[2], lanes[3])
    for offset in stride(from: 0, to: bytes.count, by: 32) {
      first = unsafe Self.round(first, Self.word(bytes, offset))
      second = unsafe Self.round(second, Self.word(bytes, offset + 8))
      third = unsafe Self.round(third, Self.word(bytes, offset + 16))
      fourth = unsafe Self.round(fourth, Self.word(bytes, offset + 24))
    }
    lanes = [first, second, third, fourth]
  }

  /// Of all bytes so far.
  var value: UInt64 {
    let (p1, p2, p3, p4, p5) = (
      Self.primes[0], Self.primes[1], Self.primes[2], Self.primes[3], Self.primes[4]
    )
    var hash = p5
    if count >= 32 {
      hash = zip(lanes, [1, 7, 12, 18]).reduce(0) { $0 &+ Self.rotate($1.0, $1.1) }
      for lane in lanes { hash = (hash ^ Self.round(0, lane)) &* p1 &+ p4 }
    }
    hash &+= UInt64(count)
    return unsafe rest.withUnsafeBytes { rest in
      var offset = 0
      while offset + 8 <= rest.count {
        hash = unsafe Self.rotate(hash ^ Self.round(0, Self.word(rest, offset)), 27) &* p1 &+ p4
        offset += 8
      }
      if offset + 4 <= rest.count {
        let half = unsafe UInt32(
          littleEndian: rest.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        hash = Self.rotate(hash ^ UInt64(half) &* p1, 23) &* p2 &+ p3
        offset += 4
      }
      while offset < rest.count {
        hash = unsafe Self.rotate(hash ^ UInt64(rest[offset]) &* p5, 11) &* p1
        offset += 1
      }
      hash = (hash ^ hash >> 33) &* p2
      hash = (hash ^ hash >> 29) &* p3
      return hash ^ hash >> 32
    }
  }

  private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
    unsafe UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    rotate(lane &+ word &* primes[1], 31) &* primes[0]
  }

  private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
    value << count | value >> (64 - count)
  }
}
