/// A qcow2 image of its own (no backing file, no encryption, no data file), with clusters of 64 KiB.
///
/// qcow2 specification: QEMU, docs/interop/qcow2, "Header" and "Cluster mapping".
package final class Qcow2Reader: DiskImageReader {
  private static let clusterSize = DiskImage.clusterSize
  /// L2 tables that are kept, each of 64 KiB and for 512 MiB of the disk: a small image may have
  /// thousands that are all one.
  private static let tableLimit = 64

  package let size: Int
  private let file: InputFile
  private let codec: ClusterCodec
  private let l1: [UInt64]
  private var l2Tables: [Int: [UInt64]] = [:]
  var keptTables: Int { l2Tables.count }
  /// The clusters that were read last: a file's blocks lie together.
  private var recent: [(cluster: Int, bytes: [UInt8])] = []

  package init(_ file: InputFile) throws {
    self.file = file
    let header = try Qcow2Header(reading: file.read(at: 0, count: Qcow2Header.length))
    size = header.size
    codec = ClusterCodec(header.compression)
    let tableSpan = Self.clusterSize * Qcow2Map.l2Entries
    let needed = (size + tableSpan - 1) / tableSpan
    guard header.l1Count >= needed, needed <= 1 << 22 else {
      throw FormatError(.malformed, "the L1 table has \(header.l1Count) entries", offset: 36)
    }
    l1 = try Self.table(file, at: header.l1Offset, count: needed)
  }

  package func read(at offset: Int, count: Int) throws -> [UInt8] {
    try DiskImage.check(offset, count, size: size)
    var result: [UInt8] = []
    result.reserveCapacity(count)
    var position = offset
    while position < offset + count {
      let start = position % Self.clusterSize
      let length = min(Self.clusterSize - start, offset + count - position)
      result += try cluster(position / Self.clusterSize)[start..<start + length]
      position += length
    }
    return result
  }

  private func cluster(_ number: Int) throws -> [UInt8] {
    if let known = recent.first(where: { $0.cluster == number }) { return known.bytes }
    let bytes = try load(number)
    if recent.count == 8 { recent.removeFirst() }
    recent.append((number, bytes))
    return bytes
  }

  private func load(_ number: Int) throws -> [UInt8] {
    let entry = try l2Table(number / Qcow2Map.l2Entries)?[number % Qcow2Map.l2Entries] ?? 0
    switch Qcow2Map.place(entry) {
    case .absent: return [UInt8](repeating: 0, count: Self.clusterSize)
    case .plain(let offset):
      // The zero flag: "all zeroes, whatever the offset says".
      if entry & 1 != 0 { return [UInt8](repeating: 0, count: Self.clusterSize) }
      // The file may end within the disk's last cluster.
      var bytes = try file.read(at: offset, count: Self.clusterSize)
      bytes += [UInt8](repeating: 0, count: Self.clusterSize - bytes.count)
      return bytes
    case .compressed(let offset, let count):
      return try codec.decompress(file.read(at: offset, count: count))
    }
  }

  private func l2Table(_ index: Int) throws -> [UInt64]? {
    if let table = l2Tables[index] { return table }
    let offset = Int(l1[index] & Qcow2Map.plainOffset)
    guard offset != 0 else { return nil }
    let table = try Self.table(file, at: offset, count: Qcow2Map.l2Entries)
    if l2Tables.count == Self.tableLimit { l2Tables = [:] }
    l2Tables[index] = table
    return table
  }

  private static func table(_ file: InputFile, at offset: Int, count: Int) throws -> [UInt64] {
    var reader = ByteReader(try file.read(at: offset, count: count * 8))
    var table: [UInt64] = []
    for _ in 0..<count { table.append(try reader.bigEndian()) }
    return table
  }
}
