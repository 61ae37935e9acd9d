internal import Glibc

/// Finds numbers by byte strings, which are kept in one piece of memory.
///
/// A hash table with open addressing. Its hash is seeded for each table, so that nobody can choose
/// strings that collide.
package struct ByteStringMap: Sendable {
  /// In the order in which they came.
  package private(set) var keys = ByteStrings()
  /// By position of the key.
  package private(set) var values: [Int] = []
  private var hashes: [UInt64] = []
  /// Positions of keys and 1, or 0 for a free slot. At least half of them are free.
  private var slots: [UInt32] = [0, 0]
  private let seed = UInt64.random(in: 0 ... .max)

  package init() {}

  /// Sets or replaces a string's number.
  package mutating func set(_ key: ArraySlice<UInt8>, _ value: Int) {
    unsafe key.withUnsafeBytes { unsafe set($0, value) }
  }

  /// The same for bytes that do not lie in this map.
  @unsafe package mutating func set(_ key: UnsafeRawBufferPointer, _ value: Int) {
    let hash = unsafe hash(key)
    let slot = unsafe slot(of: key, hash)
    if slots[slot] > 0 {
      values[Int(slots[slot]) - 1] = value
      return
    }
    unsafe keys.append(key)
    values.append(value)
    hashes.append(hash)
    slots[slot] = UInt32(values.count)
    if values.count * 2 > slots.count { grow() }
  }

  package subscript(key: ArraySlice<UInt8>) -> Int? {
    unsafe key.withUnsafeBytes { unsafe self[$0] }
  }

  /// The same for bytes that lie somewhere else.
  @unsafe package subscript(key: UnsafeRawBufferPointer) -> Int? {
    let number = unsafe slots[slot(of: key, hash(key))]
    return number > 0 ? values[Int(number) - 1] : nil
  }

  /// The slot that holds the key, or the free one that would.
  @unsafe private func slot(of key: UnsafeRawBufferPointer, _ hash: UInt64) -> Int {
    var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
    while slots[slot] > 0 {
      let position = Int(slots[slot]) - 1
      if hashes[position] == hash, unsafe keys.isString(at: position, key) { break }
      slot = (slot + 1) & (slots.count - 1)
    }
    return slot
  }

  private mutating func grow() {
    slots = [UInt32](repeating: 0, count: slots.count * 4)
    for (position, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
      while slots[slot] > 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = UInt32(position + 1)
    }
  }

  /// Eight bytes at a time, each multiplied into what came before, both halves of the product.
  @unsafe private func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var hash = seed ^ UInt64(bytes.count)
    func mix(_ word: UInt64) {
      let product = (hash ^ word).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
      hash = product.high ^ product.low
    }
    var offset = 0
    while offset + 8 <= bytes.count {
      unsafe mix(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      offset += 8
    }
    var last: UInt64 = 0
    while offset < bytes.count {
      last = unsafe last << 8 | UInt64(bytes[offset])
      offset += 1
    }
    mix(last)
    return hash
  }
}
