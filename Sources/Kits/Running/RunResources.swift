/// What a command, and those of its children that it waited for, took of the guest. wait4(2).
///
/// These are the guest's own figures, on its own clock.
package struct RunResources: Encodable, Sendable, Hashable {
  package var userSeconds: Double
  package var systemSeconds: Double
  /// Bytes that the largest of the processes had in RAM.
  package var maxResidentBytes: Int

  /// - Parameter numbers: microseconds of the program and of the kernel, and KiB, each as the lower and the upper
  ///   half of 64 bits.
  init?(_ numbers: ArraySlice<UInt32>) {
    guard numbers.count == 6 else { return nil }
    let halves = Array(numbers)
    let values = stride(from: 0, to: 6, by: 2).map { index in
      UInt64(halves[index]) | UInt64(halves[index + 1]) << 32
    }
    userSeconds = Double(values[0]) / 1e6
    systemSeconds = Double(values[1]) / 1e6
    maxResidentBytes = Int(clamping: values[2]).multipliedReportingOverflow(by: 1024).partialValue
    if values[2] > UInt64(Int.max >> 10) { maxResidentBytes = Int.max }
  }
}
