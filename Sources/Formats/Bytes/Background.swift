internal import Synchronization

/// Something that is done on another core meanwhile.
package final class Background<Value: Sendable>: Sendable {
  private let work: @Sendable () throws -> Value
  private let result = Mutex<Result<Value, any Error>?>(nil)

  /// - Parameter jobs: cores that may be at work; with 1 the work is done when its value is asked for.
  package init(jobs: Int, _ work: @escaping @Sendable () throws -> Value) {
    self.work = work
    if jobs > 1 { WorkerThreads.run { [self] in finish() } }
  }

  /// Waits for the value, or makes it where no other core has begun to.
  /// - Throws: what the work failed with.
  package func value() throws -> Value {
    try finish().get()
  }

  @discardableResult
  private func finish() -> Result<Value, any Error> {
    result.withLock { result in
      let done = result ?? Result { try work() }
      result = done
      return done
    }
  }
}
