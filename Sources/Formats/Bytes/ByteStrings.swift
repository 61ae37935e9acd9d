internal import Glibc

/// Many short byte strings in one piece of memory.
package struct ByteStrings: Sendable, RandomAccessCollection, Equatable {
  private var storage: [UInt8] = []
  private var ends: [Int] = []

  package init() {}

  package init(_ strings: some Sequence<String>) {
    for string in strings { append(string.utf8) }
  }

  /// Strings with any number of NULs between them.
  package init(separatedByNUL bytes: ArraySlice<UInt8>) {
    // Some 40 bytes have most records of `.modinfo`.
    reserve(bytes.count / 32, byteCount: bytes.count)
    unsafe bytes.withUnsafeBytes { bytes in
      var start = 0
      while start < bytes.count {
        let string = unsafe bytes.string(after: start)
        if unsafe !string.isEmpty { unsafe append(string) }
        start += string.count + 1
      }
    }
  }

  /// Makes room for more strings, and for their bytes.
  package mutating func reserve(_ count: Int, byteCount: Int) {
    storage.reserveCapacity(storage.count + byteCount)
    ends.reserveCapacity(ends.count + count)
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { ends.count }
  /// The length of all strings together, in bytes.
  package var byteCount: Int { storage.count }

  package subscript(index: Int) -> ArraySlice<UInt8> {
    storage[range(of: index)]
  }

  private func range(of index: Int) -> Range<Int> {
    (index == 0 ? 0 : ends[index - 1])..<ends[index]
  }

  /// Those of all strings, without anything between them.
  package var bytes: [UInt8] { storage }

  package func length(of index: Int) -> Int { range(of: index).count }

  /// A byte of a string that has one there.
  package func byte(at offset: Int, of index: Int) -> UInt8 {
    storage[range(of: index).lowerBound + offset]
  }

  /// How many bytes two strings begin with in common.
  package func commonPrefixLength(_ first: Int, _ second: Int) -> Int {
    let (left, right) = (range(of: first), range(of: second))
    let limit = Swift.min(left.count, right.count)
    return unsafe storage.withUnsafeBytes { bytes in
      var count = 0
      while count < limit,
        unsafe bytes[left.lowerBound + count] == bytes[right.lowerBound + count]
      {
        count += 1
      }
      return count
    }
  }

  package mutating func append(_ string: some Sequence<UInt8>) {
    storage.append(contentsOf: string)
    ends.append(storage.count)
  }

  package mutating func append(_ string: ArraySlice<UInt8>) {
    storage.append(contentsOf: string)
    ends.append(storage.count)
  }

  @unsafe package mutating func append(_ string: UnsafeRawBufferPointer) {
    unsafe storage.append(contentsOf: string)
    ends.append(storage.count)
  }

  /// Appends one string that is made of two.
  package mutating func append(_ first: [UInt8], _ second: ArraySlice<UInt8>) {
    storage.append(contentsOf: first)
    append(second)
  }

  /// Hands on the bytes of each, which are there as long as the call.
  @unsafe package func forEachBytes(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    try unsafe storage.withUnsafeBytes { bytes in
      var start = 0
      for end in ends {
        try unsafe body(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        start = end
      }
    }
  }

  /// Whether the string at a position has these bytes.
  @unsafe func isString(at index: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
    let range = range(of: index)
    guard range.count == bytes.count else { return false }
    return unsafe storage.withUnsafeBytes { own in
      unsafe range.isEmpty
        || memcmp(own.baseAddress! + range.lowerBound, bytes.baseAddress!, range.count) == 0
    }
  }

  /// What follows `key` and `=` in the strings that begin so, in their order; empty for one that is the key
  /// alone.
  package func values(of key: StaticString) -> [ArraySlice<UInt8>] {
    let count = key.utf8CodeUnitCount
    var found: [ArraySlice<UInt8>] = []
    unsafe storage.withUnsafeBytes { bytes in
      var start = 0
      for end in ends {
        let string = start..<end
        start = end
        guard string.count >= count, let begin = bytes.baseAddress,
          unsafe memcmp(begin + string.lowerBound, key.utf8Start, count) == 0
        else { continue }
        let rest = storage[string].dropFirst(count)
        if rest.isEmpty || rest.first == UInt8(ascii: "=") { found.append(rest.dropFirst()) }
      }
    }
    return found
  }

  /// The strings' positions in byte order; of equal strings the first appended comes first.
  ///
  /// Compares eight bytes at a time, and goes on to the next eight only among those that have all
  /// eight in common. Time is proportional to `byteCount`, but for the logarithm. Strings that are in order
  /// are looked at once.
  package func sortedPositions() -> [Int] {
    if isSorted { return Array(ends.indices) }
    var order = ends.indices.map { SortEntry(position: $0) }
    var pending = [(range: 0..<order.count, depth: 0)]
    while let (range, depth) = pending.popLast() {
      for index in range { load(&order[index], depth: depth) }
      order[range].sort()
      var start = range.lowerBound
      while start < range.upperBound {
        var end = start + 1
        while end < range.upperBound, order[end].isEqual(to: order[start]) { end += 1 }
        if end - start > 1, order[start].goesOn {
          pending.append((start..<end, depth + SortEntry.width))
        }
        start = end
      }
    }
    return order.map(\.position)
  }

  private var isSorted: Bool {
    indices.dropFirst().allSatisfy { index in
      let common = commonPrefixLength(index - 1, index)
      if common == length(of: index - 1) { return true }
      return common < length(of: index)
        && byte(at: common, of: index - 1) < byte(at: common, of: index)
    }
  }

  private func load(_ entry: inout SortEntry, depth: Int) {
    let range = range(of: entry.position)
    let start = range.lowerBound + depth
    entry.length = UInt8(Swift.min(range.upperBound - start, SortEntry.width + 1))
    entry.chunk = 0
    if entry.length >= SortEntry.width {
      entry.chunk = unsafe storage.withUnsafeBytes {
        unsafe UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: start, as: UInt64.self))
      }
    } else {
      for byte in storage[start..<range.upperBound] {
        entry.chunk = entry.chunk << 8 | UInt64(byte)
      }
      entry.chunk <<= 8 * UInt64(SortEntry.width - Int(entry.length))
    }
  }
}

/// A string while strings are sorted: the bytes that are compared now.
private struct SortEntry: Comparable {
  static let width = 8

  var position: Int
  /// Big-endian; zeros where the string has ended.
  var chunk: UInt64 = 0
  /// Bytes from the chunk's first on, at most one more than it has.
  var length: UInt8 = 0

  init(position: Int) {
    self.position = position
  }

  /// Whether there are bytes after the chunk.
  var goesOn: Bool { length > Self.width }

  func isEqual(to other: SortEntry) -> Bool { chunk == other.chunk && length == other.length }

  static func < (left: SortEntry, right: SortEntry) -> Bool {
    if left.chunk != right.chunk { return left.chunk < right.chunk }
    if left.length != right.length { return left.length < right.length }
    return left.position < right.position
  }
}
