import Formats
import Glibc
import Synchronization
import Testing

@Suite struct OrderedWorkTests {
  private struct Failure: Error, Equatable {
    var piece: Int
  }

  private final class Record: Sendable {
    let committed = Mutex<[Int]>([])
    let active = Mutex((now: 0, most: 0))
  }

  /// Pieces take times that have nothing to do with their order.
  private func pause(_ piece: Int) {
    usleep(UInt32(piece * 7919 % 997))
  }

  @Test("Results come in order, and no more pieces are worked on than was said", arguments: 1...5)
  func order(jobs: Int) throws {
    let record = Record()
    let pipeline = OrderedWork<Int, Int>(
      jobs: jobs,
      work: { piece in
        record.active.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
        pause(piece)
        record.active.withLock { $0.now -= 1 }
        return piece
      },
      commit: { piece in record.committed.withLock { $0.append(piece) } })
    for piece in 0..<300 { try pipeline.submit(piece) }
    try pipeline.finish()
    #expect(record.committed.withLock { $0 } == Array(0..<300))
    #expect(record.active.withLock { $0.most } <= jobs)
    // It can be used again.
    for piece in 300..<320 { try pipeline.submit(piece) }
    try pipeline.finish()
    #expect(record.committed.withLock { $0.count } == 320)
  }

  @Test("The first failure in order is what is thrown, and nothing after it is committed")
  func failure() throws {
    let record = Record()
    let pipeline = OrderedWork<Int, Int>(
      jobs: 4,
      work: { piece in
        pause(piece)
        if piece >= 50 { throw Failure(piece: piece) }
        return piece
      },
      commit: { piece in record.committed.withLock { $0.append(piece) } })
    let error = #expect(throws: Failure.self) {
      for piece in 0..<300 { try pipeline.submit(piece) }
      try pipeline.finish()
    }
    #expect(error == Failure(piece: 50))
    #expect(throws: Failure(piece: 50)) { try pipeline.finish() }
    #expect(record.committed.withLock { $0 } == Array(0..<50))
  }

  @Test("A result that can't be committed ends the work")
  func failureOfCommit() throws {
    let pipeline = OrderedWork<Int, Int>(
      jobs: 3, work: { $0 }, commit: { if $0 == 7 { throw Failure(piece: $0) } })
    #expect(throws: Failure(piece: 7)) {
      for piece in 0..<300 { try pipeline.submit(piece) }
      try pipeline.finish()
    }
  }

  /// With threads that wait for one another it would never end.
  @Test("Pieces that have work of their own end, be they more than there are threads")
  func nested() throws {
    let sums = try OrderedWork.map(0..<200, jobs: 200) { piece in
      try OrderedWork.map(0..<20, jobs: 2) { $0 * piece }.reduce(0, +)
    }
    #expect(sums == (0..<200).map { $0 * 190 })
  }
}
