internal import Basics
internal import Synchronization

/// Children of this program that must not outlive it.
package enum RunningProcesses {
  private struct State {
    var identifiers: Set<Int32> = []
    /// Children that may be there already, and whose identifiers are not known yet.
    var starting: Set<Int> = []
    var count = 0
    var isEnding = false
  }

  private static let state = Mutex(State())

  /// Says that a child is about to be started. Never returns when the program is ending.
  /// - Returns: what the start is known by to `add` and `forgetStart`.
  package static func willStart() -> Int {
    while true {
      let start = state.withLock { state -> Int? in
        if state.isEnding { return nil }
        state.count += 1
        state.starting.insert(state.count)
        return state.count
      }
      if let start { return start }
      Machine.wait(milliseconds: 1000)
    }
  }

  /// Notes a child that was started.
  /// - Parameters:
  ///   - identifier: its process ID.
  ///   - start: what `willStart` returned.
  package static func add(_ identifier: Int32, start: Int) {
    state.withLock { state in
      state.identifiers.insert(identifier)
      state.starting.remove(start)
    }
  }

  /// Notes that a start which `willStart` announced failed.
  package static func forgetStart(_ start: Int) {
    state.withLock { state in _ = state.starting.remove(start) }
  }

  /// The process has ended; its number may be another's soon.
  package static func forget(_ identifier: Int32) {
    state.withLock { state in _ = state.identifiers.remove(identifier) }
  }

  /// Ends a process that was added, once: whoever comes later does not hit another process that has
  /// got its number.
  static func end(_ identifier: Int32) {
    state.withLock { state in
      if state.identifiers.remove(identifier) != nil { Machine.kill(identifier) }
    }
  }

  /// Ends them all. For a program that ends by a signal.
  package static func killAll() {
    state.withLock { $0.isEnding = true }
    for _ in 0..<2000 where state.withLock({ !$0.starting.isEmpty }) {
      Machine.wait(milliseconds: 1)
    }
    state.withLock { $0.identifiers.forEach(Machine.kill) }
  }
}
