package import Formats
package import Synchronization

/// Modules that were looked into on other threads, and the bytes that all of them say of themselves, which are
/// kept.
package final class FoundModules: Sendable {
  /// Bytes that modules may say of themselves.
  package static let factsLimit = 1 << 28

  private let modules = Mutex<[(path: String, facts: ModuleFacts)]>([])
  private let byteCount = Mutex(0)
  private let factsLimit: Int

  package init(factsLimit: Int = FoundModules.factsLimit) {
    self.factsLimit = factsLimit
  }

  /// In the order in which they came.
  package var all: [(path: String, facts: ModuleFacts)] { modules.withLock { $0 } }

  package func add(_ some: [(path: String, facts: ModuleFacts)]) {
    modules.withLock { $0 += some }
  }

  /// To be called of each module as soon as it was looked into.
  /// - Throws: `FormatError.limit` when all together say too much.
  package func count(_ facts: ModuleFacts, of path: String) throws {
    try Self.add(facts.byteCount, to: byteCount, limit: factsLimit, path, "say of themselves")
  }

  /// Counts what a module adds to what all may have together.
  package static func add(
    _ count: Int, to sum: borrowing Mutex<Int>, limit: Int, _ path: String, _ doing: String
  ) throws {
    let sum = sum.withLock {
      $0 += count
      return $0
    }
    guard sum <= limit else {
      throw FormatError(
        .limit, "the modules up to this one \(doing) more than \(limit) bytes", path: [path])
    }
  }
}
