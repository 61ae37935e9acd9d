import Formats
import Glibc
import KernelKit
import Logging
import Synchronization

/// The world that commands work in: this process's variables and terminal.
enum CommandEnvironment {
  /// What stands on the terminal until something else is written there.
  static let progressLine = ProgressLine()

  /// - Parameter quiet: no progress, even on a terminal, and no notices.
  static func make(quiet: Bool = false) throws -> KitEnvironment {
    let showsProgress = !quiet && isatty(2) == 1
    var environment = try KitEnvironment.system(
      variables: variables, progress: showsProgress ? progressLine.progress : .none)
    if !quiet { environment.log.logLevel = .notice }
    return environment
  }

  /// The user's own defaults.
  static func configuration() throws -> Configuration {
    let configuration = try Configuration.load(variables: variables)
    do {
      for name in [configuration.suite, configuration.architecture] + configuration.components {
        if let name { try checkName(name) }
      }
    } catch {
      throw KitError(.usage, "minivm.yaml: \(error)")
    }
    return configuration
  }

  static var variables: [String: String] {
    var result: [String: String] = [:]
    for name in [
      "HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "SOURCE_DATE_EPOCH",
    ] {
      if let value = unsafe getenv(name) { unsafe result[name] = String(cString: value) }
    }
    return result
  }
}

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
      write("\r\u{1b}[K\(stage.visible): \(ByteCount(bytes))\(pace)")
    }
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
