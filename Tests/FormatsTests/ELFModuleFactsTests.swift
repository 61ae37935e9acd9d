import Formats
import TestSupport
import Testing

@Suite struct ELFModuleFactsTests {
  static let kinds = [(true, true), (true, false), (false, true), (false, false)]

  private func builder(is64Bit: Bool = true, isLittleEndian: Bool = true) -> ELFModuleBuilder {
    ELFModuleBuilder(
      is64Bit: is64Bit, isLittleEndian: isLittleEndian,
      information: ["license=GPL", "alias=pci:v1", "alias=fs-x", "softdep=pre: y"],
      exports: ["first", "second"], needs: ["printk", ".dotted"], versions: ["printk", "later"])
  }

  private func texts(_ strings: ByteStrings) -> [String] {
    strings.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test(arguments: kinds) func classesAndByteOrders(is64Bit: Bool, isLittleEndian: Bool) {
    let facts = ModuleFacts(
      reading: builder(is64Bit: is64Bit, isLittleEndian: isLittleEndian).bytes())
    #expect(facts.problems.isEmpty)
    #expect(
      facts.values(of: "alias").map { String(decoding: $0, as: UTF8.self) } == ["pci:v1", "fs-x"])
    #expect(texts(facts.exports) == ["first", "second"])
    #expect(texts(facts.needs) == ["printk", "dotted", "printk", "later"])
  }

  @Test func exportStringsCountOnlyWithoutChecksums() {
    var module = builder()
    module.exportStrings = ["other"]
    #expect(texts(ModuleFacts(reading: module.bytes()).exports) == ["first", "second"])
    module.exports = []
    #expect(texts(ModuleFacts(reading: module.bytes()).exports) == ["other"])
  }

  @Test func registersOfSPARCAreNotNeeded() {
    var module = ELFModuleBuilder(
      isLittleEndian: false, machine: 43, needs: ["#scratch", "printk"])
    module.types["#scratch"] = 13
    #expect(texts(ModuleFacts(reading: module.bytes()).needs) == ["printk"])
    module.machine = 62
    #expect(texts(ModuleFacts(reading: module.bytes()).needs) == ["#scratch", "printk"])
  }

  @Test func versionsOfAnotherSizeDoNotCount() {
    var module = builder()
    module.replaced["__versions"] = [UInt8](repeating: 0x41, count: 100)
    #expect(texts(ModuleFacts(reading: module.bytes()).needs) == ["printk", "dotted"])
  }

  @Test func everyTruncationIsAProblemAndNoTrap() {
    let bytes = builder().bytes()
    for count in 0..<bytes.count {
      #expect(!ModuleFacts(reading: Array(bytes[..<count])).problems.isEmpty)
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>) func mutationsDoNotTrap(seed: UInt64) {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    func random(_ limit: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(limit))
    }
    let (is64Bit, isLittleEndian) = Self.kinds[Int(seed % 4)]
    let original = builder(is64Bit: is64Bit, isLittleEndian: isLittleEndian).bytes()
    for _ in 0..<500 {
      var bytes = original
      for _ in 0...random(3) {
        let place = random(bytes.count)
        let value: UInt8 = [0, 1, 0x7f, 0x80, 0xff, UInt8(random(256))][random(6)]
        for offset in 0..<min(1 + random(8), bytes.count - place) { bytes[place + offset] = value }
      }
      let facts = ModuleFacts(reading: bytes)
      #expect(facts.needs.byteCount + facts.exports.byteCount <= 4 * bytes.count)
    }
  }

  /// Half a million symbols that all have one name of half a megabyte.
  @Test func overlappingNamesTakeLinearTime() {
    var module = ELFModuleBuilder()
    module.replaced[".strtab"] = [0] + [UInt8](repeating: 0x61, count: 500_000) + [0]
    var table = ByteWriter()
    table.zeros(24)
    for _ in 0..<500_000 {
      table.littleEndian(1 as UInt32)
      table.zeros(20)
    }
    module.replaced[".symtab"] = table.bytes
    let bytes = module.bytes()
    let time = ContinuousClock().measure {
      let facts = ModuleFacts(reading: bytes)
      #expect(facts.problems.map(\.kind) == [.limit])
      #expect(facts.needs.byteCount <= bytes.count)
    }
    #expect(time < .seconds(60))
  }

  @Test func hugeCountsAreRefused() {
    var bytes = builder().bytes()
    bytes[60] = 0xff  // e_shnum
    bytes[61] = 0xff
    #expect(ModuleFacts(reading: bytes).problems.map(\.kind) == [.truncated])
    bytes = builder().bytes()
    for index in 40..<48 { bytes[index] = 0xff }  // e_shoff
    #expect(ModuleFacts(reading: bytes).problems.map(\.kind) == [.truncated])
  }

  @Test func compressedFiles() throws {
    let bytes = builder().bytes()
    for compression in [Compression.gzip, .xz, .zstd] {
      let file = try compression.compress(bytes)
      #expect(ModuleFacts(readingFile: file, limit: 1 << 20) == ModuleFacts(reading: bytes))
      #expect(ModuleFacts(readingFile: file, limit: 100).problems.map(\.kind) == [.limit])
      #expect(
        !ModuleFacts(readingFile: file.dropLast(9), limit: 1 << 20).problems.isEmpty)
    }
  }
}

private extension ModuleFacts {
  init(readingFile bytes: ArraySlice<UInt8>, limit: Int) {
    self.init(readingFile: Array(bytes), limit: limit)
  }
}
