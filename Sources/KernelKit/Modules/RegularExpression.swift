internal import Glibc

/// POSIX extended regular expressions, as depmod.d(5) takes for kernel releases.
enum RegularExpression {
  /// Whether `pattern` is one and is found in `text`.
  static func matches(_ pattern: String, in text: String) -> Bool {
    var expression = unsafe regex_t()
    guard unsafe regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB) == 0 else { return false }
    defer { unsafe regfree(&expression) }
    return unsafe regexec(&expression, text, 0, nil, 0) == 0
  }
}
