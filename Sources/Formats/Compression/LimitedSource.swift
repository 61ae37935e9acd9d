/// Bytes of a source, as long as there are not too many: a few hundred bytes can be the compressed form
/// of as many gigabytes.
package final class LimitedSource: ByteSource {
  /// Times the compressed size from which on a stream is taken for a bomb. Kernel packages unpack to 6
  /// times their size, the best packed of 1,138 modules to 24 times; xz can make zeros 7,000 times
  /// smaller, zstd more.
  package static let bombRatio = 200
  /// Bytes that anything may unpack to, however small it is.
  package static let bombFloor = 16 << 20

  private let source: any ByteSource
  private let limit: Int
  private let reason: String
  private var count: Int

  /// - Parameters:
  ///   - source: what was decompressed.
  ///   - limit: the most bytes of it.
  ///   - compressedSize: bytes that it is decompressed from, for `bombRatio`.
  ///   - earlier: bytes of other sources that count, too.
  ///   - floor: bytes that it may unpack to, however small it is.
  package init(
    _ source: any ByteSource, limit: Int, compressedSize: Int, earlier: Int = 0,
    floor: Int = bombFloor
  ) {
    self.source = source
    count = earlier
    let bomb = max(floor, Self.mostBytes(from: compressedSize))
    self.limit = min(limit, bomb)
    reason =
      bomb < limit
      ? "unpacks to more than \(bomb) bytes from \(compressedSize): a decompression bomb"
      : "unpacks to more than \(limit) bytes"
  }

  /// The most bytes that are no bomb.
  package static func mostBytes(from compressedSize: Int) -> Int {
    let (product, overflow) = compressedSize.multipliedReportingOverflow(by: bombRatio)
    return max(bombFloor, overflow ? .max : product)
  }

  /// - Throws: `FormatError.limit`.
  package func next() throws -> [UInt8] {
    let piece = try source.next()
    count += piece.count
    guard count <= limit else { throw FormatError(.limit, reason) }
    return piece
  }
}
