extension Ext4Writer: FileSystemWriter {
  /// The largest file: its blocks have numbers of 32 bits.
  private static let fileLimit = (1 << 32 - 1) * Ext4Geometry.blockSize

  /// Adds a file with all that ext4 keeps of it; blocks of zeros become holes.
  /// - Throws: `FormatError` as `FileSystemWriter` has it; `.unsupported` and `.limit` for extended attributes that
  ///   ext4 can't hold.
  package func add(
    _ path: [UInt8], _ kind: FileKind, _ attributes: FileAttributes, content: (any ByteSource)?
  ) throws {
    try adding {
      try inside(Ext4Name.text(path)) { try insert(path, kind, attributes, content) }
    }
  }

  private func insert(
    _ path: [UInt8], _ kind: FileKind, _ attributes: FileAttributes, _ content: (any ByteSource)?
  ) throws {
    let names = try Ext4Name.parts(path)
    let base = Ext4Attributes(
      mode: attributes.mode, owner: attributes.owner, group: attributes.group,
      modified: Ext4Time(nearest: attributes.modified))
    var node: Ext4Node
    switch kind {
    case .directory: node = Ext4Node(.directory, base)
    case .file(let size):
      guard size <= Self.fileLimit else { throw FormatError(.limit, "is larger than 16 TiB") }
      node = Ext4Node(.file, base)
    case .symbolicLink(let target): node = try Self.link(to: target, base)
    case .characterDevice(let major, let minor):
      node = Ext4Node(.characterDevice, base)
      node.inline = try Self.deviceNumber(major, minor)
    case .blockDevice(let major, let minor):
      node = Ext4Node(.blockDevice, base)
      node.inline = try Self.deviceNumber(major, minor)
    case .fifo: node = Ext4Node(.fifo, base)
    case .socket: node = Ext4Node(.socket, base)
    }
    node.extended = try Ext4ExtendedAttributes(attributes.extended)
    if kind == .directory, let known = find(names), nodes[known].kind == .directory,
      !nodes[known].isExplicit
    {
      nodes[known].attributes = base
      nodes[known].extended = node.extended
      nodes[known].isExplicit = true
      return
    }
    let index = try insert(node, at: names)
    switch kind {
    case .file(let size):
      try storeSparse(in: index, content ?? MemorySource([]))
      guard nodes[index].size == size else {
        throw FormatError(.truncated, "the file has \(nodes[index].size) bytes, not \(size)")
      }
    case .symbolicLink(let target) where node.inline.isEmpty:
      try store(in: index) { append in try append(target[...]) }
    default: break
    }
  }

  /// Names of extended attributes that a file can't have here: ext4 has no place for them, or no room for all.
  package static func unheld(_ attributes: [ExtendedAttribute]) -> [[UInt8]] {
    var held = attributes.filter { (try? Ext4ExtendedAttributes([$0])) != nil }
    while (try? Ext4ExtendedAttributes(held)) == nil,
      let largest = held.indices.max(by: { held[$0].value.count < held[$1].value.count })
    {
      held.remove(at: largest)
    }
    return attributes.filter { !held.contains($0) }.map(\.name)
  }

  package func addHardLink(_ path: [UInt8], to target: [UInt8]) throws {
    let (path, target) = (try Ext4Name.parts(path), try Ext4Name.parts(target))
    try inside(path.map { Ext4Name.text($0.bytes) }.joined(separator: "/")) {
      try addHardLink(path, to: target)
    }
  }

  static func link(
    to target: [UInt8], _ attributes: Ext4Attributes
  ) throws(FormatError) -> Ext4Node {
    guard !target.isEmpty, target.count < Ext4Geometry.blockSize, !target.contains(0) else {
      throw FormatError(.malformed, "a link's target is empty, too long or contains NUL")
    }
    var node = Ext4Node(.symbolicLink, attributes)
    node.attributes.mode = 0o777
    node.size = target.count
    // A target that leaves room for a NUL in i_block is kept there.
    if target.count < 60 { node.inline = target }
    return node
  }

  /// Streams a file's bytes into the image, but for blocks of zeros.
  private func storeSparse(in index: Int, _ source: any ByteSource) throws {
    var data = SparseBlocks(source)
    var runs: [Range<Int>] = []
    var starts: [Int] = []
    var logical = 0
    while let piece = try data.next() {
      switch piece {
      case .hole(let blocks): logical += blocks
      case .data(let bytes):
        let count = Ext4Geometry.divideUp(bytes.count, Ext4Geometry.blockSize)
        guard stream.block + count < geometry.mostBlocks else {
          throw FormatError(
            .limit, "the tree takes more than \(geometry.mostBlocks / 256) MiB")
        }
        for run in geometry.runs(from: stream.block, count: count).runs {
          if let last = runs.last, last.upperBound == run.lowerBound,
            starts[starts.count - 1] + last.count == logical
          {
            runs[runs.count - 1] = last.lowerBound..<run.upperBound
          } else {
            runs.append(run)
            starts.append(logical)
          }
          logical += run.count
        }
        try stream.append(bytes)
        try stream.endBlock()
      }
    }
    nodes[index].size = data.size
    nodes[index].runs = runs
    // Without holes they follow from the runs.
    var next = 0
    for (start, run) in zip(starts, runs) {
      if start != next {
        nodes[index].starts = starts
        break
      }
      next += run.count
    }
  }
}

/// A file's bytes in whole blocks, and which of them are zeros.
private struct SparseBlocks {
  enum Piece {
    /// Blocks of zeros.
    case hole(blocks: Int)
    /// Whole blocks; at the file's end the last one may not be.
    case data(ArraySlice<UInt8>)
  }

  private static let blockSize = Ext4Geometry.blockSize

  private let source: any ByteSource
  /// Bytes that came and were not handed on.
  private var buffer: ArraySlice<UInt8> = []
  /// Zeros behind `buffer` that came as a hole.
  private var zeros = 0
  private var isAtEnd = false
  /// Bytes of the file so far.
  private(set) var size = 0

  init(_ source: any ByteSource) {
    self.source = source
  }

  mutating func next() throws -> Piece? {
    while true {
      if zeros > 0 {
        // Fills the block that data ended in, and is a hole from there on.
        let fill = min(zeros, (Self.blockSize - buffer.count % Self.blockSize) % Self.blockSize)
        if fill > 0 {
          buffer.append(contentsOf: [UInt8](repeating: 0, count: fill))
          zeros -= fill
        } else if buffer.isEmpty, zeros >= Self.blockSize {
          let blocks = zeros / Self.blockSize
          zeros %= Self.blockSize
          return .hole(blocks: blocks)
        } else if buffer.isEmpty {
          buffer = [UInt8](repeating: 0, count: zeros)[...]
          zeros = 0
        }
      }
      if let piece = takeBlocks() { return piece }
      if isAtEnd { return nil }
      try refill()
    }
  }

  /// The blocks at the buffer's start that are alike: all zeros, or none of them.
  private mutating func takeBlocks() -> Piece? {
    let whole = buffer.count / Self.blockSize
    guard whole > 0 else {
      guard isAtEnd, zeros == 0, !buffer.isEmpty else { return nil }
      defer { buffer = [] }
      return Self.isZero(buffer) ? .hole(blocks: 1) : .data(buffer)
    }
    var count = 0
    var isHole = false
    while count < whole {
      let start = buffer.startIndex + count * Self.blockSize
      let isZero = Self.isZero(buffer[start..<start + Self.blockSize])
      if count == 0 { isHole = isZero }
      guard isZero == isHole else { break }
      count += 1
    }
    let bytes = buffer.prefix(count * Self.blockSize)
    buffer = buffer.dropFirst(bytes.count)
    return isHole ? .hole(blocks: count) : .data(bytes)
  }

  private static func isZero(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.first == 0 && bytes.last == 0 && Array(bytes).isAllZero
  }

  private mutating func refill() throws {
    if let sparse = source as? any SparseByteSource {
      zeros = try sparse.skipHole()
      if zeros > 0 {
        size += zeros
        return
      }
    }
    let piece = try source.next()
    isAtEnd = piece.isEmpty
    size += piece.count
    buffer = buffer.isEmpty ? piece[...] : buffer + piece
  }
}
