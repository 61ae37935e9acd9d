internal import Synchronization

/// A qcow2 image, version 3, with clusters of 64 KiB that are compressed on several cores.
///
/// Compressed clusters lie one right behind the other in the order in which they were handed over, so
/// the file's bytes do not depend on the number of cores. The tables are at the end, the header is
/// written last. qcow2 specification: QEMU, docs/interop/qcow2.
package final class Qcow2Writer: DiskImageWriter {
  private enum Stored: Sendable {
    case zeros
    case plain([UInt8])
    case compressed([UInt8])
  }

  private struct Piece<Content: Sendable>: Sendable {
    var cluster: Int
    var content: Content
  }

  /// The map, shared with the threads that compress.
  private final class SharedMap: Sendable {
    let map = Mutex(Qcow2Map())
  }

  private let file: OutputFile
  private let compression: Qcow2Compression
  private let codec: ClusterCodec
  private let shared = SharedMap()
  private let pipeline: OrderedWork<Piece<[UInt8]>, Piece<Stored>>
  private var isFinished = false

  /// - Parameters:
  ///   - file: gets the image; the caller commits it after `finish`.
  ///   - jobs: how many clusters are compressed at once; 1 or more.
  package init(_ file: OutputFile, compression: Qcow2Compression = .zstd, jobs: Int) {
    self.file = file
    self.compression = compression
    let codec = ClusterCodec(compression)
    let shared = shared
    self.codec = codec
    pipeline = OrderedWork(
      jobs: max(1, jobs),
      work: { piece in
        if piece.content.isAllZero { return Piece(cluster: piece.cluster, content: .zeros) }
        let compressed = try codec.compress(piece.content)
        return Piece(
          cluster: piece.cluster,
          content: compressed.map { .compressed($0) } ?? .plain(piece.content))
      },
      commit: { piece in
        switch piece.content {
        case .zeros: break
        case .plain(let bytes):
          let offset = try shared.map.withLock { map throws(FormatError) in
            try map.addPlain(cluster: piece.cluster)
          }
          try file.write(bytes, at: offset)
        case .compressed(let bytes):
          let offset = try shared.map.withLock { map throws(FormatError) in
            try map.addCompressed(cluster: piece.cluster, count: bytes.count)
          }
          try file.write(bytes, at: offset)
        }
      })
  }

  package func write(_ bytes: [UInt8], cluster: Int) throws {
    try DiskImage.check(bytes, cluster: cluster)
    guard !isFinished else { throw FormatError(.malformed, "the image is finished") }
    try pipeline.submit(Piece(cluster: cluster, content: bytes))
  }

  /// Waits for all clusters that are still being compressed.
  package func read(cluster: Int) throws -> [UInt8] {
    try DiskImage.check(cluster: cluster)
    if !isFinished { try pipeline.finish() }
    switch shared.map.withLock({ $0.place(of: cluster) }) {
    case .absent:
      return [UInt8](repeating: 0, count: DiskImage.clusterSize)
    case .plain(let offset):
      return try file.read(at: offset, count: DiskImage.clusterSize)
    case .compressed(let offset, let count):
      return try codec.decompress(file.read(at: offset, count: count))
    }
  }

  package func finish(size: Int) throws {
    try DiskImage.check(size: size)
    guard !isFinished else { throw FormatError(.malformed, "the image is finished") }
    try pipeline.finish()
    isFinished = true
    let clusterSize = DiskImage.clusterSize
    let tableSpan = clusterSize * Qcow2Map.l2Entries
    var map = shared.map.withLock { $0 }

    var l1 = [UInt64](repeating: 0, count: (size + tableSpan - 1) / tableSpan)
    for (index, table) in map.l2Tables.sorted(by: { $0.key < $1.key }) {
      guard index < l1.count else {
        throw FormatError(.overflow, "a cluster lies past the end of the disk")
      }
      let offset = map.allocate(clusters: 1)
      l1[index] = UInt64(offset) | 1 << 63
      try file.write(Self.bigEndian(table), at: offset)
    }
    let l1Clusters = (l1.count * 8 + clusterSize - 1) / clusterSize
    let l1Offset = map.allocate(clusters: l1Clusters)
    try writeClusters(Self.bigEndian(l1), at: l1Offset)

    // The refcounts count their own clusters too.
    let others = map.refcounts.count
    var blocks = 0
    var tableClusters = 0
    while true {
      let total = others + blocks + tableClusters
      let neededBlocks = (total + Qcow2Map.refcountBlockEntries - 1) / Qcow2Map.refcountBlockEntries
      let neededTable = (neededBlocks * 8 + clusterSize - 1) / clusterSize
      if neededBlocks == blocks, neededTable == tableClusters { break }
      blocks = neededBlocks
      tableClusters = neededTable
    }
    let tableOffset = map.allocate(clusters: tableClusters)
    let blocksOffset = map.allocate(clusters: blocks)
    let table = (0..<blocks).map { UInt64(blocksOffset + $0 * clusterSize) }
    try writeClusters(Self.bigEndian(table), at: tableOffset)
    try writeClusters(Self.bigEndian(map.refcounts), at: blocksOffset)

    var header = ByteWriter(capacity: clusterSize)
    try Qcow2Header(
      size: size, l1Count: l1.count, l1Offset: l1Offset, refcountTableOffset: tableOffset,
      refcountTableClusters: tableClusters, compression: compression
    ).write(to: &header)
    try writeClusters(header.bytes, at: 0)
  }

  /// Writes `bytes` and zeros up to the end of the cluster.
  private func writeClusters(_ bytes: [UInt8], at offset: Int) throws(FormatError) {
    var bytes = bytes
    let rest = bytes.count % DiskImage.clusterSize
    if rest != 0 {
      bytes.append(contentsOf: repeatElement(0, count: DiskImage.clusterSize - rest))
    }
    try file.write(bytes, at: offset)
  }

  private static func bigEndian<T: FixedWidthInteger>(_ values: [T]) -> [UInt8] {
    var writer = ByteWriter(capacity: values.count * T.bitWidth / 8)
    for value in values { writer.bigEndian(value) }
    return writer.bytes
  }
}
