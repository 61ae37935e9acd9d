extension Ext4Writer {
  /// The bytes of a file that was added, read back from the image, before or after `finish`.
  /// - Returns: nil when there is no such file, or it is not a regular one.
  public func contents(of path: String) throws -> (any ByteSource)? {
    guard let index = try find(Ext4Name.path(path)), nodes[index].kind == .file else { return nil }
    return Ext4FileSource(self, runs: nodes[index].runs, size: nodes[index].size)
  }
}

/// A file's bytes, a cluster at a time.
final class Ext4FileSource: ByteSource {
  private let writer: Ext4Writer
  private var runs: ArraySlice<Range<Int>>
  private var left: Int

  init(_ writer: Ext4Writer, runs: [Range<Int>], size: Int) {
    self.writer = writer
    self.runs = runs[...]
    left = size
  }

  func next() throws -> [UInt8] {
    guard left > 0, let run = runs.first else { return [] }
    let cluster = run.lowerBound / Ext4Geometry.blocksPerCluster
    let start = cluster * Ext4Geometry.blocksPerCluster
    let end = min(run.upperBound, start + Ext4Geometry.blocksPerCluster)
    let bytes = try writer.stream.read(cluster: cluster)
    let offset = (run.lowerBound - start) * Ext4Geometry.blockSize
    let count = min(left, (end - run.lowerBound) * Ext4Geometry.blockSize)
    runs = end == run.upperBound ? runs.dropFirst() : [end..<run.upperBound] + runs.dropFirst()
    left -= count
    return Array(bytes[offset..<offset + count])
  }
}
