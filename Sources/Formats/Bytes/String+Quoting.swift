extension String {
  /// In quotes, with control characters made visible: safe to print, whoever chose it.
  package var quoted: String {
    let isLong = unicodeScalars.count > 200
    let shown = isLong ? String(String.UnicodeScalarView(unicodeScalars.prefix(200))) : self
    return "“" + shown.visible + (isLong ? "…" : "") + "”"
  }

  /// With control characters made visible: one line that is safe to print, whoever chose it.
  package var visible: String {
    if !unicodeScalars.contains(where: \.isControl) { return self }
    return unicodeScalars.map {
      $0.isControl ? "\\u{" + String($0.value, radix: 16) + "}" : String($0)
    }.joined()
  }
}

extension UnicodeScalar {
  /// Whether a terminal may take it for a command, or for the order to show what follows elsewhere.
  package var isControl: Bool {
    value < 0x20 || (0x7f..<0xa0).contains(value) || [0x061c, 0x200e, 0x200f].contains(value)
      || (0x2028...0x202e).contains(value) || (0x2066...0x2069).contains(value)
  }
}
