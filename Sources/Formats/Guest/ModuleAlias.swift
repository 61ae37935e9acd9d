/// The patterns by which modules say what devices they drive. modprobe.d(5), "alias"; glob(7).
package enum ModuleAlias {
  /// The way that kmod writes names and aliases in its indexes: with underscores for dashes, but for
  /// those in brackets.
  /// - Returns: nil when a bracket has no partner: modprobe can't match such an alias.
  @inlinable
  package static func normalized(_ alias: some Collection<UInt8>) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(alias.count)
    var isInBracket = false
    for byte in alias {
      if byte == UInt8(ascii: "[") {
        isInBracket = true
      } else if byte == UInt8(ascii: "]") {
        guard isInBracket else { return nil }
        isInBracket = false
      }
      result.append(!isInBracket && byte == UInt8(ascii: "-") ? UInt8(ascii: "_") : byte)
    }
    return isInBracket ? nil : result
  }

  /// Whether more than one text may match.
  package static func isPattern(_ text: some Sequence<UInt8>) -> Bool {
    text.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") }
  }

  /// Whether all of `text` from a position on matches a pattern of `*`, `?`, `[a-z]` and `[!a-z]`.
  /// Takes time proportional to both lengths multiplied, at worst.
  package static func matches(_ pattern: [UInt8], _ text: [UInt8], from start: Int = 0) -> Bool {
    var position = start
    var part = 0
    // Where to go on after a mismatch: behind the last star, with one more byte taken by it.
    var star: (part: Int, position: Int)?
    while true {
      if part < pattern.count, pattern[part] == UInt8(ascii: "*") {
        part += 1
        star = (part, position)
        if part == pattern.count { return true }
      } else if position == text.count {
        return part == pattern.count
      } else if let next = accepts(pattern, at: part, text[position]) {
        part = next
        position += 1
      } else if let last = star {
        part = last.part
        position = last.position + 1
        star = (part, position)
      } else {
        return false
      }
    }
  }

  /// - Returns: where the pattern goes on behind what accepts `byte`.
  private static func accepts(_ pattern: [UInt8], at part: Int, _ byte: UInt8) -> Int? {
    guard part < pattern.count else { return nil }
    switch pattern[part] {
    case UInt8(ascii: "?"): return part + 1
    case UInt8(ascii: "["):
      // A bracket without a partner stands for itself.
      guard let set = bracket(pattern, at: part, byte) else {
        return byte == UInt8(ascii: "[") ? part + 1 : nil
      }
      return set.contains ? set.end : nil
    default: return pattern[part] == byte ? part + 1 : nil
    }
  }

  private static func bracket(
    _ pattern: [UInt8], at start: Int, _ byte: UInt8
  ) -> (contains: Bool, end: Int)? {
    var part = start + 1
    var isNegated = false
    if part < pattern.count,
      pattern[part] == UInt8(ascii: "!") || pattern[part] == UInt8(ascii: "^")
    {
      isNegated = true
      part += 1
    }
    var contains = false
    let first = part
    while part < pattern.count {
      let low = pattern[part]
      if low == UInt8(ascii: "]"), part > first { return (contains != isNegated, part + 1) }
      if part + 2 < pattern.count, pattern[part + 1] == UInt8(ascii: "-"),
        pattern[part + 2] != UInt8(ascii: "]")
      {
        contains = contains || (low <= byte && byte <= pattern[part + 2])
        part += 3
      } else {
        contains = contains || low == byte
        part += 1
      }
    }
    return nil
  }
}
