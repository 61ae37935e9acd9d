internal import Synchronization

/// What is known of a running guest, shared by what reads its console and what watches the time.
final class GuestWatch: Sendable {
  /// Why this program ended the guest.
  enum Cause: Sendable {
    case silent, timedOut
    /// The guest panicked and says nothing more.
    case panicked
    /// A line after which somebody at the console is needed.
    case waitsForSomebody(String)
  }

  private struct State {
    var console = Console()
    var expectation: ConsoleExpectation?
    var cause: Cause?
    var expectedAfter: Duration?
    /// Bytes of the console up to now.
    var count = 0

    var isOver: Bool {
      if case .waitsForSomebody = cause { return true }
      return expectedAfter != nil
    }
  }

  private let state: Mutex<State>
  /// Whether a shell in the place of root's init is the guest's end.
  private let refusesShellAsInit: Bool

  init(_ expectation: ConsoleExpectation?, refusesShellAsInit: Bool = false) {
    state = Mutex(State(expectation: expectation))
    self.refusesShellAsInit = refusesShellAsInit
  }

  var cause: Cause? { state.withLock { $0.cause } }
  var expectedAfter: Duration? { state.withLock { $0.expectedAfter } }
  var isSilent: Bool { state.withLock { $0.console.isSilent } }
  /// Whether what was expected came before /init started only.
  var cameEarly: Bool { state.withLock { $0.expectation?.cameEarly == true } }
  var lines: [String] {
    state.withLock { $0.console.lines + [$0.console.unfinishedLine].filter { !$0.isEmpty } }
  }
  var unfinishedLine: String { state.withLock { $0.console.unfinishedLine } }

  /// The guest's last words, if it has said such.
  var lastWords: (line: String, kind: ConsoleLine.LastWords)? { Self.lastWords(lines) }

  /// Of the last lines only: others may tell of such a thing.
  private static func lastWords(_ lines: [String]) -> (String, ConsoleLine.LastWords)? {
    for line in lines.suffix(80) {
      if let kind = ConsoleLine(line).lastWords { return (line, kind) }
    }
    return nil
  }

  /// Takes bytes of the console. What they end depends on their order alone, and not on how they come in pieces.
  /// - Parameter time: since QEMU's start.
  /// - Returns: the lines that they completed; whether there is nothing more to wait for.
  func receive(_ bytes: [UInt8], at time: Duration) -> (lines: [String], isOver: Bool) {
    state.withLock { state in
      state.count += bytes.count
      let lines = state.console.receive(bytes)
      for line in lines where !state.isOver {
        if state.expectation?.isMet(by: line, isComplete: true) == true {
          state.expectedAfter = time
        } else if needsSomebody(ConsoleLine(line)) {
          state.cause = .waitsForSomebody(line)
        }
      }
      if !state.isOver,
        state.expectation?.isMet(by: state.console.unfinishedLine, isComplete: false) == true
      {
        state.expectedAfter = time
      }
      return (lines, state.isOver)
    }
  }

  private func needsSomebody(_ line: ConsoleLine) -> Bool {
    line.opensShell || refusesShellAsInit && line.startsShellAsInit
  }

  /// Ends the guest, unless it has ended or another cause came first.
  func end(_ process: Int32, _ cause: Cause) {
    state.withLock { if $0.cause == nil { $0.cause = cause } }
    RunningProcesses.end(process)
  }

  /// Waits until a guest that panicked has said nothing more for a while. One that starts again ends by itself.
  func waitForPanic(silence: Duration) async throws {
    var known = -1
    while true {
      try await Task.sleep(for: silence)
      let count = state.withLock { $0.count }
      if count == known, lastWords != nil { return }
      known = count
    }
  }
}
