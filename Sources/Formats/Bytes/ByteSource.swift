/// Where bytes come from, a piece at a time, so that memory does not depend on how many there are.
///
/// Sources are composed: `TarReader(XZSource(member))`.
package protocol ByteSource: AnyObject {
  /// The next piece, never larger than about a MiB. Empty means the end, and nothing else does:
  /// what can't be read is thrown.
  func next() throws -> [UInt8]
}

/// Bytes with holes in them, which need not be handed out to be known.
package protocol SparseByteSource: ByteSource {
  /// Passes over the zeros of a hole that comes next; `next` hands them out otherwise.
  /// - Returns: how many bytes; 0 where data comes next, or nothing.
  func skipHole() throws -> Int
}

/// Bytes that are in memory already.
package final class MemorySource: ByteSource {
  private static let pieceSize = 1 << 18
  private var left: ArraySlice<UInt8>

  package init(_ bytes: [UInt8]) {
    left = bytes[...]
  }

  /// A part of some bytes.
  package init(_ bytes: [UInt8], range: Range<Int>) {
    left = bytes[range]
  }

  package func next() -> [UInt8] {
    defer { left = left.dropFirst(Self.pieceSize) }
    return Array(left.prefix(Self.pieceSize))
  }
}

/// Shows what passes through to an observer.
package final class ObservedSource: ByteSource {
  private let source: any ByteSource
  private let observe: ([UInt8]) throws -> Void

  /// - Parameter observe: gets each piece before it is handed on.
  package init(_ source: any ByteSource, observe: @escaping ([UInt8]) throws -> Void) {
    self.source = source
    self.observe = observe
  }

  package func next() throws -> [UInt8] {
    let piece = try source.next()
    if !piece.isEmpty { try observe(piece) }
    return piece
  }
}

extension ByteSource {
  /// Hands on all pieces up to the end.
  package func forEachPiece(_ receive: ([UInt8]) throws -> Void) throws {
    while true {
      let piece = try next()
      if piece.isEmpty { return }
      try receive(piece)
    }
  }
}

/// Reads a source in the amounts that a decoder wants.
package final class SourceReader {
  private let source: any ByteSource
  private var piece: [UInt8] = []
  private var position = 0
  /// How many bytes were read, in bytes from the source's start.
  package private(set) var offset = 0

  package init(_ source: any ByteSource) {
    self.source = source
  }

  private func refill() throws -> Bool {
    if position < piece.count { return true }
    piece = try source.next()
    position = 0
    return !piece.isEmpty
  }

  package func isAtEnd() throws -> Bool {
    try !refill()
  }

  /// The next byte, which stays to be read; nil at the end.
  package func peek() throws -> UInt8? {
    try refill() ? piece[position] : nil
  }

  /// Skips up to `maximum` bytes that fulfil a condition.
  /// - Returns: how many.
  @discardableResult
  package func skip(
    upTo maximum: Int = .max, while condition: (UInt8) -> Bool = { _ in true }
  ) throws -> Int {
    var count = 0
    while count < maximum, try refill(), condition(piece[position]) {
      position += 1
      offset += 1
      count += 1
    }
    return count
  }

  /// Up to `maximum` bytes; empty only at the end.
  package func read(upTo maximum: Int) throws -> ArraySlice<UInt8> {
    guard maximum > 0, try refill() else { return [] }
    let end = min(piece.count, position + maximum)
    defer {
      offset += end - position
      position = end
    }
    return piece[position..<end]
  }

  /// Exactly `count` bytes.
  /// - Throws: `FormatError.truncated` when the source ends before.
  package func read(exactly count: Int) throws -> [UInt8] {
    var result: [UInt8] = []
    // An announced size is a claim until the bytes are there: reserve little.
    result.reserveCapacity(min(count, 1 << 20))
    try forEachPiece(of: count) { result.append(contentsOf: $0) }
    return result
  }

  package func skip(_ count: Int) throws {
    try forEachPiece(of: count) { _ in }
  }

  /// Hands on the next `count` bytes in pieces.
  /// - Throws: `FormatError.truncated` when the source ends before.
  package func forEachPiece(of count: Int, _ body: (ArraySlice<UInt8>) throws -> Void) throws {
    var left = count
    while left > 0 {
      let part = try read(upTo: left)
      guard !part.isEmpty else {
        throw FormatError(.truncated, "the input ends \(left) bytes early", offset: offset)
      }
      left -= part.count
      try body(part)
    }
  }

  /// Everything up to the end.
  /// - Throws: `FormatError.limit` when that is more than `limit` bytes.
  package func readToEnd(limit: Int) throws -> [UInt8] {
    var result: [UInt8] = []
    while true {
      let part = try read(upTo: 1 << 20)
      if part.isEmpty { return result }
      guard result.count + part.count <= limit else {
        throw FormatError(.limit, "more than \(limit) bytes", offset: offset)
      }
      result.append(contentsOf: part)
    }
  }
}
