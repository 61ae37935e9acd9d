internal import Formats

/// Writes kmod's binary index: a path-compressed trie on 7-bit keys, big-endian.
///
/// Header: u32 magic, u32 version, u32 offset of the root. Node: prefix and NUL, then first and last
/// character of its children and their offsets, then the values with their priorities; what a node
/// has of these is in the upper bits of the offset that leads to it. Children stand before their
/// node and the root is last, as kmod up to 33 writes it.
struct IndexTrie {
  private struct Entry {
    var key: Range<Int>
    var value: Range<Int>
    /// The first 8 bytes of the key, so that most comparisons are one.
    var start: UInt64
    var priority: UInt32
  }

  private var pool: [UInt8] = []
  private var entries: [Entry] = []

  /// Whether a key can stand in the index.
  static func takes(_ key: some Sequence<UInt8>) -> Bool {
    key.allSatisfy { $0 < 0x80 }
  }

  /// - Parameters:
  ///   - key: left out when it is not one: kmod then writes an index that finds nothing.
  ///   - priority: where the value stands among those of its key, lowest first.
  ///     Of equals, the one that came last stands first.
  mutating func insert(
    _ key: some Collection<UInt8>, _ value: some Collection<UInt8>, priority: Int
  ) {
    guard Self.takes(key) else { return }
    let start = pool.count
    pool.append(contentsOf: key)
    let middle = pool.count
    pool.append(contentsOf: value)
    var first: UInt64 = 0
    for index in 0..<8 {
      first = first << 8 | (start + index < middle ? UInt64(pool[start + index]) : 0)
    }
    entries.append(
      Entry(
        key: start..<middle, value: middle..<pool.count, start: first,
        priority: UInt32(truncatingIfNeeded: priority)))
  }

  /// - Throws: `FormatError.limit` past the 512 MiB that an offset reaches.
  func bytes() throws(FormatError) -> [UInt8] {
    var writer = TrieWriter(pool: pool)
    let order = sortedEntries()
    var position = 0
    while position < order.count {
      let key = entries[order[position]].key
      var values: [(UInt32, Range<Int>)] = []
      while position < order.count, isSameKey(entries[order[position]].key, key) {
        let entry = entries[order[position]]
        values.append((entry.priority, entry.value))
        position += 1
      }
      try writer.add(key, values)
    }
    return try writer.finish()
  }

  private func sortedEntries() -> [Int] {
    entries.indices.sorted { left, right in
      let (a, b) = (entries[left], entries[right])
      if a.start != b.start { return a.start < b.start }
      let (first, second) = (pool[a.key], pool[b.key])
      if first.lexicographicallyPrecedes(second) { return true }
      if second.lexicographicallyPrecedes(first) { return false }
      return a.priority != b.priority ? a.priority < b.priority : left > right
    }
  }

  private func isSameKey(_ first: Range<Int>, _ second: Range<Int>) -> Bool {
    first.count == second.count && pool[first].elementsEqual(pool[second])
  }
}

/// Takes keys in ascending order and writes a node as soon as no later key can go below it.
private struct TrieWriter {
  private struct Node {
    /// How many bytes of its keys are above the end of this node's prefix.
    var depth: Int
    var key: Range<Int>
    var values: [(UInt32, Range<Int>)] = []
    var children: [(character: UInt8, offset: UInt32)] = []
  }

  private static let hasPrefix: UInt32 = 0x8000_0000
  private static let hasValues: UInt32 = 0x4000_0000
  private static let hasChildren: UInt32 = 0x2000_0000

  private let pool: [UInt8]
  private var bytes: [UInt8] = []
  /// From the root, which never has a prefix, to the last key's node.
  private var open = [Node(depth: 0, key: 0..<0)]
  private var lastKey: Range<Int>?

  init(pool: [UInt8]) {
    self.pool = pool
    for value in [0xb007_f457, 0x0002_0001, 0] as [UInt32] { append(value) }
  }

  private mutating func append(_ value: UInt32) {
    for index in 0..<4 as Range<UInt32> {
      bytes.append(UInt8(truncatingIfNeeded: value >> (24 - 8 * index)))
    }
  }

  mutating func add(_ key: Range<Int>, _ values: [(UInt32, Range<Int>)]) throws(FormatError) {
    let common = lastKey.map { commonLength($0, key) } ?? 0
    try close(to: common)
    lastKey = key
    if key.count == open[open.count - 1].depth {
      open[open.count - 1].values = values
    } else {
      open.append(Node(depth: key.count, key: key, values: values))
    }
  }

  mutating func finish() throws(FormatError) -> [UInt8] {
    try close(to: 0)
    let root = try write(open[0], above: nil)
    for index in 0..<4 { bytes[8 + index] = UInt8(truncatingIfNeeded: root >> (24 - 8 * index)) }
    return bytes
  }

  /// Writes the open nodes that are deeper than `depth`, and splits the prefix that reaches past it.
  private mutating func close(to depth: Int) throws(FormatError) {
    while let node = open.last, node.depth > depth {
      open.removeLast()
      let parentDepth = max(open[open.count - 1].depth, depth)
      let offset = try write(node, above: parentDepth)
      let child = (pool[node.key.lowerBound + parentDepth], offset)
      if open[open.count - 1].depth < parentDepth {
        open.append(Node(depth: parentDepth, key: node.key))
      }
      open[open.count - 1].children.append(child)
    }
  }

  /// - Parameter above: the parent's depth, whose next byte leads here; nil for the root.
  private mutating func write(_ node: Node, above: Int?) throws(FormatError) -> UInt32 {
    guard let offset = UInt32(exactly: bytes.count), offset < Self.hasChildren else {
      throw FormatError(.limit, "an index of modules is larger than 512 MiB", offset: bytes.count)
    }
    var flags: UInt32 = 0
    if let above, node.depth > above + 1 {
      let start = node.key.lowerBound
      bytes.append(contentsOf: pool[start + above + 1..<start + node.depth])
      bytes.append(0)
      flags |= Self.hasPrefix
    }
    if let first = node.children.first, let last = node.children.last {
      flags |= Self.hasChildren
      bytes.append(first.character)
      bytes.append(last.character)
      var next = first.character
      for child in node.children {
        while next < child.character {
          append(0)
          next += 1
        }
        append(child.offset)
        next = child.character &+ 1
      }
    }
    if !node.values.isEmpty {
      flags |= Self.hasValues
      append(UInt32(truncatingIfNeeded: node.values.count))
      for (priority, value) in node.values {
        append(priority)
        bytes.append(contentsOf: pool[value])
        bytes.append(0)
      }
    }
    return offset | flags
  }

  private func commonLength(_ first: Range<Int>, _ second: Range<Int>) -> Int {
    var count = 0
    let limit = min(first.count, second.count)
    while count < limit, pool[first.lowerBound + count] == pool[second.lowerBound + count] {
      count += 1
    }
    return count
  }
}
