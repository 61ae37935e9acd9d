internal import Synchronization

/// Stores the content of files: blocks that are compressed on several cores and written in the order in which they came.
///
/// The end of a file that fills no block goes into a fragment, a block of the ends of several files. Blocks of zeros
/// take no room.
final class SquashfsDataWriter {
  /// Bytes of a block before compression, as mksquashfs has it by default.
  static let blockSize = 1 << 17

  /// A block that was stored.
  struct Place: Sendable {
    /// Where it is in the image.
    var start: Int
    /// As a file's inode has it: with `SquashfsFormat.plainBlock`; 0 for zeros.
    var size: UInt32
  }

  /// What the threads that compress have done.
  private final class Stored: Sendable {
    private struct State {
      var end = SquashfsFormat.superblockSize
      var places: [Place] = []
    }

    private let state = Mutex(State())

    /// - Returns: where the block goes.
    func add(size: UInt32) -> Int {
      state.withLock { state in
        let start = state.end
        state.places.append(Place(start: start, size: size))
        state.end += Int(size & ~SquashfsFormat.plainBlock)
        return start
      }
    }

    var end: Int { state.withLock { $0.end } }
    var places: [Place] { state.withLock { $0.places } }
    subscript(number: Int) -> Place { state.withLock { $0.places[number] } }
  }

  private struct Piece: Sendable {
    var bytes: [UInt8]
    var isFragment = false
    var isPlain = false
  }

  private let output: OutputFile
  private let stored = Stored()
  private let pipeline: OrderedWork<Piece, Piece>
  private var submitted = 0
  /// The fragment that is being filled.
  private var fragment: [UInt8] = []
  /// The number of each complete fragment's block.
  private(set) var fragments: [Int] = []

  init(_ output: OutputFile, _ compressor: SquashfsBlockCompressor, jobs: Int) {
    self.output = output
    let stored = stored
    pipeline = OrderedWork(
      jobs: max(1, jobs),
      work: { piece in
        // A fragment of no size is none to Linux.
        if !piece.isFragment, piece.bytes.isAllZero { return Piece(bytes: []) }
        guard let packed = try compressor.compress(piece.bytes) else {
          return Piece(bytes: piece.bytes, isPlain: true)
        }
        return Piece(bytes: packed)
      },
      commit: { piece in
        let size = UInt32(piece.bytes.count) | (piece.isPlain ? SquashfsFormat.plainBlock : 0)
        let start = stored.add(size: size)
        if size > 0 { try output.write(piece.bytes, at: start) }
      })
  }

  /// Stores a file's bytes.
  /// - Throws: `FormatError.malformed` when they are not `size`.
  func store(_ content: any ByteSource, size: Int) throws -> SquashfsNode.File {
    var file = SquashfsNode.File(size: size, firstBlock: submitted, blockCount: 0)
    var block: [UInt8] = []
    block.reserveCapacity(min(size, Self.blockSize))
    var total = 0
    try content.forEachPiece { piece in
      total += piece.count
      guard total <= size else { return }
      var rest = piece[...]
      while !rest.isEmpty {
        let part = rest.prefix(Self.blockSize - block.count)
        block.append(contentsOf: part)
        rest = rest.dropFirst(part.count)
        if block.count == Self.blockSize {
          try submit(block)
          block = []
          block.reserveCapacity(Self.blockSize)
        }
      }
    }
    guard total == size else {
      throw FormatError(.malformed, "has \(total) bytes, not \(size)")
    }
    file.blockCount = submitted - file.firstBlock
    if !block.isEmpty { file.fragment = try addToFragment(block) }
    return file
  }

  private func addToFragment(_ end: [UInt8]) throws -> (number: UInt32, offset: UInt32) {
    if fragment.count + end.count > Self.blockSize { try endFragment() }
    guard let number = UInt32(exactly: fragments.count), number < SquashfsFormat.none else {
      throw FormatError(.limit, "squashfs holds no more fragments")
    }
    defer { fragment.append(contentsOf: end) }
    return (number, UInt32(fragment.count))
  }

  private func endFragment() throws {
    guard !fragment.isEmpty else { return }
    fragments.append(submitted)
    try submit(fragment, isFragment: true)
    fragment.removeAll(keepingCapacity: true)
  }

  private func submit(_ block: [UInt8], isFragment: Bool = false) throws {
    try pipeline.submit(Piece(bytes: block, isFragment: isFragment))
    submitted += 1
  }

  /// Waits until all blocks are stored.
  /// - Returns: their places, and where the next byte goes.
  func finish() throws -> (places: [Place], end: Int) {
    try endFragment()
    try pipeline.finish()
    return (stored.places, stored.end)
  }

  /// The bytes of a block of a file that was stored.
  /// - Parameter index: among the file's; the one behind its blocks is its end.
  func read(_ index: Int, of file: SquashfsNode.File) throws -> [UInt8] {
    if index < file.blockCount {
      return try read(block: file.firstBlock + index, size: Self.blockSize)
    }
    guard let (number, offset) = file.fragment else { return [] }
    let range = Int(offset)..<Int(offset) + file.size % Self.blockSize
    guard number < fragments.count else { return Array(fragment[range]) }
    return Array(try read(block: fragments[Int(number)], size: nil)[range])
  }

  private func read(block number: Int, size: Int?) throws -> [UInt8] {
    try pipeline.finish()
    let place = stored[number]
    guard place.size > 0 else { return [UInt8](repeating: 0, count: size ?? Self.blockSize) }
    let bytes = try output.read(
      at: place.start, count: Int(place.size & ~SquashfsFormat.plainBlock))
    if place.size & SquashfsFormat.plainBlock != 0 { return bytes }
    let source = try Compression.zstd.decode(MemorySource(bytes))
    return try SourceReader(source).readToEnd(limit: Self.blockSize)
  }
}
