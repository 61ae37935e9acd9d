extension Int {
  /// Reads a decimal number of digits and nothing else: no sign, no blanks.
  package init?(digits: some StringProtocol) {
    guard digits.utf8.allSatisfy({ (0x30..<0x3a).contains($0) }) else { return nil }
    self.init(digits)
  }
}
