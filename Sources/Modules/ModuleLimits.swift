package import Formats
internal import Synchronization

/// What all modules of a kernel may take together, counted while they are looked into on any thread.
package final class ModuleLimits: Sendable {
  private let unpacked = Mutex(0)
  private let facts = Mutex(0)
  private let unpackedLimit: Int
  private let factsLimit: Int

  /// - Parameters:
  ///   - unpacked: bytes that all modules may unpack to; those of bookworm's full kernel have 0.4 GB.
  ///   - facts: bytes that all modules may say of themselves, which are kept.
  package init(unpacked: Int = 1 << 32, facts: Int = 1 << 28) {
    unpackedLimit = unpacked
    factsLimit = facts
  }

  /// To be called of each module as soon as it was unpacked.
  /// - Throws: `FormatError.limit` when all together have too many bytes.
  package func countUnpacked(_ bytes: Int, of path: String) throws(FormatError) {
    try Self.add(bytes, to: unpacked, limit: unpackedLimit, path, "unpack to")
  }

  /// To be called of each module as soon as it was looked into.
  /// - Throws: `FormatError.limit` when all together say too much.
  package func count(_ found: ModuleFacts, of path: String) throws(FormatError) {
    try Self.add(found.byteCount, to: facts, limit: factsLimit, path, "say of themselves")
  }

  private static func add(
    _ count: Int, to sum: borrowing Mutex<Int>, limit: Int, _ path: String, _ doing: String
  ) throws(FormatError) {
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
