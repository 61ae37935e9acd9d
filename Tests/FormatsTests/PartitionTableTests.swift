import Formats
import TestSupport
import Testing

/// UUIDs and names of partitions, judged by blkid.
@Suite struct PartitionTableTests {
  static let tables = [
    "label: gpt\nsize=2048, name=\"the root\"\nsize=4096, name=\"Wurzel-\u{1F333}-äö\"\n,",
    "label: gpt\ntable-length: 8\n2 : size=2048\n5 : size=2048, name=five",
    "label: dos\nlabel-id: 0xcafe0123\nsize=2048\nsize=20480, type=5\nsize=2048\nsize=2048\n",
    "label: dos\n, 2048\n",
  ]

  @Test("GPT and MBR", arguments: tables, [false, true])
  func partitions(_ table: String, isPrimaryDamaged: Bool) async throws {
    guard !isPrimaryDamaged || table.contains("gpt") else { return }
    let folder = try TemporaryFolder()
    try folder.write("table", table.utf8)
    try await Tool.shell("truncate -s 32M disk; sfdisk -q disk <table", in: folder.path)
    let numbers = try await Tool.shell("sfdisk -qlo device disk", in: folder.path)
      .split(separator: "\n").dropFirst().compactMap { Int($0.drop { !$0.isNumber }) }
    #expect(!numbers.isEmpty)
    let whole = try FileDisk(folder("disk")).read(at: 0, count: 32 << 20)
    let isGPT = table.contains("gpt")
    var bytes = whole
    // The backup at the disk's end then counts, as it does for the kernel with `gpt` on its command line.
    if isPrimaryDamaged { bytes[512 + 72] ^= 1 }
    let reader = try #require(PartitionTable(reading: MemoryDisk(bytes), sectorSize: 512))
    for number in numbers {
      let entry = try #require(reader.entry(number))
      if isGPT {
        let uuid = try await Tool.output("sfdisk", ["--part-uuid", folder("disk"), "\(number)"])
        let name = try await Tool.output("sfdisk", ["--part-label", folder("disk"), "\(number)"])
        #expect(String(decoding: entry.uuid, as: UTF8.self) + "\n" == uuid.lowercased())
        #expect(String(decoding: entry.name, as: UTF8.self) + "\n" == (name.isEmpty ? "\n" : name))
      } else {
        let id = try await Tool.output("sfdisk", ["--disk-id", folder("disk")])
        let digits = String(id.dropFirst(2).dropLast())
        let hex = (number < 16 ? "0" : "") + String(number, radix: 16)
        #expect(String(decoding: entry.uuid, as: UTF8.self) == "\(digits)-\(hex)")
      }
    }
    #expect(reader.entry(0) == nil)
    if isGPT { #expect(reader.entry((numbers.max() ?? 0) + 1) == nil) }
  }

  @Test("Sectors of 4096 bytes")
  func largeSectors() async throws {
    let folder = try TemporaryFolder()
    try folder.write(
      "table",
      "label: gpt\nsize=64, uuid=A1B2C3D4-1122-3344-5566-77889900AABB, name=x\n".utf8)
    try await Tool.shell("truncate -s 4M disk; sfdisk -q disk <table", in: folder.path)
    let small = try FileDisk(folder("disk")).read(at: 0, count: 4 << 20)
    // The same sectors, each with more room behind it.
    var large = small.prefix(512) + [UInt8](repeating: 0, count: 4096 - 512)
    large += small[512..<1024] + [UInt8](repeating: 0, count: 4096 - 512)
    large += small[1024..<1024 + 128 * 128]
    let entry = PartitionTable(reading: MemoryDisk(Array(large)), sectorSize: 4096)?.entry(1)
    #expect(entry?.uuid == Array("a1b2c3d4-1122-3344-5566-77889900aabb".utf8))
    #expect(entry?.name == [UInt8(ascii: "x")])
  }

  @Test("Damaged tables give an answer, whatever it is")
  func damaged() async throws {
    let folder = try TemporaryFolder()
    var random = SeededGenerator(seed: 42)
    for table in Self.tables {
      try folder.write("table", table.replacing("20480", with: "6144").utf8)
      try await Tool.shell(
        "rm -f disk; truncate -s 6M disk; sfdisk -q disk <table", in: folder.path)
      let disk = try FileDisk(folder("disk")).read(at: 0, count: 6 << 20)
      for _ in 0..<300 {
        var bytes = disk
        for _ in 0...Int.random(in: 0...4, using: &random) {
          bytes[Int.random(in: 440..<1200, using: &random)] = UInt8.random(
            in: 0...255, using: &random)
        }
        let size = [512, 4096, 1, 0, -1, 1 << 40].randomElement(using: &random) ?? 512
        let reader = PartitionTable(reading: MemoryDisk(bytes), sectorSize: size)
        for number in [1, 2, 128, 255, 1 << 30, Int.max, -1] { _ = reader?.entry(number) }
      }
    }
  }
}
