internal import Dispatch
internal import Synchronization

/// Runs `work` on several cores and hands the results to `commit` one at a time, in the order of
/// `submit`. A bounded number of pieces is under way, so memory is bounded. Who waits for a piece that
/// nobody has begun does it, so pieces may have such work of their own, however few threads there are.
package final class OrderedWork<Input: Sendable, Output: Sendable>: Sendable {
  private struct State {
    var submitted = 0
    var waiting: [(number: Int, input: Input)] = []
    /// Threads that work on a piece, and those that were asked for and have not come yet.
    var workers = (active: 0, coming: 0)
    /// Results that wait for an earlier one, by number.
    var ready: [Int: Result<Output, any Error>] = [:]
    var committed = 0
    var isCommitting = false
    var failure: (any Error)?
  }

  private let work: @Sendable (Input) throws -> Output
  private let commit: @Sendable (Output) throws -> Void
  private let jobs: Int
  /// Threads that are asked for.
  private let helpers: Int
  private let width: Int
  private let state = Mutex(State())
  private let slots: DispatchSemaphore

  /// - Parameter jobs: how many pieces are worked on at once; 1 or more. With 1, all is done by the thread that
  ///   submits.
  package convenience init(
    jobs: Int,
    work: @escaping @Sendable (Input) throws -> Output,
    commit: @escaping @Sendable (Output) throws -> Void
  ) {
    self.init(jobs: jobs, helpers: jobs > 1 ? jobs : 0, work, commit)
  }

  private init(
    jobs: Int, helpers: Int, _ work: @escaping @Sendable (Input) throws -> Output,
    _ commit: @escaping @Sendable (Output) throws -> Void
  ) {
    self.jobs = jobs
    self.helpers = helpers
    // Some finished pieces may wait for a slow one before them, so that no core idles.
    width = jobs > 1 ? jobs * 4 : 1
    slots = DispatchSemaphore(value: width)
    self.work = work
    self.commit = commit
  }

  /// Does all of `inputs`, and waits for the results, which come in the order of the inputs.
  /// - Throws: what the first failed piece failed with.
  package static func map(
    _ inputs: some Sequence<Input>, jobs: Int, _ work: @escaping @Sendable (Input) throws -> Output
  ) throws -> [Output] {
    let results = Results()
    // This thread works, too: where it had one more beside it, two might share a core while another idles.
    let pipeline = OrderedWork(jobs: jobs, helpers: jobs - 1, work) { output in
      results.all.withLock { $0.append(output) }
    }
    for input in inputs { try pipeline.submit(input) }
    try pipeline.finish()
    return results.all.withLock { $0 }
  }

  private final class Results: Sendable {
    let all = Mutex<[Output]>([])
  }

  /// Waits while the pipeline is full. To be called from one thread at a time.
  /// - Throws: what an earlier piece failed with.
  package func submit(_ input: Input) throws {
    while slots.wait(timeout: .now()) == .timedOut {
      guard workOnNext() else {
        slots.wait()
        break
      }
    }
    let failure = state.withLock { state in
      guard state.failure == nil else { return state.failure }
      state.waiting.append((state.submitted, input))
      state.submitted += 1
      return nil
    }
    if let failure {
      slots.signal()
      throw failure
    }
    askForWorker()
  }

  /// Waits for all pieces. The pipeline can be used again after.
  /// - Throws: what the first failed piece failed with.
  package func finish() throws {
    while workOnNext() {}
    for _ in 0..<width { slots.wait() }
    for _ in 0..<width { slots.signal() }
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }

  /// Where there is work for one more thread.
  private func askForWorker() {
    let isNeeded = state.withLock { state in
      guard !state.waiting.isEmpty, state.workers.active + state.workers.coming < helpers else {
        return false
      }
      state.workers.coming += 1
      return true
    }
    guard isNeeded else { return }
    WorkerThreads.run { [self] in
      state.withLock { $0.workers.coming -= 1 }
      while workOnNext() {}
    }
  }

  /// - Returns: false when no piece waits, or as many are worked on as may be: those who do look for more.
  private func workOnNext() -> Bool {
    let piece = state.withLock { state -> (number: Int, input: Input, failure: (any Error)?)? in
      guard !state.waiting.isEmpty, state.workers.active < jobs else { return nil }
      state.workers.active += 1
      let next = state.waiting.removeFirst()
      return (next.number, next.input, state.failure)
    }
    guard let piece else { return false }
    // Nothing is committed after a failure, so nothing needs to be worked on.
    let result = Result {
      if let failure = piece.failure { throw failure }
      return try work(piece.input)
    }
    state.withLock { $0.ready[piece.number] = result }
    commitReady()
    state.withLock { $0.workers.active -= 1 }
    return true
  }

  /// Commits what is next in order, unless another thread is at it, which then takes ours too.
  private func commitReady() {
    var isFirst = true
    while true {
      let next = state.withLock { state -> (result: Result<Output, any Error>, isLate: Bool)? in
        if isFirst, state.isCommitting { return nil }
        guard let result = state.ready.removeValue(forKey: state.committed) else {
          state.isCommitting = false
          return nil
        }
        state.isCommitting = true
        state.committed += 1
        return (result, state.failure != nil)
      }
      guard let next else { return }
      isFirst = false
      if !next.isLate {
        do {
          try commit(next.result.get())
        } catch {
          state.withLock { $0.failure = error }
        }
      }
      slots.signal()
    }
  }
}
