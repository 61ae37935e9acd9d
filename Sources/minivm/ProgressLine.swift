import Basics
import CMiniVM
import Glibc
import Packages
import Synchronization

/// One line at the bottom of the terminal, which is written anew as the job goes on.
final class ProgressLine: Sendable {
  private struct State {
    var stage = ""
    var shownAt: UInt64 = 0
    var stageBegan: UInt64 = 0
    /// Where the stage was at some moments of the last seconds, the oldest first.
    var samples: [(time: UInt64, bytes: Int)] = []
    var isShown = false
  }

  /// How many samples a rate is taken from: those of five seconds.
  private static let sampleCount = 50

  private static let interval: UInt64 = 100_000_000
  private let state = Mutex(State())

  var progress: Progress {
    Progress(report: report, end: end)
  }

  private func report(_ stage: String, _ bytes: Int, _ total: Int?) {
    let now = monotonicNanoseconds()
    state.withLock { state in
      if state.stage != stage {
        state.stage = stage
        state.stageBegan = now
        state.samples = []
      } else if now - state.shownAt < Self.interval {
        return
      }
      state.shownAt = now
      state.isShown = true
      if state.samples.count == Self.sampleCount { state.samples.removeFirst() }
      state.samples.append((now, bytes))
      let pace: String
      if let total {
        pace = " of \(ByteCount(total))\(Self.pace(state.samples, total))"
      } else {
        let tenths = (now - state.stageBegan) / 100_000_000
        pace = ", \(tenths / 10).\(tenths % 10) s"
      }
      let line = TerminalText.line(
        stage, ": \(ByteCount(bytes))\(pace)", columns: Self.columns - 1)
      write("\r\u{1b}[K\(line)")
    }
  }

  /// Columns that a line may have: what COLUMNS says, and no more than the terminal has.
  private static var columns: Int {
    let wanted = unsafe getenv("COLUMNS").flatMap { unsafe Int(String(cString: $0)) } ?? 0
    let widths = [wanted, Int(minivm_terminal_columns(STDERR_FILENO))].filter { $0 > 0 }
    return widths.min() ?? 80
  }

  /// The rate of the last seconds and the time that is left at that rate.
  static func pace(_ samples: [(time: UInt64, bytes: Int)], _ total: Int) -> String {
    guard let first = samples.first, let last = samples.last, last.time > first.time,
      last.bytes > first.bytes
    else { return "" }
    let seconds = Double(last.time - first.time) / 1e9
    let rate = Double(last.bytes - first.bytes) / seconds
    let left = Int(min(Double(max(0, total - last.bytes)) / rate, 359_999).rounded(.up))
    let minutes = left >= 60 ? "\(left / 60) min " : ""
    return ", \(ByteCount(Int(rate)))/s, \(minutes)\(left % 60) s left"
  }

  func end() {
    state.withLock { state in
      if state.isShown { write("\r\u{1b}[K") }
      state.isShown = false
    }
  }

  private func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(2, $0.baseAddress, $0.count) }
  }

  private func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
