import Formats
import Glibc
import TestSupport
import Testing

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// Packages and modules that would cost too much. Work is counted, not timed.
@Suite struct PackageLimitTests {
  private typealias Entry = MadeUpPackage.Entry

  /// The made-up kernel's package with another data member.
  private static func package(_ data: String, _ bytes: [UInt8]) -> [UInt8] {
    let control = "Package: linux-image-\(MadeUpPackage.release)\nVersion: 1\nArchitecture: amd64\n"
    return MadeUpPackage.ar([
      ("debian-binary", Array("2.0\n".utf8)),
      ("control.tar", MadeUpPackage.tar([Entry("./control", content: Array(control.utf8))])),
      (data, bytes),
    ])
  }

  @Test("A module of a billion zeros", arguments: ["gzip", "zstd"])
  func zeros(_ compression: String) async throws {
    let bench = try CommandBench()
    try await Tool.shell(
      """
      dpkg-deb -R p.deb tree; rm p.deb
      truncate -s 1000000000 tree/lib/modules/\(MadeUpPackage.release)/kernel/fs/zeros
      dpkg-deb --root-owner-group -Z\(compression) -z1 -b tree p.deb; rm -r tree
      """, in: bench.folder.path)
    for command in [["unpack", "p.deb", "--out", "out"], CommandTests.build] {
      try await bench.expectFailure(command, 1, "minivm: p.deb: data.tar.", "decompression bomb")
    }
  }

  @Test("A control member that unpacks to zeros without end")
  func control() async throws {
    let bench = try CommandBench()
    try await Tool.shell(
      """
      ar x p.deb; rm control.tar p.deb; truncate -s 100000000 zeros
      tar -cf - zeros | gzip -1 >control.tar.gz; rm zeros
      ar rc p.deb debian-binary control.tar.gz data.tar; rm debian-binary control.tar.gz data.tar
      """, in: bench.folder.path)
    try await bench.expectFailure(CommandTests.build, 1, "control.tar.gz", "unpacks to more than")
  }

  @Test("A compressed module that is a bomb")
  func moduleBomb() async throws {
    let bench = try CommandBench()
    try await Tool.shell(
      """
      dpkg-deb -R p.deb tree; rm p.deb
      head -c 100000000 /dev/zero | xz -0 >tree/lib/modules/\(MadeUpPackage.release)/kernel/fs/y.ko.xz
      dpkg-deb --root-owner-group -Znone -b tree p.deb; rm -r tree
      """, in: bench.folder.path)
    try await bench.expectFailure(CommandTests.build, 1, "y.ko.xz", "decompression bomb")
  }

  @Test("More files than any package has")
  func entries() throws {
    let folder = try TemporaryFolder()
    let entry = MadeUpPackage.tar([Entry("\(MadeUpPackage.tree)/x")]).prefix(512)
    var tar: [UInt8] = []
    for _ in 0...1000 { tar += entry }
    let package = try DebArchive(folder.write("p.deb", Self.package("data.tar", tar)))
    var count = 0
    let error = #expect(throws: FormatError.self) {
      try package.forEachEntry(jobs: 1, entryLimit: 1000) { _, _ in count += 1 }
    }
    #expect(count == 1000 && error?.kind == .limit)
    #expect(DebArchive.entryLimit == 131_072)
  }

  private static func collect(
    _ modules: [(path: String, bytes: [UInt8])], _ builder: ModuleIndexBuilder
  ) throws {
    for (path, bytes) in modules {
      try builder.collect(
        path, isFile: true, size: bytes.count, modified: 0, MemorySource(bytes)
      ).forEachPiece { _ in }
    }
  }

  @Test("65,536 modules are taken, one more is not")
  func moduleCount() throws {
    let builder = ModuleIndexBuilder(jobs: 2)
    try Self.collect((0..<65_536).map { ("kernel/m\($0).ko", []) }, builder)
    let error = #expect(throws: FormatError.self) {
      try Self.collect([("kernel/more.ko", [])], builder)
    }
    #expect(error?.kind == .limit && error?.path == ["kernel/more.ko"])
    #expect(try builder.index().modules.count == 65_536)
  }

  @Test("What modules say of themselves, and unpack to, together")
  func moduleSizes() throws {
    let module = ELFModuleBuilder(information: [String(repeating: "x", count: 1000)]).bytes()
    let modules = (0..<100).map { ("kernel/m\($0).ko", module) }
    for (facts, unpacked) in [(100_000, 1 << 20), (200_000, 100 * module.count)] {
      let fine = ModuleIndexBuilder(
        jobs: 1, limits: ModuleLimits(unpacked: 1 << 30, facts: 200_000))
      try Self.collect(modules, fine)
      _ = try fine.index()
      let builder = ModuleIndexBuilder(
        jobs: 1, limits: ModuleLimits(unpacked: unpacked - 1, facts: facts - 1))
      let error = #expect(throws: FormatError.self) {
        try Self.collect(modules, builder)
        _ = try builder.index()
      }
      #expect(error?.kind == .limit)
    }
  }

  @Test("A RAM disk that is a bomb")
  func ramDisk() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      "truncate -s 300000000 x; echo x | cpio -o -H newc --quiet | zstd -q -1 >initramfs; rm x",
      in: folder.path)
    let error = #expect(throws: FormatError.self) {
      try RamDiskContent(folder("initramfs"), KernelRelease("6.1.0"))
    }
    #expect(error?.kind == .limit)
    let listing = #expect(throws: FormatError.self) {
      try ImageListing(ramDisk: folder("initramfs"))
    }
    #expect(listing?.kind == .limit)
  }

  /// Hashed for each of its names, the file would be 640 GB: minutes of the processor.
  @Test("A RAM disk's file of 64 MiB with ten thousand names")
  func names() throws {
    let names = (0..<10_000).map { "name\($0)" }
    var archive = NewcWriter()
    let file = try archive.add(
      names[0], .file([UInt8](repeating: 7, count: 64 << 20)), mode: 0o644, modified: 0,
      links: names.count)
    for name in names.dropFirst() {
      try archive.add(name, .hardLink(file), mode: 0o644, modified: 0, links: names.count)
    }
    let folder = try TemporaryFolder()
    try folder.write("initramfs", archive.finish())
    func used() -> Int {
      var time = timespec()
      unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return time.tv_sec
    }
    let begin = used()
    let entries = try ImageListing(ramDisk: folder("initramfs")).entries
    #expect(used() - begin < 60)
    #expect(entries.count == names.count)
    #expect(Set(entries.values.map(\.sha256)).count == 1)
  }

  @Test("A template whose RAM disk would be a bomb")
  func template() async throws {
    let bench = try CommandBench()
    try await Tool.shell("truncate -s 300000000 t/zeros", in: bench.folder.path)
    let build = ["build", "p.deb", "--template", "t", "--out", "kit"]
    try await bench.expectFailure(
      build, 1, "the initramfs compresses from 3", "a decompression bomb; look for a large file")
    try await Tool.shell("truncate -s 10000000 t/zeros", in: bench.folder.path)
    #expect(try await bench.run(build).status == 0)
    #expect(try await bench.run(["diff", "kit", "kit"]).status == 0)
  }

  @Test("A record of the cache whose module lies where no disk has a block")
  func records() throws {
    var writer = ByteWriter()
    for _ in 0..<3 {
      writer.byte(0)
      writer.littleEndian(0 as Int)
    }
    writer.littleEndian(1 as Int)
    try ByteStrings(["kernel/a.ko"]).write(to: &writer)
    for number in [1, 1, Int.max - 1, 1] { writer.littleEndian(number) }
    try ModuleFacts().write(to: &writer)
    let error = #expect(throws: FormatError.self) { try ModuleRecords(reading: writer.bytes) }
    #expect(error?.reason == "module has no location")
  }

  private static func facts(exports: String, needs: String) -> ModuleFacts {
    var facts = ModuleFacts()
    facts.exports.append(exports.utf8)
    facts.needs.append(needs.utf8)
    return facts
  }

  /// Each needs all before it: the lists of what they need grow with the square of their number.
  @Test("A chain of modules")
  func chain() throws {
    let folder = Array(repeating: String(repeating: "d", count: 200), count: 19).joined(
      separator: "/")
    let index = try ModuleIndex(
      (0..<2000).map {
        ("kernel/\(folder)/m\($0).ko", Self.facts(exports: "s\($0)", needs: "s\($0 - 1)"))
      })
    let error = #expect(throws: FormatError.self) { try index.files() }
    #expect(error?.kind == .limit && error?.path == ["modules.dep"])
  }

  @Test("A circle of 65,536 modules is named by some of them")
  func circle() {
    let error = #expect(throws: KitError.self) {
      try ModuleIndex(
        (0..<65_536).map {
          ("kernel/m\($0).ko", Self.facts(exports: "s\($0)", needs: "s\(($0 + 1) % 65_536)"))
        })
    }
    #expect(error?.message.hasPrefix("modules depend on each other: m") == true)
    #expect((error?.message.utf8.count ?? .max) < 500)
  }

  @Test(
    "What can be no kernel release",
    arguments: [
      "", ".", "..", "-v", "6.1/x", "../6.1", "6.1 x", "6.1\nx", "6.1\tx", "6.1\0", "6.1;reboot",
      "6.1$(id)",
      "6.1`id`", "6.1\"", "6.1'", "6.1\\", "6.1*", "6.1?", "6.1[x]", "6.1{x}", "6.1|x", "6.1&x",
      "6.1<x", "6.1>x",
      "6.1#x", "6.1%s", "6.1=x", "6.1,x", "6.1:x", "6.1@x", "6.1!x", "6.1é", "6.1\u{202e}x", "v6.1",
      "~6.1",
      String(repeating: "6", count: 65),
    ])
  func releases(_ text: String) async throws {
    #expect(throws: FormatError.self) { try KernelRelease(text) }
    // As it would come from a package, in each of the places of a release. A slash is another path.
    for path in ["./boot/vmlinuz-", "./boot/config-", "./lib/modules/"] where !text.contains("/") {
      let place = path + text + (path.hasSuffix("/") ? "/kernel/x.ko" : "")
      guard let normalized = try? ArchivePath.normalize(place.utf8) else { continue }
      let role = try? KernelPath(normalized)
      #expect(role?.release.description != text)
    }
  }
}
