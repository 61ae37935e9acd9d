internal import Synchronization

/// Compresses and decompresses single clusters, on several threads at once.
final class ClusterCodec: Sendable {
  private let compression: Qcow2Compression
  /// Contexts that no thread is using now: making one costs more than compressing a cluster.
  private let idle = Mutex<[any ClusterCompressor]>([])

  init(_ compression: Qcow2Compression) {
    self.compression = compression
  }

  /// - Returns: nil when the cluster does not shrink.
  func compress(_ cluster: [UInt8]) throws(FormatError) -> [UInt8]? {
    guard let compressor = try takeCompressor() else { return nil }
    defer { idle.withLock { $0.append(compressor) } }
    return try compressor.compress(cluster)
  }

  /// The cluster that `bytes` begins with; what follows its end is ignored.
  func decompress(_ bytes: [UInt8]) throws(FormatError) -> [UInt8] {
    let cluster: [UInt8]
    switch compression {
    case .zstd: cluster = try ZstdClusterCompressor.decompress(bytes)
    case .zlib: cluster = try DeflateClusterCompressor.decompress(bytes)
    case .none:
      throw FormatError(.malformed, "a compressed cluster in an image without compression")
    }
    guard cluster.count == DiskImage.clusterSize else {
      throw FormatError(.malformed, "a compressed cluster holds \(cluster.count) bytes")
    }
    return cluster
  }

  private func takeCompressor() throws(FormatError) -> (any ClusterCompressor)? {
    if let compressor = idle.withLock({ $0.popLast() }) { return compressor }
    switch compression {
    case .zstd(let level): return try ZstdClusterCompressor(level: level)
    case .zlib(let level): return try DeflateClusterCompressor(level: level)
    case .none: return nil
    }
  }
}

/// One thread's compressor at a time.
protocol ClusterCompressor: AnyObject, Sendable {
  /// - Returns: nil when the result would not be smaller than `cluster`.
  func compress(_ cluster: [UInt8]) throws(FormatError) -> [UInt8]?
}
