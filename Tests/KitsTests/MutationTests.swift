import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// Decoders of this library, with damaged input: an error or a result, and no trap.
@Suite struct MutationTests {
  /// Copies of some bytes, each with bytes that were changed, left out or repeated.
  static func mutations(
    of bytes: [UInt8], count: Int = 500, seed: UInt64, _ check: ([UInt8]) throws -> Void
  ) rethrows {
    var random = SeededGenerator(seed: seed)
    for round in 0..<count {
      var copy = bytes
      for _ in 0...round % 6 where !copy.isEmpty {
        let place = Int.random(in: 0..<copy.count, using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: copy.remove(at: place)
        case 1: copy.insert(copy[place], at: place)
        case 2: copy.removeSubrange(place...)
        case 3: copy[place] = [0, 0x0a, 0x20, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
        default: copy[place] = UInt8.random(in: 0...255, using: &random)
        }
      }
      try check(copy)
    }
  }

  private static let origin = IndexedPackage.Origin(
    suite: DebianSuite(mirror: "http://m.invalid", suite: "s"),
    release: TrustedRelease(suite: "s", url: "", date: "", fingerprints: [], signingKeys: []),
    index: "",
    indexSHA256: "")

  @Test("A hash that is a path, a file that is none")
  func hostileIndexes() {
    for (file, sha256) in [
      ("pool/x.deb", "../../" + String(repeating: "a", count: 58)),
      ("./.", String(repeating: "a", count: 64)), ("../x.deb", String(repeating: "a", count: 64)),
    ] {
      let text =
        "Package: p\nVersion: 1\nArchitecture: all\nFilename: \(file)\nSize: 1\nSHA256: \(sha256)\n"
      #expect(throws: FormatError.self) {
        try PackagesIndex.forEachPackage(
          in: MemorySource(Array(text.utf8)), of: Self.origin, where: { _ in true }
        ) { _ in }
      }
    }
  }

  @Test func modules() {
    for (is64Bit, isLittleEndian) in [(true, true), (false, false)] {
      let module = ELFModuleBuilder(
        is64Bit: is64Bit, isLittleEndian: isLittleEndian,
        information: ["alias=pci:v00001AF4d*", "depends=a,b", "softdep=pre: c", "license=GPL"],
        exports: ["one", "two"], needs: ["three", "four"], versions: ["three"])
      Self.mutations(of: module.bytes(), count: 400, seed: 5) { bytes in
        let facts = ModuleFacts(reading: bytes)
        guard
          let index = try? ModuleIndex([("kernel/a.ko", facts)], lists: ModuleIndex.BuildLists())
        else { return }
        #expect(throws: Never.self) { try index.files() }
      }
    }
  }

  @Test func alpinePackages() throws {
    let folder = try TemporaryFolder()
    let text = "pkgname = busybox-static\npkgver = 1.37.0-r12\narch = x86_64\n"
    let tar = MadeUpPackage.tar([
      .init(".PKGINFO", content: Array(text.utf8)),
      .init("bin/busybox.static", content: staticProgram(["sh"])),
    ])
    // Damage to the archive inside, and to the compressed bytes.
    try Self.mutations(of: tar, count: 300, seed: 6) { bytes in
      try folder.write("p.apk", Compression.gzip.compress(bytes))
      _ = try? TemplateTool.busybox.read(folder("p.apk"))
    }
    try Self.mutations(of: Compression.gzip.compress(tar), count: 300, seed: 7) { bytes in
      try folder.write("p.apk", bytes)
      _ = try? TemplateTool.busybox.read(folder("p.apk"))
    }
  }
}
