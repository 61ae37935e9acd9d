internal import Formats

/// Writes kmod's binary index, `IndexTrieFormat`. Children stand before their node and the root is last, as
/// kmod up to 33 writes it.
struct IndexTrie {
  private var keys = ByteStrings()
  private var values = ByteStrings()
  private var priorities: [UInt32] = []

  /// Whether a key can stand in the index.
  static func takes(_ key: some Sequence<UInt8>) -> Bool {
    key.allSatisfy { $0 < 0x80 }
  }

  /// - Parameters:
  ///   - prefix: of the key.
  ///   - key: left out when it is not one: kmod then writes an index that finds nothing.
  ///   - priority: where the value stands among those of its key, lowest first.
  ///     Of equals, the one that came last stands first.
  mutating func insert(
    prefix: [UInt8] = [], _ key: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>, priority: Int
  ) {
    guard Self.takes(key) else { return }
    keys.append(prefix, key)
    values.append(value)
    priorities.append(UInt32(truncatingIfNeeded: priority))
  }

  /// - Throws: `FormatError.limit` past the 256 MiB that an offset reaches.
  func bytes() throws(FormatError) -> [UInt8] {
    var writer = TrieWriter()
    var rest = keys.sortedPositions()[...]
    while let first = rest.first {
      let key = keys[first]
      var count = 1
      while count < rest.count, keys[rest[rest.startIndex + count]] == key { count += 1 }
      try writer.add(key, sortedValues(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return try writer.finish()
  }

  /// - Parameter entries: of one key, in the order in which they came.
  private func sortedValues(_ entries: ArraySlice<Int>) -> [TrieWriter.Value] {
    if entries.count == 1, let entry = entries.first {
      return [(priorities[entry], values[entry])]
    }
    return entries.sorted {
      priorities[$0] != priorities[$1] ? priorities[$0] < priorities[$1] : $0 > $1
    }.map { (priorities[$0], values[$0]) }
  }
}

/// Takes keys in ascending order and writes a node as soon as no later key can go below it.
private struct TrieWriter {
  typealias Value = (priority: UInt32, bytes: ArraySlice<UInt8>)

  private struct Node {
    /// How many bytes of its keys are above the end of this node's prefix.
    var depth: Int
    /// Or one that is below it.
    var key: ArraySlice<UInt8>
    var values: [Value] = []
    var children: [(character: UInt8, offset: UInt32)] = []
  }

  private var bytes: [UInt8] = []
  /// From the root, which never has a prefix, to the last key's node.
  private var open = [Node(depth: 0, key: [])]
  private var lastKey: ArraySlice<UInt8> = []

  init() {
    for value in [IndexTrieFormat.magic, IndexTrieFormat.version, 0] { append(value) }
  }

  private mutating func append(_ value: UInt32) {
    for index in 0..<4 as Range<UInt32> {
      bytes.append(UInt8(truncatingIfNeeded: value >> (24 - 8 * index)))
    }
  }

  mutating func add(_ key: ArraySlice<UInt8>, _ values: [Value]) throws(FormatError) {
    try close(to: Self.commonLength(lastKey, key))
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
      let child = (node.key[node.key.startIndex + parentDepth], offset)
      if open[open.count - 1].depth < parentDepth {
        open.append(Node(depth: parentDepth, key: node.key))
      }
      open[open.count - 1].children.append(child)
    }
  }

  /// - Parameter above: the parent's depth, whose next byte leads here; nil for the root.
  private mutating func write(_ node: Node, above: Int?) throws(FormatError) -> UInt32 {
    guard let offset = UInt32(exactly: bytes.count), offset <= IndexTrieFormat.offsetMask else {
      throw FormatError(.limit, "an index of modules is larger than 256 MiB", offset: bytes.count)
    }
    var flags: UInt32 = 0
    if let above, node.depth > above + 1 {
      let start = node.key.startIndex
      bytes.append(contentsOf: node.key[start + above + 1..<start + node.depth])
      bytes.append(0)
      flags |= IndexTrieFormat.hasPrefix
    }
    if let first = node.children.first, let last = node.children.last {
      flags |= IndexTrieFormat.hasChildren
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
      flags |= IndexTrieFormat.hasValues
      append(UInt32(truncatingIfNeeded: node.values.count))
      for (priority, value) in node.values {
        append(priority)
        bytes.append(contentsOf: value)
        bytes.append(0)
      }
    }
    return offset | flags
  }

  private static func commonLength(
    _ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>
  ) -> Int {
    var count = 0
    let limit = min(first.count, second.count)
    while count < limit, first[first.startIndex + count] == second[second.startIndex + count] {
      count += 1
    }
    return count
  }
}
