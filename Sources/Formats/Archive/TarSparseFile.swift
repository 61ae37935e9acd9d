/// Where the data of a sparse file is: what an archive holds are these pieces, one after another.
///
/// GNU tar manual, "Storing Sparse Files".
struct SparseMap: Sendable, Hashable {
  /// The most pieces: 24 bytes of an archive make one.
  static let pieceLimit = 1 << 20

  /// In order, apart from each other.
  private(set) var pieces: [Range<Int>] = []
  /// Bytes of the file, its holes included.
  let size: Int

  /// - Throws: `FormatError.malformed` for pieces that overlap, are out of order, or reach behind the file's end.
  init(_ pieces: [(offset: Int, count: Int)], size: Int) throws(FormatError) {
    self.size = size
    var end = 0
    for (offset, count) in pieces {
      guard offset >= end, count >= 0, offset <= size, count <= size - offset else {
        throw FormatError(.malformed, "a sparse file whose pieces make no sense")
      }
      end = offset + count
      if count > 0 { self.pieces.append(offset..<end) }
    }
  }

  /// Bytes that the archive holds of it.
  var stored: Int { pieces.reduce(0) { $0 + $1.count } }
}

/// The map of an entry of type S: four pieces in its header, 21 in each block that follows.
struct OldSparseMap: Sendable {
  static let piecesInBlock = 21
  private static let pieceSize = 24

  private let bytes: ArraySlice<UInt8>
  private var extent: [(offset: Int, count: Int)] = []

  /// - Parameter bytes: of the header, from offset 386 on.
  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
  }

  /// Whether a block with more pieces follows.
  var isExtended: Bool { bytes[bytes.startIndex + 4 * Self.pieceSize] != 0 }

  /// Bytes of the file, its holes included.
  func size() throws(FormatError) -> Int {
    let start = bytes.startIndex + 4 * Self.pieceSize + 1
    return try TarHeader.number(bytes[start..<start + 12], "size")
  }

  func pieces() throws(FormatError) -> [(offset: Int, count: Int)] {
    try Self.pieces(bytes, count: 4)
  }

  /// - Parameter bytes: of the header or of a block.
  static func pieces(
    _ bytes: ArraySlice<UInt8>, count: Int
  ) throws(FormatError) -> [(offset: Int, count: Int)] {
    var pieces: [(offset: Int, count: Int)] = []
    for index in 0..<count {
      let start = bytes.startIndex + index * pieceSize
      // An unused one is zeros.
      guard bytes[start] != 0 else { break }
      pieces.append(
        (
          try TarHeader.number(bytes[start..<start + 12], "offset"),
          try TarHeader.number(bytes[start + 12..<start + 24], "size")
        ))
    }
    return pieces
  }
}

/// What pax headers say of a sparse file: GNU tar's formats 0.0, 0.1 and 1.0.
struct PaxSparseFile: Sendable {
  static let prefix = "GNU.sparse."

  /// Bytes of the file, its holes included; nil for a file that is not sparse.
  private(set) var size: Int?
  private(set) var name: [UInt8]?
  private(set) var pieces: [(offset: Int, count: Int)] = []
  private var offset: Int?
  /// Whether the map is at the start of the entry's content.
  private(set) var hasMapInContent = false

  mutating func set(_ key: String, _ value: [UInt8]) throws(FormatError) {
    switch key {
    case "size", "realsize": size = try Self.number(value[...])
    case "name": name = value
    case "major": hasMapInContent = try Self.number(value[...]) == 1
    case "offset": offset = try Self.number(value[...])
    case "numbytes":
      guard let offset else { throw Self.malformed }
      try append(offset, Self.number(value[...]))
    case "map":
      var numbers: [Int] = []
      for part in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
        numbers.append(try Self.number(part))
      }
      guard numbers.count.isMultiple(of: 2) else { throw Self.malformed }
      for index in stride(from: 0, to: numbers.count, by: 2) {
        try append(numbers[index], numbers[index + 1])
      }
    default: break
    }
  }

  private mutating func append(_ offset: Int, _ count: Int) throws(FormatError) {
    guard pieces.count < SparseMap.pieceLimit else {
      throw FormatError(.limit, "a sparse file of more than \(SparseMap.pieceLimit) pieces")
    }
    pieces.append((offset, count))
  }

  static func number(_ digits: ArraySlice<UInt8>) throws(FormatError) -> Int {
    guard let number = PaxHeader.decimal(digits) else { throw malformed }
    return number
  }

  static var malformed: FormatError {
    FormatError(.malformed, "a sparse file whose map can't be read")
  }
}

/// The bytes of a sparse file.
final class TarSparseBody: SparseByteSource {
  private static let zeroPieceSize = 1 << 18

  private let map: SparseMap
  private let stored: (_ upTo: Int) throws -> ArraySlice<UInt8>
  private var offset = 0
  private var piece = 0

  /// - Parameter stored: the next bytes of what the archive holds.
  init(_ map: SparseMap, _ stored: @escaping (_ upTo: Int) throws -> ArraySlice<UInt8>) {
    self.map = map
    self.stored = stored
  }

  /// Bytes up to the next piece, or the end.
  private var hole: Int {
    while piece < map.pieces.count, map.pieces[piece].upperBound == offset { piece += 1 }
    return max(0, (piece < map.pieces.count ? map.pieces[piece].lowerBound : map.size) - offset)
  }

  func skipHole() -> Int {
    let count = hole
    offset += count
    return count
  }

  func next() throws -> [UInt8] {
    let zeros = min(hole, Self.zeroPieceSize)
    if zeros > 0 {
      offset += zeros
      return [UInt8](repeating: 0, count: zeros)
    }
    guard piece < map.pieces.count else { return [] }
    let part = try stored(map.pieces[piece].upperBound - offset)
    offset += part.count
    return Array(part)
  }
}
