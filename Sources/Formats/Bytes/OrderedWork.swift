internal import Dispatch
internal import Synchronization

/// Runs `work` on several cores and hands the results to `commit` one at a time, in the order of
/// `submit`. A bounded number of pieces is under way, so memory is bounded.
public final class OrderedWork<Input: Sendable, Output: Sendable>: Sendable {
  private struct Results {
    var committed = 0
    var ready: [Int: Result<Output, any Error>] = [:]
  }

  private let work: @Sendable (Input) throws -> Output
  private let commit: @Sendable (Output) throws -> Void
  private let width: Int
  private let submitted = Atomic<Int>(0)
  private let results = Mutex(Results())
  private let failure = Mutex<(any Error)?>(nil)
  private let slots: DispatchSemaphore
  private let queue = DispatchQueue(label: "minivm.work", attributes: .concurrent)

  /// - Parameter jobs: how many pieces are worked on at once; 1 or more.
  public init(
    jobs: Int,
    work: @escaping @Sendable (Input) throws -> Output,
    commit: @escaping @Sendable (Output) throws -> Void
  ) {
    // Some finished pieces may wait for a slow one before them, so that no core idles.
    width = jobs > 1 ? jobs * 4 : 1
    slots = DispatchSemaphore(value: width)
    self.work = work
    self.commit = commit
  }

  /// Waits while the pipeline is full. To be called from one thread at a time.
  /// - Throws: what an earlier piece failed with.
  public func submit(_ input: Input) throws {
    if let failure = failure.withLock({ $0 }) { throw failure }
    slots.wait()
    let number = submitted.add(1, ordering: .relaxed).oldValue
    queue.async { [self] in
      accept(Result { try work(input) }, number: number)
    }
  }

  /// Waits for all pieces. The pipeline can be used again after.
  /// - Throws: what the first failed piece failed with.
  public func finish() throws {
    for _ in 0..<width { slots.wait() }
    for _ in 0..<width { slots.signal() }
    if let failure = failure.withLock({ $0 }) { throw failure }
  }

  private func accept(_ result: Result<Output, any Error>, number: Int) {
    results.withLock { results in
      results.ready[number] = result
      while let next = results.ready.removeValue(forKey: results.committed) {
        results.committed += 1
        if failure.withLock({ $0 == nil }) {
          do {
            try commit(next.get())
          } catch {
            failure.withLock { $0 = error }
          }
        }
        slots.signal()
      }
    }
  }
}
