import Formats
import KernelKit
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

  @Test func controlParagraphs() {
    let text = """
      Package: linux-image-6.1.0-1-x
      # why
      Depends: a (>= 1),
       b | c,
      \td

      Package: other
      Version: 1:2~3-4
      """
    Self.mutations(of: Array(text.utf8), seed: 1) { bytes in
      guard let paragraphs = try? ControlParagraph.parse(bytes) else { return }
      #expect(paragraphs.allSatisfy { !$0.isEmpty })
    }
  }

  private static let origin = IndexedPackage.Origin(
    suite: DebianSuite(mirror: "http://m.invalid", suite: "s"),
    release: TrustedRelease(suite: "s", url: "", date: "", fingerprints: [], signingKeys: []),
    index: "",
    indexSHA256: "")

  @Test func packagesIndexes() throws {
    let text = """
      Package: linux-image-6.1.0-1-x
      Version: 1
      Architecture: amd64
      Depends: a, b (= 1)
      Filename: pool/main/l/linux/linux-image_1_amd64.deb
      Size: 12345
      SHA256: \(String(repeating: "0123456789abcdef", count: 4))

      Package: linux-image-cloud-amd64
      Version: 1
      """
    Self.mutations(of: Array(text.utf8), seed: 2) { bytes in
      try? PackagesIndex.forEachPackage(
        in: MemorySource(bytes), of: Self.origin, where: { _ in true }
      ) {
        #expect($0.size > 0 && !$0.file.isEmpty && !$0.file.hasPrefix("/"))
        #expect($0.sha256.utf8.count == 64 && $0.sha256.allSatisfy(\.isHexDigit))
      }
    }
  }

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

  @Test func versions() {
    Self.mutations(of: Array("1:6.1.192-2~bpo12+1".utf8), seed: 3) { bytes in
      let version = DebianVersion(String(decoding: bytes, as: UTF8.self))
      let fixed = DebianVersion("1:6.1.192-2")
      #expect(!(version < fixed && fixed < version))
      #expect(!(version < version))
    }
  }

  @Test func appletTables() throws {
    let program = staticProgram(["cat", "ls", "mount", "sh", "umount"])
    try Self.mutations(of: program, seed: 4) { bytes in
      if let table = try? AppletTable(bytes) {
        #expect(table.names.allSatisfy { !$0.isEmpty && !$0.contains("/") })
      }
      do {
        _ = try StaticProgram(bytes)
      } catch let error as FormatError {
        #expect(!error.reason.isEmpty)
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
        let index = try? ModuleIndex([("kernel/a.ko", facts)], lists: ModuleIndex.BuildLists())
        #expect((try? index?.files())?.isEmpty != true)
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

  @Test func kernelConfigurationsAndLists() {
    let text = "# comment\nCONFIG_RD_ZSTD=y\nCONFIG_X=\"a=b\"\n# CONFIG_Y is not set\n"
    Self.mutations(of: Array(text.utf8), seed: 8) { bytes in
      _ = KernelConfiguration(reading: bytes).isBuiltIn("RD_ZSTD")
    }
    let list = "fs/ext4 # why\n? drivers/*/[a-z]*.ko\n  kernel/fs/**\n\n"
    let facts = ModuleFacts(reading: ELFModuleBuilder(information: ["license=GPL"]).bytes())
    let index = try? ModuleIndex([("kernel/fs/ext4/ext4.ko", facts)], lists: .init())
    Self.mutations(of: Array(list.utf8), seed: 9) { bytes in
      let list = ModuleList(bytes, name: "modules.ramfs")
      #expect(list.entries.allSatisfy { !$0.text.isEmpty && $0.line > 0 })
      if let index {
        _ = try? ModuleSelection(from: index, files: list, autoload: ModuleList(bytes, name: "a"))
      }
    }
  }

  @Test func kernelPaths() {
    Self.mutations(of: Array("usr/lib/modules/6.1.0-1-x/kernel/fs/x.ko".utf8), seed: 10) { bytes in
      guard let path = try? ArchivePath.normalize(bytes), let role = try? KernelPath(path) else {
        return
      }
      #expect(!role.release.description.contains("/") && !role.release.description.isEmpty)
    }
  }
}
