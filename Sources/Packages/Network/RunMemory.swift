internal import Synchronization

/// What a run of the program has found out once and need not ask for again.
final class RunMemory: Sendable {
  private let answers = Mutex<[any Sendable]>([])

  /// The first answer of this type that fits.
  func first<Answer: Sendable>(where isWanted: (Answer) -> Bool) -> Answer? {
    answers.withLock { $0.lazy.compactMap { $0 as? Answer }.first(where: isWanted) }
  }

  func keep(_ answer: some Sendable) {
    answers.withLock { $0.append(answer) }
  }
}
