internal import Formats

/// A shell pattern of paths: `*`, `?` and `[a-z]`, `[!a-z]` within a name, `**` across folders.
struct GlobPattern: Sendable {
  private enum Part: Sendable, Equatable {
    case byte(UInt8)
    case any
    case range(isNegated: Bool, [ClosedRange<UInt8>])
    /// Any number of bytes.
    case many(crossesFolders: Bool)
  }

  /// What `?`, `[…]` and a single `*` never match.
  private static let separator = UInt8(ascii: "/")

  private let parts: [Part]
  /// Whether only one text matches.
  let isLiteral: Bool

  init(_ pattern: some Collection<UInt8>) {
    var parts: [Part] = []
    var rest = Array(pattern)[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "*"):
        let isDouble = rest.first == UInt8(ascii: "*")
        while rest.first == UInt8(ascii: "*") { rest.removeFirst() }
        parts.append(.many(crossesFolders: isDouble))
      case UInt8(ascii: "?"): parts.append(.any)
      case UInt8(ascii: "["):
        if let range = Self.range(&rest) {
          parts.append(range)
        } else {
          parts.append(.byte(byte))
        }
      default: parts.append(.byte(byte))
      }
    }
    self.parts = parts
    isLiteral = parts.allSatisfy { if case .byte = $0 { true } else { false } }
  }

  /// Whether all of `text` matches. Takes time proportional to both lengths multiplied, at worst.
  func matches(_ text: ArraySlice<UInt8>) -> Bool {
    var (part, position) = (0, text.startIndex)
    // Where to go on after a mismatch: the last star of either kind, and what it has taken so far.
    var star: (part: Int, position: Int)?
    var deepStar: (part: Int, position: Int)?
    while true {
      if part < parts.count, case .many(let crossesFolders) = parts[part] {
        if crossesFolders {
          deepStar = (part, position)
          star = nil
        } else {
          star = (part, position)
        }
        part += 1
      } else if position == text.endIndex, part == parts.count {
        return true
      } else if position < text.endIndex, part < parts.count, accepts(parts[part], text[position]) {
        part += 1
        position += 1
      } else if let last = star, last.position < text.endIndex,
        text[last.position] != Self.separator
      {
        (part, position) = (last.part + 1, last.position + 1)
        star = (last.part, last.position + 1)
      } else if let last = deepStar, last.position < text.endIndex {
        (part, position) = (last.part + 1, last.position + 1)
        deepStar = (last.part, last.position + 1)
        star = nil
      } else {
        return false
      }
    }
  }

  private func accepts(_ part: Part, _ byte: UInt8) -> Bool {
    switch part {
    case .byte(let expected): byte == expected
    case .any: byte != Self.separator
    case .range(let isNegated, let ranges):
      byte != Self.separator && ranges.contains { $0.contains(byte) } != isNegated
    case .many: false
    }
  }

  /// What follows an opening bracket; nil, and nothing taken, when there is no closing one.
  private static func range(_ rest: inout ArraySlice<UInt8>) -> Part? {
    var inside = rest
    let isNegated = inside.first == UInt8(ascii: "!") || inside.first == UInt8(ascii: "^")
    if isNegated { inside.removeFirst() }
    var ranges: [ClosedRange<UInt8>] = []
    while let low = inside.popFirst() {
      if low == UInt8(ascii: "]"), !ranges.isEmpty {
        rest = inside
        return .range(isNegated: isNegated, ranges)
      }
      if inside.count > 1, inside.first == UInt8(ascii: "-"), let high = inside.dropFirst().first,
        high != UInt8(ascii: "]")
      {
        inside = inside.dropFirst(2)
        if low <= high { ranges.append(low...high) }
      } else {
        ranges.append(low...low)
      }
    }
    return nil
  }
}
