import TestSupport
import Testing

@testable import Formats

/// What hostile bytes may cost at most. Work is counted, in bytes and reads, not timed.
@Suite struct LimitTests {
  /// Counts what a decoder hands on.
  private static func pieces(_ source: any ByteSource) -> (bytes: Int, error: FormatError?) {
    var count = 0
    do {
      try source.forEachPiece { count += $0.count }
    } catch {
      return (count, error as? FormatError)
    }
    return (count, nil)
  }

  @Test(
    "Zeros without end are a bomb after 200 times their packed size, or 16 MiB",
    arguments: [
      (Compression.gzip, "gzip -1", 100_000_000), (.zstd, "zstd -q -1", 1_000_000_000),
      (.xz, "xz -0", 50_000_000), (.bzip2, "bzip2 -1", 30_000_000),
    ])
  func bombs(_ compression: Compression, _ tool: String, _ count: Int) async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell("head -c \(count) /dev/zero | \(tool) >bomb", in: folder.path)
    let bomb = try folder.read("bomb")
    let most = max(LimitedSource.bombFloor, LimitedSource.bombRatio * bomb.count)
    try #require(most < count, "the judge packs too badly")
    let (bytes, error) = Self.pieces(
      LimitedSource(
        try compression.decode(MemorySource(bomb)), limit: 1 << 40, compressedSize: bomb.count))
    #expect(bytes <= most)
    #expect(error?.kind == .limit && error?.reason.contains("bomb") == true, "\(error as Any)")
    #expect(throws: FormatError.self) { try Compression.decompress(bomb, limit: 1 << 40) }
  }

  @Test("What unpacks to more than it may, but is no bomb")
  func limits() throws {
    let source = LimitedSource(MemorySource(noise(100)), limit: 99, compressedSize: 100)
    #expect(Self.pieces(source).error?.reason == "unpacks to more than 99 bytes")
    #expect(
      Self.pieces(LimitedSource(MemorySource(noise(99)), limit: 99, compressedSize: 9)).bytes == 99)
    // No product overflows.
    #expect(
      Self.pieces(LimitedSource(MemorySource([1]), limit: .max, compressedSize: .max)).bytes == 1)
  }

  /// A gzip file that unpacks to itself would never end for whoever unpacks until nothing is packed.
  @Test("What comes out is not decompressed again")
  func once() throws {
    let inner = try Compression.gzip.compress(Array("module".utf8))
    let outer = try Compression.gzip.compress(inner)
    #expect(try Compression.decompress(outer, limit: 1000) == inner)
    #expect(
      ModuleFacts(readingFile: outer, limit: 1000).problems.first?.reason == "not an ELF file")
  }

  @Test("Windows of 128 MiB are decoded, larger ones are not")
  func zstdWindow() {
    for (exponent, isFine) in [(17, true), (18, false), (31, false)] as [(UInt8, Bool)] {
      // RFC 8878, 3.1.1: a frame with a window descriptor, and one last raw block of one byte.
      let frame: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3, 0x09, 0, 0, 0x61]
      let result = try? Compression.decompress(frame, limit: 100)
      #expect((result == [0x61]) == isFine, "2^\(10 + Int(exponent))")
    }
  }

  @Test("Dictionaries that need more than 288 MiB are refused", arguments: [Compression.xz, .lzma])
  func xzDictionary(_ compression: Compression) async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      "echo hello | xz --format=\(compression == .xz ? "xz" : "lzma") >packed", in: folder.path)
    var packed = try folder.read("packed")
    #expect(
      try SourceReader(compression.decode(MemorySource(packed))).readToEnd(limit: 9).count == 6)
    if compression == .xz {
      // The .xz file format, 3.1 and 5.3.1: the dictionary's size, 4 GiB - 1, is the only property.
      try #require(packed[12] == 2 && packed[14] == 0x21)
      packed[16] = 40
      let checksum = CRC32.checksum(Array(packed[12..<20]))
      for index in 0..<4 {
        packed[20 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(8 * index))
      }
    } else {
      for index in 1...4 { packed[index] = 0xff }
    }
    let source = try compression.decode(MemorySource(packed))
    #expect(Self.pieces(source).error?.kind == .limit)
  }

  @Test("The parts of a path")
  func paths() throws {
    let name = String(repeating: "n", count: ArchivePath.nameLimit)
    #expect(try ArchivePath.normalize(name.utf8) == name)
    #expect(throws: FormatError.self) { try ArchivePath.normalize((name + "n").utf8) }
    let deep = Array(repeating: "d", count: ArchivePath.depthLimit).joined(separator: "/")
    #expect(try ArchivePath.normalize("./\(deep)/".utf8) == deep)
    #expect(throws: FormatError.self) { try ArchivePath.normalize("\(deep)/d".utf8) }
    let long = String(repeating: "./", count: 2047)
    #expect(try ArchivePath.normalize("\(long)x".utf8) == "x")
    #expect(throws: FormatError.self) { try ArchivePath.normalize("\(long)xx".utf8) }
  }

  @Test("A RAM disk of too many files")
  func newcEntries() throws {
    var writer = NewcWriter()
    try writer.add("a", .file([]), mode: 0o644, modified: 0)
    let entry = writer.take()
    var archive: [UInt8] = []
    archive.reserveCapacity(entry.count * (NewcReader.entryLimit + 1))
    for _ in 0...NewcReader.entryLimit { archive += entry }
    let reader = NewcReader(MemorySource(archive))
    var count = 0
    let error = #expect(throws: FormatError.self) { while try reader.next() != nil { count += 1 } }
    #expect(count == NewcReader.entryLimit && error?.kind == .limit)
  }

  /// Bytes that count how much of them is read.
  private final class Counted: RandomAccessBytes {
    let bytes: [UInt8]
    private(set) var read = 0
    var byteCount: Int { bytes.count }

    init(_ bytes: [UInt8]) {
      self.bytes = bytes
    }

    func bytes(in range: Range<Int>) -> ArraySlice<UInt8> {
      read += range.count
      return bytes[range]
    }
  }

  @Test("65,279 sections, each of them the whole file, are read a few times")
  func overlappingSections() {
    let count = 65_279
    var writer = ByteWriter()
    writer.append([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9))
    writer.littleEndian(1 as UInt16)
    writer.littleEndian(62 as UInt16)
    writer.littleEndian(1 as UInt32)
    writer.zeros(16)
    writer.littleEndian(64 as UInt64)  // e_shoff
    writer.zeros(10)
    writer.littleEndian(64 as UInt16)  // e_shentsize
    writer.littleEndian(UInt16(count))
    writer.littleEndian(1 as UInt16)
    let names: [String] = ["", ".modinfo", ".symtab", ".strtab", "__versions", "__ksymtab_strings"]
    var text: [UInt8] = []
    var offsets: [Int] = []
    for name in names {
      offsets.append(text.count)
      text += Array(name.utf8) + [0]
    }
    let size = 64 + count * 64 + text.count
    for index in 0..<count {
      let isNames = index == 1
      writer.littleEndian(UInt32(offsets[index % names.count]))
      writer.zeros(20)
      writer.littleEndian(UInt64(isNames ? size - text.count : 0))
      writer.littleEndian(UInt64(isNames ? text.count : size / 24 * 24))
      writer.zeros(24)
    }
    writer.append(text)
    let file = Counted(writer.bytes)
    let facts = ModuleFacts(reading: file)
    #expect(file.read <= 8 * size)
    #expect(facts.byteCount <= 8 * size)
  }

  @Test("A name that 65,536 symbols share is not copied so often")
  func overlappingNames() {
    let length = 1 << 16
    var table = ByteWriter()
    table.zeros(24)
    for _ in 0..<length {
      table.littleEndian(1 as UInt32)
      table.zeros(20)
    }
    let names: [UInt8] = [0] + [UInt8](repeating: 0x61, count: length) + [0]
    let module = ELFModuleBuilder(replaced: [".symtab": table.bytes, ".strtab": names]).bytes()
    let facts = ModuleFacts(reading: module)
    #expect(facts.byteCount <= module.count)
    #expect(facts.problems.contains { $0.kind == .limit })
  }

  @Test("100,000 links on a disk")
  func links() async throws {
    let folder = try TemporaryFolder()
    try rawImage(folder("disk"), size: 64 << 20) { writer in
      for index in 0..<100_000 {
        try writer.addSymbolicLink("/d/\(index)", to: "\(index + 1)", .plain())
      }
    }
    try await ImageTool.check(folder("disk"))
  }

  /// Whoever wrote an index chose how often a node is on the way to others.
  @Test("An index of one node that leads to itself is searched no longer than a real one")
  func circularIndex() {
    var index = ByteWriter()
    index.bigEndian(0xb007_f457 as UInt32)
    index.bigEndian(0x0002_0001 as UInt32)
    index.bigEndian(0x6000_000c as UInt32)
    index.byte(UInt8(ascii: "*"))
    index.byte(UInt8(ascii: "*") + 63)
    for _ in 0..<64 { index.bigEndian(0x6000_000c as UInt32) }
    let count = 2000
    index.bigEndian(UInt32(count))
    for _ in 0..<count {
      index.bigEndian(1 as UInt32)
      index.byte(0)
    }
    let found = IndexTrieReader.matches(Array("*".utf8), in: index.bytes.span)
    #expect(found.count <= 16 * index.bytes.count / 5)
  }

  /// A qcow2 image whose tables are all one, and an ext4 file with a block below each of them.
  @Test("Tables of a disk that are looked at once are not kept")
  func qcow2Tables() throws {
    let folder = try TemporaryFolder()
    let span = DiskImage.clusterSize * 8192
    let tables = 100
    var writer = ByteWriter()
    try Qcow2Header(
      size: span * tables, l1Count: tables, l1Offset: 65536, refcountTableOffset: 0,
      refcountTableClusters: 0, compression: .none
    ).write(to: &writer)
    writer.zeros(65536 - writer.bytes.count)
    for _ in 0..<tables { writer.bigEndian(131_072 as UInt64) }
    writer.zeros(131_072 - writer.bytes.count + 65536)
    let reader = try Qcow2Reader(InputFile(folder.write("image", writer.bytes)))
    for table in 0..<tables { #expect(try reader.read(at: table * span, count: 1) == [0]) }
    #expect(reader.keptTables <= 64)
  }
}
