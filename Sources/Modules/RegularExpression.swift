internal import Glibc

/// POSIX extended regular expressions, as depmod.d(5) takes for kernel releases.
enum RegularExpression {
  /// The most that the system's compiler may make of a pattern, in characters. Each `+` doubles what is before
  /// it, and a number in braces multiplies it.
  private static let sizeLimit = 1 << 16

  /// Whether `pattern` is one, no larger than the limit, and is found in `text`.
  static func matches(_ pattern: String, in text: String) -> Bool {
    guard !isTooLarge(pattern) else { return false }
    var expression = unsafe regex_t()
    guard unsafe regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB) == 0 else { return false }
    defer { unsafe regfree(&expression) }
    return unsafe regexec(&expression, text, 0, nil, 0) == 0
  }

  /// Whether a pattern would take too much memory, or time: what `\1` refers to is searched for in all ways.
  static func isTooLarge(_ pattern: String) -> Bool {
    var size = pattern.utf8.count
    var rest = pattern.utf8[...]
    while let byte = rest.popFirst(), size <= sizeLimit {
      switch byte {
      case UInt8(ascii: "+"): size *= 2
      case UInt8(ascii: "{"):
        let numbers = rest.prefix { $0 != UInt8(ascii: "}") }.split(separator: UInt8(ascii: ","))
        let largest = numbers.compactMap { Int(String(decoding: $0.prefix(9), as: UTF8.self)) }
          .max()
        size *= max(1, largest ?? 1)
      case UInt8(ascii: "\\"):
        if let next = rest.popFirst(), (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(next) {
          return true
        }
      default: break
      }
    }
    return size > sizeLimit
  }
}
