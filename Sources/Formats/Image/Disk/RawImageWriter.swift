/// A disk as it is, byte for byte, with holes where it has zeros.
package final class RawImageWriter: DiskImageWriter {
  private let file: OutputFile
  private var written: Set<Int> = []
  private var isFinished = false

  /// - Parameter file: gets the image; the caller commits it after `finish`.
  package init(_ file: OutputFile) {
    self.file = file
  }

  package func write(_ bytes: [UInt8], cluster: Int) throws {
    try DiskImage.check(bytes, cluster: cluster)
    guard !isFinished else { throw FormatError(.malformed, "the image is finished") }
    if bytes.isAllZero { return }
    guard written.insert(cluster).inserted else {
      throw FormatError(.malformed, "cluster \(cluster) is written twice")
    }
    try file.write(bytes, at: cluster * DiskImage.clusterSize)
  }

  package func read(cluster: Int) throws -> [UInt8] {
    try DiskImage.check(cluster: cluster)
    var bytes =
      written.contains(cluster)
      ? try file.read(at: cluster * DiskImage.clusterSize, count: DiskImage.clusterSize) : []
    bytes.append(contentsOf: repeatElement(0, count: DiskImage.clusterSize - bytes.count))
    return bytes
  }

  package func finish(size: Int) throws {
    try DiskImage.check(size: size)
    guard !isFinished else { throw FormatError(.malformed, "the image is finished") }
    isFinished = true
    try file.truncate(to: size)
  }
}
