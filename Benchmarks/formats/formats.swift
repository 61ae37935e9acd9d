// Codecs and writers, each on a megabyte that is the same everywhere: `make bench-micro`. Instructions are
// counted where the machine has counters; many virtual machines have none.
import Benchmark
import Formats

/// Text and noise in turn, as a kernel module is partly code and partly names. SplitMix64.
private func sample(_ count: Int) -> [UInt8] {
  var state: UInt64 = 1
  var bytes: [UInt8] = []
  while bytes.count < count {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    bytes += "symbol_\(mixed % 997) ".utf8
    withUnsafeBytes(of: mixed.littleEndian) { bytes += $0 }
  }
  return Array(bytes.prefix(count))
}

/// Reads a source to its end.
private func drain(_ source: any ByteSource) throws -> Int {
  var count = 0
  try source.forEachPiece { count += $0.count }
  return count
}

/// A newc archive of these files.
private func archive(_ files: [[UInt8]]) throws -> [UInt8] {
  var writer = NewcWriter()
  for (number, bytes) in files.enumerated() {
    try writer.add("file\(number)", .file(bytes), mode: 0o644, modified: 0)
  }
  return try writer.finish()
}

/// Written into the current folder, where nothing is left of it.
private func image(_ path: String, _ compression: Qcow2Compression, _ clusters: [[UInt8]]) throws {
  let writer = Qcow2Writer(try OutputFile(replacing: path), compression: compression, jobs: 1)
  for (number, cluster) in clusters.enumerated() { try writer.write(cluster, cluster: number) }
  try writer.finish(size: clusters.count << 16)
}

let benchmarks: @Sendable () -> Void = {
  Benchmark.defaultConfiguration = .init(
    metrics: [.instructions, .wallClock], maxDuration: .seconds(2), maxIterations: 200)
  let megabyte = sample(1 << 20)
  let clusters = (0..<16).map { Array(megabyte[($0 << 16)..<(($0 + 1) << 16)]) }

  for compression in [Compression.xz, .zstd, .gzip, .lz4] {
    guard let packed = try? compression.compress(megabyte) else { continue }
    Benchmark("\(compression.rawValue) decode, 1 MiB") { _ in
      blackHole(try drain(compression.decode(MemorySource(packed))))
    }
  }
  Benchmark("zstd RAM disk, 1 MiB") { _ in blackHole(try Compression.zstd.compress(megabyte)) }
  for (name, compression) in [("zstd", Qcow2Compression.zstd), ("zlib", .zlib), ("no", .none)] {
    Benchmark("qcow2, 16 clusters, \(name) compression") { _ in
      try image("minivm-bench.qcow2", compression, clusters)
    }
  }
  Benchmark("CRC32C, 1 MiB") { _ in blackHole(CRC32C.update(0, megabyte)) }
  Benchmark("newc, 256 files of 4 KiB") { _ in
    blackHole(try archive(Array(repeating: Array(megabyte.prefix(4096)), count: 256)))
  }
}
