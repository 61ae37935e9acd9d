import Formats
import TestSupport
import Testing

@Suite struct CompressionTests {
  /// Compressible, and longer than a piece of any source.
  static let sample: [UInt8] = {
    var generator = SeededGenerator(seed: 1)
    var bytes: [UInt8] = []
    while bytes.count < 3_000_000 {
      bytes.append(contentsOf: "block \(UInt16.random(in: 0...999, using: &generator)) ".utf8)
      if bytes.count % 5 == 0 { bytes.append(UInt8.random(in: 0...255, using: &generator)) }
    }
    return bytes
  }()

  @Test(
    "What the field's tools compress is decompressed",
    arguments: [
      (Compression.gzip, "gzip -c"), (.xz, "xz -c -T2 --block-size=200000"),
      (.xz, "xz -c -C crc32"),
      (.zstd, "zstd -q -c"), (.bzip2, "bzip2 -c"), (.lzma, "xz -c --format=lzma"),
      (.lz4, "lz4 -q -l -c"),
    ])
  func decodes(_ compression: Compression, _ tool: String) async throws {
    let folder = try TemporaryFolder()
    try folder.write("in", Self.sample)
    try await Tool.shell("\(tool) <in >out", in: folder.path)
    let packed = try folder.read("out")
    for jobs in [1, 4] {
      let source = try compression.decode(MemorySource(packed), jobs: jobs)
      #expect(try SourceReader(source).readToEnd(limit: 1 << 30) == Self.sample)
    }
    if compression != .lzma {
      #expect(Compression.detect(packed) == compression)
      #expect(try Compression.decompress(packed, limit: 1 << 30) == Self.sample)
    }
  }

  /// The tools that read what is written.
  private static let decompressors = [
    (Compression.gzip, "gzip -dc"), (.xz, "xz -dc"), (.zstd, "zstd -dqc"), (.lz4, "lz4 -dc"),
  ]

  @Test(
    "What is compressed is decompressed by the field's tools",
    arguments: decompressors)
  func encodes(_ compression: Compression, _ tool: String) async throws {
    let folder = try TemporaryFolder()
    for bytes in [Self.sample, []] {
      try folder.write("in", compression.compress(bytes))
      try await Tool.shell("\(tool) <in >out", in: folder.path)
      #expect(try folder.read("out") == bytes)
    }
  }

  /// 111 bytes as each entry of a newc archive begins.
  private static let newcHeader = Array(
    ("070701000000010000 41ED".filter { $0 != " " } + String(repeating: "0", count: 23) + "1"
      + String(repeating: "0", count: 54) + "lib").utf8)

  @Test("A zstd frame of two parts is decompressed by zstd, and finds what is far away in each")
  func encodesInParts() async throws {
    let folder = try TemporaryFolder()
    let noise = noise(3 << 20)
    let text = Array(Self.sample.prefix(200_000))
    let zeros = [UInt8](repeating: 0, count: 300_000)
    let (long, header) = (noise + [1] + noise.prefix(900_000), Self.newcHeader)
    let frame = ZstdFrame(windowSize: (4 << 20) - 1)
    for (start, end, limit) in [
      (long, header + long, 2 * noise.count + 2000), (text, header + text, 2 * text.count),
      ([], header, 200), ([7], header + zeros, 200), (zeros, zeros, 200), (text, zeros, text.count),
      (header, header + header, 300),
    ] {
      let bytes = start + end
      let whole = try frame.end(end) { try frame.start(start) }
      #expect(whole.count < limit)
      try folder.write("in", whole)
      try await Tool.shell("zstd -dqc <in >out", in: folder.path)
      #expect(try folder.read("out") == bytes)
      #expect(try Compression.decompress(whole, limit: bytes.count) == bytes)
      // The kernel allocates the window.
      let list = try await Tool.shell("cp in in.zst; zstd -lv in.zst 2>&1", in: folder.path)
      #expect(list.contains("Window Size: 4.00 MiB") && list.contains("Check: XXH64"), "\(list)")
      #expect(list.contains("(\(bytes.count) B)"), "\(list)")
    }
    for end in [
      [], text, Array(zeros.prefix(18)), Array(zeros.prefix(18)) + [1] + zeros.prefix(18),
    ] {
      #expect(throws: FormatError.self) { try frame.end(end) { try frame.start([]) } }
    }
  }

  @Test(
    "The smallest forms, too; xz as Linux reads it",
    arguments: decompressors)
  func encodesSmallest(_ compression: Compression, _ tool: String) async throws {
    let folder = try TemporaryFolder()
    for bytes in [Self.sample, []] {
      for hasX86Filter in [false, true] {
        let one = try compression.compressSmallest(bytes, hasX86Filter: hasX86Filter)
        // Between xz's levels there is more chance than order in data like this.
        if !bytes.isEmpty, compression != .xz {
          #expect(try one.count < compression.compress(bytes).count)
        }
        try folder.write("in", one)
        try await Tool.shell("\(tool) <in >out", in: folder.path)
        #expect(try folder.read("out") == bytes)
        guard compression == .xz, !bytes.isEmpty else { continue }
        let list = try await Tool.shell("xz -lvv in", in: folder.path)
        #expect(list.contains("CRC32") && list.contains("--x86") == hasX86Filter, "\(list)")
        // No more than the data needs: the kernel allocates it in a machine that may be small.
        #expect(list.contains("dict=3MiB"), "\(list)")
      }
    }
  }

  @Test("Damaged lz4 is an error or other bytes, never a trap; a cut block is an error")
  func damagedLZ4() throws {
    let packed = try Compression.lz4.compress(Array(Self.sample.prefix(100_000)))
    for length in stride(from: 5, to: packed.count, by: packed.count / 40) {
      #expect(throws: FormatError.self) { try Self.decode(Array(packed[..<length]), .lz4) }
    }
    var generator = SeededGenerator(seed: 9)
    for _ in 0..<500 {
      var mutated = packed
      mutated[Int.random(in: 4..<packed.count, using: &generator)] ^= UInt8.random(
        in: 1...255, using: &generator)
      _ = try? Self.decode(mutated, .lz4)
    }
  }

  @Test("xz has the check that the kernel knows")
  func xzCheck() async throws {
    let folder = try TemporaryFolder()
    try folder.write("in.xz", try Compression.xz.compress(Self.sample))
    #expect(try await Tool.output("xz", ["-l", folder("in.xz")]).contains("CRC32"))
  }

  @Test(
    "Members that follow each other are one",
    arguments: [Compression.gzip, .zstd, .bzip2, .xz, .lz4])
  func concatenated(_ compression: Compression) async throws {
    let tool = [
      "gzip": "gzip", "zstd": "zstd -q", "bzip2": "bzip2", "xz": "xz", "lz4": "lz4 -q -l",
    ]
    let folder = try TemporaryFolder()
    try await Tool.shell(
      "(echo a | \(tool[compression.rawValue] ?? "") -c; echo b | \(tool[compression.rawValue] ?? "") -c) >out",
      in: folder.path)
    let bytes = try Compression.decompress(try folder.read("out"), limit: 100)
    #expect(bytes == Array("a\nb\n".utf8))
  }

  @Test(
    "Damage and a missing end are errors, never a trap or a short result",
    arguments: [Compression.gzip, .xz, .zstd, .bzip2])
  func damaged(_ compression: Compression) async throws {
    let folder = try TemporaryFolder()
    try folder.write("in", Self.sample.prefix(100_000))
    let tool = compression == .gzip ? "gzip" : compression.rawValue
    try await Tool.shell("\(tool) -c <in >out", in: folder.path)
    let packed = try folder.read("out")
    for length in stride(from: 8, to: packed.count, by: packed.count / 40) {
      #expect(throws: FormatError.self) {
        try Self.decode(Array(packed[..<length]), compression)
      }
    }
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<200 {
      var mutated = packed
      mutated[Int.random(in: 6..<packed.count, using: &generator)] ^= UInt8.random(
        in: 1...255, using: &generator)
      // A flip may be harmless (a header's time); what comes out then is what went in.
      if let result = try? Self.decode(mutated, compression), compression != .zstd {
        #expect(result == Array(Self.sample.prefix(100_000)))
      }
    }
    #expect(throws: FormatError.self) { try Compression.decompress(packed, limit: 99_999) }
  }

  static func decode(_ bytes: [UInt8], _ compression: Compression) throws -> [UInt8] {
    try SourceReader(compression.decode(MemorySource(bytes))).readToEnd(limit: 1 << 24)
  }
}
