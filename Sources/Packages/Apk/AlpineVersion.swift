/// A package's version, ordered as apk orders them: `{number}{.number}…{letter}{_suffix{number}}…{-r#}`.
///
/// apk-package(5), "PACKAGE VERSION".
package struct AlpineVersion: Sendable, Comparable, CustomStringConvertible {
  /// What stands at one place of a version, the greater ones first: a version that goes on with a
  /// number is newer than one that goes on with a letter, and any of them newer than one that ends,
  /// except for suffixes of versions to come.
  private enum Kind: Int, Comparable {
    case zeros, number, letter, suffix, suffixNumber, commit, revision, end

    static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }
  }

  private struct Part: Equatable {
    var kind: Kind
    var value: Int
    /// The commit of `~hash`, in hexadecimal digits.
    var text: Substring = ""
  }

  private static let earlySuffixes = ["alpha", "beta", "pre", "rc"]
  private static let lateSuffixes = ["cvs", "svn", "git", "hg", "p"]

  /// The version, as it was written.
  package let description: String
  private let parts: [Part]

  /// - Returns: nil for what is no version.
  package init?(_ text: some StringProtocol) {
    description = String(text)
    guard text.utf8.count <= 200, let parts = Self.parts(text) else { return nil }
    self.parts = parts
  }

  /// Versions that apk takes for the same are the same, however they are written (1.2-r0 and 1.2-r00).
  package static func == (left: AlpineVersion, right: AlpineVersion) -> Bool {
    left.parts == right.parts
  }

  /// Orders versions as apk-tools do. apk-tools, src/version.c.
  package static func < (left: AlpineVersion, right: AlpineVersion) -> Bool {
    // Versions end with a part of the kind `end`, so that one of them can't be the other's start.
    guard let (a, b) = zip(left.parts, right.parts).first(where: { $0 != $1 }) else { return false }
    if a.kind == b.kind { return (a.value, a.text) < (b.value, b.text) }
    // 1.01 is older than 1.1: the zeros count below every number.
    if a.kind == .zeros && b.kind == .number { return true }
    if a.kind == .number && b.kind == .zeros { return false }
    if a.kind == .suffix && a.value < 0 { return true }
    if b.kind == .suffix && b.value < 0 { return false }
    return a.kind > b.kind
  }

  private static func parts(_ text: some StringProtocol) -> [Part]? {
    var rest = Substring(text)
    guard let first = number(&rest) else { return nil }
    var parts = [Part(kind: .number, value: first)]
    while let mark = rest.first {
      let last = parts.last?.kind ?? .end
      let isLetter = mark.isASCII && mark.isLowercase
      if isLetter, last <= .number {
        rest.removeFirst()
        parts.append(Part(kind: .letter, value: Int(mark.asciiValue ?? 0)))
        if rest.first?.isWholeNumber == true {
          guard let value = number(&rest) else { return nil }
          parts.append(Part(kind: .number, value: value))
        }
        continue
      }
      rest.removeFirst()
      switch mark {
      case "." where last <= .letter:
        let zeros = rest.prefix { $0 == "0" }.count
        if zeros > 0 {
          rest = rest.dropFirst(zeros)
          parts.append(Part(kind: .zeros, value: -zeros))
        }
        let hasMore = zeros == 0 || rest.first?.isWholeNumber == true
        guard let value = hasMore ? number(&rest) : 0 else { return nil }
        parts.append(Part(kind: .number, value: value))
      case "_" where last <= .suffixNumber:
        let name = rest.prefix { $0.isASCII && $0.isLowercase }
        guard let value = suffix(name) else { return nil }
        rest = rest.dropFirst(name.count)
        parts.append(Part(kind: .suffix, value: value))
        if rest.first?.isWholeNumber == true {
          guard let value = number(&rest) else { return nil }
          parts.append(Part(kind: .suffixNumber, value: value))
        }
      case "~" where last < .commit:
        let hash = rest.prefix { "0123456789abcdef".contains($0) }
        guard !hash.isEmpty else { return nil }
        rest = rest.dropFirst(hash.count)
        parts.append(Part(kind: .commit, value: 0, text: hash))
      case "-" where last < .revision:
        guard rest.first == "r" else { return nil }
        rest.removeFirst()
        guard let value = number(&rest) else { return nil }
        parts.append(Part(kind: .revision, value: value))
      default: return nil
      }
    }
    return parts + [Part(kind: .end, value: 0)]
  }

  /// Digits, which are taken off; nil when there are none, or too many.
  private static func number(_ text: inout Substring) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isWholeNumber }
    text = text.dropFirst(digits.count)
    return Int(digits)
  }

  /// Below zero for what comes before the version itself.
  private static func suffix(_ name: Substring) -> Int? {
    if let early = earlySuffixes.firstIndex(where: { $0 == name }) {
      return early - earlySuffixes.count
    }
    return lateSuffixes.firstIndex { $0 == name }
  }
}
