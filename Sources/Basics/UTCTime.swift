internal import FoundationEssentials

/// Times as people read them.
package enum UTCTime {
  /// Returns `2026-12-01 11:44` for seconds since 1970.
  package static func text(_ seconds: Int) -> String {
    let style = Date.ISO8601FormatStyle(
      dateTimeSeparator: .space, includingFractionalSeconds: false, timeZone: .gmt
    )
    .year().month().day().time(includingFractionalSeconds: false)
    // Without the seconds.
    return String(Date(timeIntervalSince1970: Double(seconds)).formatted(style).dropLast(3))
  }
}
