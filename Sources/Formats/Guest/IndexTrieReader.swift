/// Looks things up in kmod's binary indexes: modules.alias.bin, modules.dep.bin and their like. The
/// format is `IndexTrieFormat`.
///
/// The index may be anything: no offset is followed out of it, and what a search may look at is limited, so
/// that a circle ends.
package struct IndexTrieReader {
  /// What stands at a key.
  package struct Value: Equatable, Sendable {
    /// The lowest is the best.
    package var priority: UInt32
    package var bytes: [UInt8]
  }

  /// More nodes below one another than an alias has characters.
  private static let depthLimit = 1024

  /// What of a key lies below the first wildcard of it: a pattern for the rest of the text.
  private var pattern: [UInt8] = []
  private var found: [Value] = []
  /// Bytes that may be looked at yet.
  private var budget: Int
  private var depth = 0

  private init(budget: Int) {
    self.budget = budget
  }

  /// Whether these bytes begin as an index of the version that is known.
  package static func isIndex(_ index: Span<UInt8>) -> Bool {
    index.bigEndian(at: 0) == IndexTrieFormat.magic
      && index.bigEndian(at: 4, as: UInt32.self).map { $0 >> 16 } == 2
  }

  /// The values of a key, taken literally, in the order of their priorities.
  package static func values(of key: [UInt8], in index: Span<UInt8>) -> [Value] {
    guard isIndex(index), let root: UInt32 = index.bigEndian(at: 8) else { return [] }
    var reader = IndexTrieReader(budget: index.count)
    var node = root
    var position = 0
    while true {
      var offset = Int(node & IndexTrieFormat.offsetMask)
      if node & IndexTrieFormat.hasPrefix != 0 {
        while let byte = index.byte(at: offset), byte != 0 {
          guard position < key.count, key[position] == byte else { return [] }
          position += 1
          offset += 1
        }
        offset += 1
      }
      if position == key.count {
        reader.collectValues(of: node, at: offset, in: index)
        return reader.found
      }
      guard let child = child(key[position], of: node, at: offset, in: index) else { return [] }
      node = child
      position += 1
    }
  }

  /// The values of all keys that are patterns which `text` matches, in the order of their priorities.
  package static func matches(_ text: [UInt8], in index: Span<UInt8>) -> [Value] {
    guard isIndex(index), let root: UInt32 = index.bigEndian(at: 8) else { return [] }
    var reader = IndexTrieReader(budget: 16 * index.count)
    reader.descend(root, text, from: 0, in: index)
    return reader.found
  }

  private static func isWildcard(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "*") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "[")
  }

  private static func child(
    _ byte: UInt8, of node: UInt32, at offset: Int, in index: Span<UInt8>
  ) -> UInt32? {
    guard node & IndexTrieFormat.hasChildren != 0, let first = index.byte(at: offset),
      let last = index.byte(at: offset + 1), byte >= first, byte <= last,
      let child: UInt32 = index.bigEndian(at: offset + 2 + 4 * Int(byte - first)), child != 0
    else { return nil }
    return child
  }

  /// - Parameters:
  ///   - start: how much of `text` the literal part of the key has matched, as long as there is no
  ///     wildcard in it.
  private mutating func descend(
    _ node: UInt32, _ text: [UInt8], from start: Int, in index: Span<UInt8>
  ) {
    budget -= 4
    guard budget > 0, depth < Self.depthLimit else { return }
    let length = pattern.count
    depth += 1
    defer {
      depth -= 1
      pattern.removeLast(pattern.count - length)
    }
    var position = start
    var offset = Int(node & IndexTrieFormat.offsetMask)
    if node & IndexTrieFormat.hasPrefix != 0 {
      while let byte = index.byte(at: offset), byte != 0 {
        if !pattern.isEmpty || Self.isWildcard(byte) {
          pattern.append(byte)
        } else if position < text.count, text[position] == byte {
          position += 1
        } else {
          return
        }
        offset += 1
        budget -= 1
        guard budget > 0 else { return }
      }
      offset += 1
    }
    // Whoever wrote the index chose how long the patterns are, and how many share a beginning.
    budget -= pattern.count
    guard budget > 0 else { return }
    let isMatch =
      pattern.isEmpty
      ? position == text.count : ModuleAlias.matches(pattern, text, from: position)
    if isMatch { collectValues(of: node, at: offset, in: index) }
    guard node & IndexTrieFormat.hasChildren != 0, let first = index.byte(at: offset),
      let last = index.byte(at: offset + 1), first <= last
    else { return }
    if pattern.isEmpty {
      if position < text.count, !Self.isWildcard(text[position]),
        let child = Self.child(text[position], of: node, at: offset, in: index)
      {
        descend(child, text, from: position + 1, in: index)
      }
      for byte in [UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "[")] {
        descend(byte, of: node, at: offset, text, from: position, in: index)
      }
    } else {
      for byte in first...last {
        descend(byte, of: node, at: offset, text, from: position, in: index)
      }
    }
  }

  private mutating func descend(
    _ byte: UInt8, of node: UInt32, at offset: Int, _ text: [UInt8], from position: Int,
    in index: Span<UInt8>
  ) {
    guard let child = Self.child(byte, of: node, at: offset, in: index) else { return }
    pattern.append(byte)
    descend(child, text, from: position, in: index)
    pattern.removeLast()
  }

  private mutating func collectValues(of node: UInt32, at offset: Int, in index: Span<UInt8>) {
    guard node & IndexTrieFormat.hasValues != 0 else { return }
    var offset = offset
    if node & IndexTrieFormat.hasChildren != 0 {
      guard let first = index.byte(at: offset), let last = index.byte(at: offset + 1), first <= last
      else { return }
      offset += 2 + 4 * (Int(last - first) + 1)
    }
    guard let count: UInt32 = index.bigEndian(at: offset) else { return }
    offset += 4
    for _ in 0..<count {
      guard let priority: UInt32 = index.bigEndian(at: offset),
        let end = index.endOfString(at: offset + 4),
        let bytes = index.bytes(at: offset + 4, count: end - offset - 4)
      else { return }
      budget -= bytes.count + 5
      guard budget > 0 else { return }
      insert(Value(priority: priority, bytes: bytes))
      offset = end + 1
    }
  }

  /// Values of one key stand in their order already.
  private mutating func insert(_ value: Value) {
    var place = found.count
    while place > 0, found[place - 1].priority > value.priority { place -= 1 }
    found.insert(value, at: place)
  }
}
