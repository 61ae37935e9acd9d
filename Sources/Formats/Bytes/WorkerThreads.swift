internal import CMiniVM
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Threads that work on what pipelines hand to them, about one a processor; each is started when it is first needed.
///
/// They are not libdispatch's, which looks up the state of its threads in /proc and waits forever for a thread that
/// cannot be had. Nothing here has to be waited for: who needs a result that no thread has begun makes it.
enum WorkerThreads {
  private struct State {
    var waiting: [@Sendable () -> Void] = []
    var count = 0
    var idle = 0
  }

  /// Downloads wait for the network, not for a processor.
  private static let most = max(4, Int(minivm_usable_processors()))
  private static let state = Mutex(State())
  private static let arrivals = DispatchSemaphore(value: 0)

  /// Has `work` done by the next thread that is free, if one ever is.
  static func run(_ work: @escaping @Sendable () -> Void) {
    let needsThread = state.withLock { state in
      state.waiting.append(work)
      guard state.waiting.count > state.idle, state.count < most else { return false }
      state.count += 1
      return true
    }
    if needsThread, !start() { state.withLock { $0.count -= 1 } }
    arrivals.signal()
  }

  /// - Returns: false when there can't be another thread.
  private static func start() -> Bool {
    var thread = pthread_t()
    let result = unsafe pthread_create(
      &thread, nil,
      { _ in
        while true { WorkerThreads.next()() }
      }, nil)
    if result == 0 { pthread_detach(thread) }
    return result == 0
  }

  private static func next() -> @Sendable () -> Void {
    state.withLock { $0.idle += 1 }
    arrivals.wait()
    return state.withLock { state in
      state.idle -= 1
      return state.waiting.removeFirst()
    }
  }
}
