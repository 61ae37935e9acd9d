/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), eight bytes a step.
///
/// The caller keeps the register: ext4 chains values without the usual inversion at the end.
package enum CRC32C {
  /// The register after `bytes`, for a register that was `seed` before. Neither is inverted.
  package static func update(_ seed: UInt32, _ bytes: ArraySlice<UInt8>) -> UInt32 {
    unsafe bytes.withUnsafeBytes { input in
      unsafe tables.withUnsafeBufferPointer { unsafe update(seed, input, $0) }
    }
  }

  package static func update(_ seed: UInt32, _ bytes: [UInt8]) -> UInt32 {
    update(seed, bytes[...])
  }

  /// The register after the four bytes of `value`, lowest first.
  package static func update(_ seed: UInt32, littleEndian value: UInt32) -> UInt32 {
    var register = seed ^ value
    for _ in 0..<4 {
      register = register >> 8 ^ tables[Int(register & 0xff)]
    }
    return register
  }

  private static func update(
    _ seed: UInt32, _ input: UnsafeRawBufferPointer, _ table: UnsafeBufferPointer<UInt32>
  ) -> UInt32 {
    var register = seed
    var offset = 0
    while input.count - offset >= 8 {
      let word = unsafe UInt64(
        littleEndian: input.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      let low = UInt32(truncatingIfNeeded: word) ^ register
      let high = UInt32(truncatingIfNeeded: word >> 32)
      let first = unsafe table[1792 + Int(low & 0xff)] ^ table[1536 + Int(low >> 8 & 0xff)]
      let second = unsafe table[1280 + Int(low >> 16 & 0xff)] ^ table[1024 + Int(low >> 24)]
      let third = unsafe table[768 + Int(high & 0xff)] ^ table[512 + Int(high >> 8 & 0xff)]
      let fourth = unsafe table[256 + Int(high >> 16 & 0xff)] ^ table[Int(high >> 24)]
      register = first ^ second ^ third ^ fourth
      offset += 8
    }
    while offset < input.count {
      register = unsafe register >> 8 ^ table[Int((register ^ UInt32(input[offset])) & 0xff)]
      offset += 1
    }
    return register
  }

  /// Table `n` (256 entries from `256 * n`) advances a byte's remainder over `n` more bytes.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var register = UInt32(byte)
      for _ in 0..<8 {
        register = register >> 1 ^ (register & 1 == 1 ? 0x82F6_3B78 : 0)
      }
      tables[byte] = register
    }
    for index in 256..<tables.count {
      let before = tables[index - 256]
      tables[index] = before >> 8 ^ tables[Int(before & 0xff)]
    }
    return tables
  }()
}
