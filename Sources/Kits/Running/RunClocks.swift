internal import Formats
internal import Glibc

/// Nanoseconds of a clock that only goes forward.
func monotonicTime() -> UInt64 {
  var time = timespec()
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

extension RunFrame {
  /// The present time. A machine's clock knows whole seconds only, and make complains of files of this machine that are
  /// younger than the guest's present.
  static var presentTime: RunFrame {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    let seconds = UInt64(time.tv_sec)
    return RunFrame(
      .time,
      numbers: [
        UInt32(truncatingIfNeeded: seconds), UInt32(truncatingIfNeeded: seconds >> 32),
        UInt32(time.tv_nsec),
      ])
  }
}
