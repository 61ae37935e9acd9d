/// Collects bytes into the clusters of a disk image, block after block, always forward.
struct Ext4BlockStream {
  private let image: any DiskImageWriter
  /// Whose groups' beginnings are passed over; nil for a stream that writes just those.
  private let skipping: Ext4Geometry?
  private var buffer: [UInt8] = []
  private var cluster: Int

  init(_ image: any DiskImageWriter, skipping: Ext4Geometry?) {
    self.image = image
    self.skipping = skipping
    cluster = (skipping?.free(from: 0) ?? 0) / Ext4Geometry.blocksPerCluster
    buffer.reserveCapacity(DiskImage.clusterSize)
  }

  /// The block that the next byte goes to; what was appended ends with a block.
  var block: Int {
    cluster * Ext4Geometry.blocksPerCluster
      + Ext4Geometry.divideUp(buffer.count, Ext4Geometry.blockSize)
  }

  mutating func append(_ bytes: ArraySlice<UInt8>) throws {
    var rest = bytes
    while !rest.isEmpty {
      let part = rest.prefix(DiskImage.clusterSize - buffer.count)
      buffer.append(contentsOf: part)
      rest = rest.dropFirst(part.count)
      if buffer.count == DiskImage.clusterSize { try next() }
    }
  }

  mutating func append(_ bytes: [UInt8]) throws {
    try append(bytes[...])
  }

  /// Zeros up to the end of the block.
  mutating func endBlock() throws {
    let rest = buffer.count % Ext4Geometry.blockSize
    guard rest != 0 else { return }
    buffer.append(contentsOf: [UInt8](repeating: 0, count: Ext4Geometry.blockSize - rest))
    if buffer.count == DiskImage.clusterSize { try next() }
  }

  /// Leaves zeros up to `block`, which is not before the current one.
  mutating func move(to block: Int) throws {
    let wanted = block / Ext4Geometry.blocksPerCluster
    if wanted != cluster {
      try flush()
      cluster = wanted
    }
    let offset = block % Ext4Geometry.blocksPerCluster * Ext4Geometry.blockSize
    guard wanted == cluster, offset >= buffer.count else {
      throw FormatError(.malformed, "block \(block) is behind the writer")
    }
    buffer.append(contentsOf: [UInt8](repeating: 0, count: offset - buffer.count))
  }

  /// Hands over the last cluster. Nothing can be appended to it after.
  mutating func flush() throws {
    guard !buffer.isEmpty else { return }
    buffer.append(contentsOf: [UInt8](repeating: 0, count: DiskImage.clusterSize - buffer.count))
    try next()
  }

  /// A cluster of the image, also while it is being collected.
  func read(cluster index: Int) throws -> [UInt8] {
    guard index == cluster else { return try image.read(cluster: index) }
    return buffer + [UInt8](repeating: 0, count: DiskImage.clusterSize - buffer.count)
  }

  private mutating func next() throws {
    try image.write(buffer, cluster: cluster)
    buffer = []
    buffer.reserveCapacity(DiskImage.clusterSize)
    let next = (cluster + 1) * Ext4Geometry.blocksPerCluster
    cluster = (skipping?.free(from: next) ?? next) / Ext4Geometry.blocksPerCluster
  }
}
