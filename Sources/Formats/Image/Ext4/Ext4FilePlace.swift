/// Where a file's content is on its disk: enough to read it without its file system.
package struct Ext4FilePlace: Sendable, Hashable {
  /// Blocks of 4096 bytes with the content, in order.
  package var runs: [Range<Int>]
  /// Bytes.
  package var size: Int

  package init(runs: [Range<Int>], size: Int) {
    self.runs = runs
    self.size = size
  }

  /// The file's bytes.
  /// - Parameter read: gives the bytes of one of the disk's clusters.
  package func source(_ read: @escaping (_ cluster: Int) throws -> [UInt8]) -> any ByteSource {
    Ext4FileSource(self, read)
  }
}

extension Ext4Writer {
  /// Where a file's content was put.
  /// - Returns: nil when there is no such file, or it is not a regular one.
  package func place(of path: String) throws -> Ext4FilePlace? {
    guard let index = try find(Ext4Name.path(path)), nodes[index].kind == .file else { return nil }
    return Ext4FilePlace(runs: nodes[index].runs, size: nodes[index].size)
  }

  /// The bytes of a file that was added, read back from the image, before or after `finish`.
  /// - Returns: nil when there is no such file, or it is not a regular one.
  package func contents(of path: String) throws -> (any ByteSource)? {
    try place(of: path)?.source { [self] in try stream.read(cluster: $0) }
  }
}

/// A file's bytes, a cluster at a time.
private final class Ext4FileSource: ByteSource {
  private let read: (Int) throws -> [UInt8]
  private var runs: ArraySlice<Range<Int>>
  private var left: Int

  init(_ place: Ext4FilePlace, _ read: @escaping (Int) throws -> [UInt8]) {
    self.read = read
    runs = place.runs[...]
    left = place.size
  }

  func next() throws -> [UInt8] {
    guard left > 0, let run = runs.first else { return [] }
    let cluster = run.lowerBound / Ext4Geometry.blocksPerCluster
    let start = cluster * Ext4Geometry.blocksPerCluster
    let end = min(run.upperBound, start + Ext4Geometry.blocksPerCluster)
    let bytes = try read(cluster)
    let offset = (run.lowerBound - start) * Ext4Geometry.blockSize
    let count = min(left, (end - run.lowerBound) * Ext4Geometry.blockSize)
    runs = end == run.upperBound ? runs.dropFirst() : [end..<run.upperBound] + runs.dropFirst()
    left -= count
    return Array(bytes[offset..<offset + count])
  }
}
