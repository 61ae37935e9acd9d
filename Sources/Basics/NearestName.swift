/// Finds what somebody probably meant.
package enum NearestName {
  /// The name with the fewest differences; nil when all are quite different.
  package static func name(to text: String, among names: [String]) -> String? {
    let wanted = Array(text.utf8.prefix(200))
    var best: (distance: Int, name: String)?
    for name in names.sorted() {
      let distance = distance(wanted, Array(name.utf8.prefix(200)))
      if distance < best?.distance ?? Int.max { best = (distance, name) }
    }
    guard let best, best.distance * 2 <= max(wanted.count, 2) else { return nil }
    return best.name
  }

  /// Whether a name may be the nearest to a text, at the cost of a glance: for lists of thousands.
  package static func isSimilar(_ name: Substring, to text: String) -> Bool {
    abs(name.utf8.count - text.utf8.count) <= 2 && name.utf8.first == text.utf8.first
  }

  /// Levenshtein's distance.
  private static func distance(_ first: [UInt8], _ second: [UInt8]) -> Int {
    var row = Array(0...second.count)
    for (number, byte) in first.enumerated() {
      var diagonal = row[0]
      row[0] = number + 1
      for column in second.indices {
        let replaced = diagonal + (second[column] == byte ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
      }
    }
    return row[second.count]
  }
}
