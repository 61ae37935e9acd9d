internal import Formats

/// Text as a terminal shows it.
package enum TerminalText {
  /// Returns `title` and `value` on one line of at most `columns` columns: what does not fit is cut off the title first.
  package static func line(_ title: String, _ value: String, columns: Int) -> String {
    let (title, value) = (title.visible, value.visible)
    let room = columns - width(value)
    if width(title) <= room { return title + value }
    let mark = "..."
    guard room > mark.count else { return prefix(of: title + value, columns: columns) }
    return prefix(of: title, columns: room - mark.count) + mark + value
  }

  /// Returns the columns that a text takes at most. Characters that some terminals show in two columns count as two.
  package static func width(_ text: String) -> Int {
    text.unicodeScalars.reduce(0) { $0 + width($1) }
  }

  private static func prefix(of text: String, columns: Int) -> String {
    var result = String.UnicodeScalarView()
    var width = 0
    for scalar in text.unicodeScalars {
      width += Self.width(scalar)
      if width > columns { break }
      result.append(scalar)
    }
    return String(result)
  }

  private static func width(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: 0
    // Latin, Greek, Cyrillic, Hebrew, Arabic, Indic and their neighbours. Unicode Standard Annex 11.
    default: scalar.value < 0x1100 ? 1 : 2
    }
  }
}
