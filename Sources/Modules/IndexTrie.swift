internal import Formats

/// Writes kmod's binary index, `IndexTrieFormat`. Children stand before their node and the root is last, as
/// kmod up to 33 writes it.
struct IndexTrie {
  fileprivate var keys = ByteStrings()
  fileprivate var values = ByteStrings()
  fileprivate var priorities: [UInt32] = []

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
    var writer = TrieWriter(self)
    return try writer.write()
  }
}

/// Goes through the keys in ascending order and writes a node as soon as no later key can go below it.
private struct TrieWriter {
  private struct Node {
    /// How many bytes of its keys are above the end of this node's prefix.
    var depth: Int
    /// The position of its key, or of one that is below it.
    var key: Int
    /// Where its values stand in `order`.
    var entries = 0..<0
    /// Where its children begin in `children`.
    var firstChild: Int
  }

  private let trie: IndexTrie
  /// Positions of the entries, by their keys; of one key, in the order in which they came.
  private let order: [Int]
  private var bytes: [UInt8] = []
  /// From the root, which never has a prefix, to the last key's node.
  private var open = [Node(depth: 0, key: 0, firstChild: 0)]
  /// Those of all open nodes: of a deeper node they stand behind.
  private var children: [(character: UInt8, offset: UInt32)] = []

  init(_ trie: IndexTrie) {
    self.trie = trie
    order = trie.keys.sortedPositions()
    for value in [IndexTrieFormat.magic, IndexTrieFormat.version, 0] { append(value) }
  }

  mutating func write() throws(FormatError) -> [UInt8] {
    var start = 0
    // Bytes that a key has in common with the one before it.
    var common = 0
    while start < order.count {
      let key = order[start]
      try close(to: common)
      var end = start + 1
      while end < order.count {
        common = trie.keys.commonPrefixLength(key, order[end])
        guard common == trie.keys.length(of: key), common == trie.keys.length(of: order[end])
        else { break }
        end += 1
      }
      add(key, start..<end)
      start = end
    }
    try close(to: 0)
    let root = try write(open[0], above: nil)
    unsafe withUnsafeBytes(of: root.bigEndian) {
      unsafe bytes.replaceSubrange(8..<12, with: $0)
    }
    return bytes
  }

  private mutating func add(_ key: Int, _ entries: Range<Int>) {
    let depth = trie.keys.length(of: key)
    if depth == open[open.count - 1].depth {
      open[open.count - 1].entries = entries
    } else {
      open.append(Node(depth: depth, key: key, entries: entries, firstChild: children.count))
    }
  }

  /// Writes the open nodes that are deeper than `depth`, and splits the prefix that reaches past it.
  private mutating func close(to depth: Int) throws(FormatError) {
    while let node = open.last, node.depth > depth {
      open.removeLast()
      let parentDepth = max(open[open.count - 1].depth, depth)
      let offset = try write(node, above: parentDepth)
      children.removeSubrange(node.firstChild...)
      if open[open.count - 1].depth < parentDepth {
        open.append(Node(depth: parentDepth, key: node.key, firstChild: children.count))
      }
      children.append((trie.keys.byte(at: parentDepth, of: node.key), offset))
    }
  }

  /// - Parameter above: the parent's depth, whose next byte leads here; nil for the root.
  private mutating func write(_ node: Node, above: Int?) throws(FormatError) -> UInt32 {
    guard let offset = UInt32(exactly: bytes.count), offset <= IndexTrieFormat.offsetMask else {
      throw FormatError(.limit, "an index of modules is larger than 256 MiB", offset: bytes.count)
    }
    var flags: UInt32 = 0
    if let above, node.depth > above + 1 {
      bytes += trie.keys[node.key].dropFirst(above + 1).prefix(node.depth - above - 1)
      bytes.append(0)
      flags |= IndexTrieFormat.hasPrefix
    }
    let children = children[node.firstChild...]
    if let first = children.first, let last = children.last {
      flags |= IndexTrieFormat.hasChildren
      bytes.append(first.character)
      bytes.append(last.character)
      var next = first.character
      for child in children {
        bytes += repeatElement(0, count: 4 * Int(child.character - next))
        append(child.offset)
        next = child.character &+ 1
      }
    }
    if !node.entries.isEmpty {
      flags |= IndexTrieFormat.hasValues
      append(UInt32(truncatingIfNeeded: node.entries.count))
      if node.entries.count == 1 {
        appendValue(of: order[node.entries.lowerBound])
      } else {
        let priorities = trie.priorities
        let entries = order[node.entries].sorted {
          priorities[$0] != priorities[$1] ? priorities[$0] < priorities[$1] : $0 > $1
        }
        for entry in entries { appendValue(of: entry) }
      }
    }
    return offset | flags
  }

  private mutating func appendValue(of entry: Int) {
    append(trie.priorities[entry])
    bytes += trie.values[entry]
    bytes.append(0)
  }

  private mutating func append(_ value: UInt32) {
    unsafe withUnsafeBytes(of: value.bigEndian) { unsafe bytes.append(contentsOf: $0) }
  }
}
