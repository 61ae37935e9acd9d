extension Int {
  /// Adds a size that somebody else announced: the largest number where the sum is larger.
  package func addingSaturated(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }
}
