/// Which host cluster holds what: the L2 tables and the refcounts of an image that is being written.
///
/// qcow2 specification, "Cluster mapping" and "Host cluster management".
struct Qcow2Map {
  private static let clusterSize = DiskImage.clusterSize
  /// Entries of one L2 table, and of one refcount block: each fills a cluster.
  static let l2Entries = clusterSize / 8
  static let refcountBlockEntries = clusterSize / 2
  private static let copied: UInt64 = 1 << 63
  private static let compressed: UInt64 = 1 << 62
  /// Bits of the host offset in an entry of an L1 table, and of a plain cluster.
  static let plainOffset: UInt64 = 0x00ff_ffff_ffff_fe00
  /// Bits of the host offset in the entry of a compressed cluster: 62 - (cluster_bits - 8).
  private static let offsetBits: UInt64 = 54

  /// Refcounts by host cluster; host cluster 0 is the header.
  private(set) var refcounts: [UInt16] = [1]
  /// L2 tables by L1 index, for those that have an entry.
  private(set) var l2Tables: [Int: [UInt64]] = [:]
  /// The unused rest of the host cluster that was begun last by compressed bytes.
  private var rest = 0..<0

  /// Where a cluster is in the file.
  enum Place: Equatable {
    case absent
    case plain(offset: Int)
    /// `count` runs to the end of the last sector, so it may be more than the cluster takes.
    case compressed(offset: Int, count: Int)
  }

  func place(of cluster: Int) -> Place {
    guard let entry = l2Tables[cluster / Self.l2Entries]?[cluster % Self.l2Entries], entry != 0
    else { return .absent }
    return Self.place(entry)
  }

  /// What an entry of an L2 table says.
  static func place(_ entry: UInt64) -> Place {
    if entry == 0 { return .absent }
    if entry & Self.compressed == 0 {
      return .plain(offset: Int(entry & Self.plainOffset))
    }
    let offset = Int(entry & (1 << Self.offsetBits - 1))
    let sectors = Int((entry & ~Self.compressed & ~Self.copied) >> Self.offsetBits) + 1
    return .compressed(offset: offset, count: sectors * 512 - offset % 512)
  }

  /// - Returns: `count` new host clusters' byte offset.
  mutating func allocate(clusters count: Int) -> Int {
    defer { refcounts.append(contentsOf: repeatElement(1, count: count)) }
    return refcounts.count * Self.clusterSize
  }

  /// - Returns: the byte offset for a cluster that is stored as it is.
  mutating func addPlain(cluster: Int) throws(FormatError) -> Int {
    let offset = allocate(clusters: 1)
    try set(UInt64(offset) | Self.copied, for: cluster)
    return offset
  }

  /// - Returns: the byte offset for a compressed cluster, right behind the one before where it can be.
  mutating func addCompressed(cluster: Int, count: Int) throws(FormatError) -> Int {
    if count > rest.count {
      let next = refcounts.count * Self.clusterSize
      if rest.upperBound != next { rest = next..<next }  // a plain cluster is in between
      refcounts.append(0)
      rest = rest.lowerBound..<next + Self.clusterSize
    }
    let offset = rest.lowerBound
    rest = offset + count..<rest.upperBound
    for host in offset / Self.clusterSize...(offset + count - 1) / Self.clusterSize {
      guard refcounts[host] < .max else {
        throw FormatError(.overflow, "too many compressed clusters in one host cluster")
      }
      refcounts[host] += 1
    }
    let sectors = (offset + count - 1) / 512 - offset / 512
    try set(
      UInt64(offset) | UInt64(sectors) << Self.offsetBits | Self.compressed, for: cluster)
    return offset
  }

  private mutating func set(_ entry: UInt64, for cluster: Int) throws(FormatError) {
    let table = cluster / Self.l2Entries
    let index = cluster % Self.l2Entries
    if l2Tables[table] == nil {
      l2Tables[table] = [UInt64](repeating: 0, count: Self.l2Entries)
    }
    guard l2Tables[table]?[index] == 0 else {
      throw FormatError(.malformed, "cluster \(cluster) is written twice")
    }
    l2Tables[table]?[index] = entry
  }
}
