/// The time that a job goes by, and the one that its outputs carry.
package struct Clock: Sendable {
  /// Returns the time, in seconds since 1970.
  package var now: @Sendable () -> Int
  /// Seconds since 1970 that outputs carry; nil for the newest time in the input.
  package var sourceDateEpoch: Int?

  /// Makes a clock.
  package init(now: @escaping @Sendable () -> Int, sourceDateEpoch: Int? = nil) {
    self.now = now
    self.sourceDateEpoch = sourceDateEpoch
  }

  /// Returns this machine's clock.
  /// - Parameter variables: `SOURCE_DATE_EPOCH`. Reproducible Builds, "SOURCE_DATE_EPOCH specification".
  /// - Throws: `KitError.usage` for a variable that is no time.
  package static func system(variables: [String: String]) throws(KitError) -> Clock {
    var epoch: Int?
    if let text = variables["SOURCE_DATE_EPOCH"], !text.isEmpty {
      guard let seconds = Int(text), (0...Int(UInt32.max)).contains(seconds) else {
        throw KitError(
          .usage, "SOURCE_DATE_EPOCH=\(text) is not a number of seconds since 1970",
          advice: "set it to one, as in `date +%s`, or unset it")
      }
      epoch = seconds
    }
    return Clock(now: { Machine.now }, sourceDateEpoch: epoch)
  }
}
