import Formats
import TestSupport
import Testing

@Suite struct Qcow2Tests {
  static let compressions: [Qcow2Compression] = [
    .zstd, .zlib, .none, .zstd(level: 1), .zlib(level: 9),
  ]

  /// Clusters that shrink, that do not, that are zeros; in no order; the last table far away.
  private static let clusters: [(index: Int, bytes: [UInt8])] = {
    var result: [(Int, [UInt8])] = []
    for index in 0..<300 {
      let place = (index * 7919) % 997
      let bytes: [UInt8] =
        switch index % 4 {
        case 0: noise(65536, seed: UInt64(index))
        case 1: [UInt8](repeating: 0, count: 65536)
        case 2: [UInt8](repeating: UInt8(index % 251 + 1), count: 65536)
        default:
          noise(index * 200, seed: UInt64(index))
            + [UInt8](repeating: 0, count: 65536 - index * 200)
        }
      result.append((place, bytes))
    }
    result.append((100_000, noise(65000) + [UInt8](repeating: 0, count: 536)))
    return result
  }()

  private func fill(_ image: any DiskImageWriter, size: Int) throws {
    for (index, bytes) in Self.clusters { try image.write(bytes, cluster: index) }
    for (index, bytes) in Self.clusters { #expect(try image.read(cluster: index) == bytes) }
    #expect(try image.read(cluster: 5000).allSatisfy { $0 == 0 })
    try image.finish(size: size)
    for (index, bytes) in Self.clusters { #expect(try image.read(cluster: index) == bytes) }
  }

  @Test(arguments: compressions)
  func qemuReadsWhatWasWritten(compression: Qcow2Compression) async throws {
    let folder = try TemporaryFolder()
    let size = 100_001 * 65536 - 512
    let raw = try OutputFile(replacing: folder("raw"))
    try fill(RawImageWriter(raw), size: size)
    try raw.commit()
    let file = try OutputFile(replacing: folder("qcow2"))
    try fill(Qcow2Writer(file, compression: compression, jobs: 2), size: size)
    try file.commit()
    try await ImageTool.checkQcow2(folder("qcow2"))
    let compare = try await Tool.run(
      "qemu-img", ["compare", "-f", "raw", "-F", "qcow2", folder("raw"), folder("qcow2")])
    #expect(compare.status == 0 && compare.output.contains("identical"), "\(compare.output)")
    let info = try await Tool.run("qemu-img", ["info", "-f", "qcow2", folder("qcow2")]).output
    var type = "zlib"
    if case .zstd = compression { type = "zstd" }
    #expect(info.contains("compression type: \(type)"))
    #expect(info.contains("corrupt: false"))
  }

  @Test func levelsThatZlibHasNot() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: FormatError.self) {
      let writer = Qcow2Writer(
        try OutputFile(replacing: folder("a")), compression: .zlib(level: 42), jobs: 2)
      try writer.write([UInt8](repeating: 1, count: 1 << 16), cluster: 0)
      try writer.finish(size: 1 << 20)
    }
    #expect(error?.kind == .limit)
  }

  @Test(
    "From 1 MiB to 1 TiB", arguments: [1 << 20, 1 << 29, 1 << 34, 1 << 40], compressions.prefix(3))
  func sizes(size: Int, compression: Qcow2Compression) async throws {
    let folder = try TemporaryFolder()
    let last = size / 65536 - 1
    let clusters = [
      (0, noise(65536)), (1, [UInt8](repeating: 7, count: 65536)),
      (last / 2, noise(30000) + [UInt8](repeating: 0, count: 35536)),
      (last - 1, [UInt8](repeating: 0, count: 65536)),
      (last, noise(65536, seed: 2)),
    ]
    func write(_ name: String, _ image: (OutputFile) -> any DiskImageWriter) throws {
      let file = try OutputFile(replacing: folder(name))
      let image = image(file)
      for (index, bytes) in clusters { try image.write(bytes, cluster: index) }
      try image.finish(size: size)
      try file.commit()
    }
    try write("qcow2") { Qcow2Writer($0, compression: compression, jobs: 2) }
    try await ImageTool.checkQcow2(folder("qcow2"))
    try write("raw") { RawImageWriter($0) }
    let compare = try await Tool.run(
      "qemu-img", ["compare", "-f", "raw", "-F", "qcow2", folder("raw"), folder("qcow2")])
    #expect(compare.status == 0 && compare.output.contains("identical"), "\(compare.output)")
    let reader = try DiskImage.open(InputFile(folder("qcow2")))
    #expect(reader.size == size)
    for (index, bytes) in clusters {
      #expect(try reader.read(at: index * 65536, count: 65536) == bytes)
    }
  }

  /// A guest that writes to a compressed image: the refcounts must bear it.
  @Test func qemuWritesOverIt() async throws {
    let folder = try TemporaryFolder()
    let file = try OutputFile(replacing: folder("qcow2"))
    try fill(Qcow2Writer(file, jobs: 2), size: 100_001 * 65536)
    try file.commit()
    for index in 0..<300 {
      let io = try await Tool.run(
        "qemu-io",
        ["-f", "qcow2", "-c", "write -P 7 \(index * 65536 * 3 + 4096) 8192", folder("qcow2")])
      #expect(io.status == 0, "\(io.output)")
    }
    try await ImageTool.checkQcow2(folder("qcow2"))
  }

  @Test(arguments: [Qcow2Compression.zstd, .zlib])
  func theNumberOfJobsDoesNotShow(compression: Qcow2Compression) throws {
    let folder = try TemporaryFolder()
    for jobs in [1, 8] {
      let file = try OutputFile(replacing: folder("\(jobs)"))
      let image = Qcow2Writer(file, compression: compression, jobs: jobs)
      for (index, bytes) in Self.clusters { try image.write(bytes, cluster: index) }
      try image.finish(size: 100_001 * 65536)
      try file.commit()
    }
    #expect(
      try InputFile(folder("1")).readAll(limit: 1 << 30)
        == InputFile(folder("8")).readAll(limit: 1 << 30))
  }

  /// A window of more than 4 KiB can't be read by everyone.
  @Test func theDeflateWindowIsSmall() throws {
    let folder = try TemporaryFolder()
    let file = try OutputFile(replacing: folder("qcow2"))
    let image = Qcow2Writer(file, compression: .zlib, jobs: 1)
    let block = noise(8192)
    // Repeats only at a distance of 8 KiB: a window of 4 KiB finds none of them.
    try image.write((0..<8).flatMap { _ in block }, cluster: 0)
    try image.finish(size: 65536)
    try file.commit()
    #expect(try InputFile(folder("qcow2")).size >= 5 * 65536)
  }

  @Test(arguments: [true, false])
  func whatNoImageMayHave(isRaw: Bool) throws {
    let folder = try TemporaryFolder()
    func image() throws -> any DiskImageWriter {
      let file = try OutputFile(replacing: folder("image"))
      return isRaw ? RawImageWriter(file) : Qcow2Writer(file, jobs: 2)
    }
    let cluster = noise(65536)
    #expect(throws: FormatError.self) { try image().write([1, 2, 3], cluster: 0) }
    #expect(throws: FormatError.self) { try image().write(cluster, cluster: -1) }
    #expect(throws: FormatError.self) { try image().write(cluster, cluster: .max) }
    #expect(throws: FormatError.self) { try image().read(cluster: -1) }
    for size in [0, -512, 513, Int.max] {
      #expect(throws: FormatError.self) { try image().finish(size: size) }
    }
    #expect(throws: FormatError.self) {
      let image = try image()
      try image.write(cluster, cluster: 3)
      try image.write(cluster, cluster: 3)
      try image.finish(size: 1 << 20)
    }
    #expect(throws: FormatError.self) {
      let image = try image()
      try image.finish(size: 1 << 20)
      try image.write(cluster, cluster: 3)
    }
    #expect(throws: FormatError.self) {
      let image = try image()
      try image.finish(size: 1 << 20)
      try image.finish(size: 1 << 20)
    }
  }

  @Test func anImageWithNothingInIt() async throws {
    let folder = try TemporaryFolder()
    for size in [512, 1 << 20, 20 << 30] {
      let file = try OutputFile(replacing: folder("image"))
      try Qcow2Writer(file, jobs: 1).finish(size: size)
      try file.commit()
      try await ImageTool.checkQcow2(folder("image"))
    }
  }
}
