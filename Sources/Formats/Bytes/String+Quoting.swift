extension String {
  /// In quotes, with control characters made visible: safe to print, whoever chose it.
  public var quoted: String {
    let isLong = unicodeScalars.count > 200
    let shown = isLong ? String(String.UnicodeScalarView(unicodeScalars.prefix(200))) : self
    return "“" + shown.visible + (isLong ? "…" : "") + "”"
  }

  /// With control characters made visible: one line that is safe to print, whoever chose it.
  public var visible: String {
    func isControl(_ scalar: UnicodeScalar) -> Bool {
      scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value)
        || (0x2028...0x202e).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
    }
    if !unicodeScalars.contains(where: isControl) { return self }
    return unicodeScalars.map {
      isControl($0) ? "\\u{" + String($0.value, radix: 16) + "}" : String($0)
    }.joined()
  }
}
