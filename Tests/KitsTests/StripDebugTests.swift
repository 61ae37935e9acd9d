import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// `--strip-debug`, judged by binutils.
@Suite struct StripDebugTests {
  /// A module with debug sections, and symbols and relocations around them, as an assembler makes it.
  private func module(in folder: TemporaryFolder, _ options: [String] = []) async throws -> [UInt8]
  {
    try folder.write(
      "m.s",
      """
      .section .modinfo,"a"
      .asciz "license=GPL"
      .asciz "name=m"
      .section .debug_first,"",@progbits
      .long start
      .fill 3000000,1,65
      .text
      .globl start
      start: nop
      .long other-.
      .section .debug_info,"",@progbits
      .long start, .debug_first
      .section .text.unlikely,"ax",@progbits
      other: nop
      .long start-.
      .globl table
      .data
      .balign 8
      table: .long other
      .bss
      .skip 64

      """.utf8)
    try await Tool.shell("gcc -c \(options.joined(separator: " ")) m.s -o m.ko", in: folder.path)
    return try folder.read("m.ko")
  }

  /// What readelf says of a module, without what stripping changes: numbers of sections, places, and the symbols
  /// without a name that stay where a debug section had one.
  private func facts(_ name: String, in folder: TemporaryFolder) async throws -> [String] {
    let relocations = try await Tool.shell(
      "readelf -rW \(name) | grep R_ | awk '{print $1, $3, $5, $6, $7}'", in: folder.path)
    let symbols = try await Tool.shell(
      "nm \(name) | grep -v debug | awk 'NF == 3 || $1 == \"U\"'", in: folder.path)
    let contents = try await Tool.shell(
      "for s in .text .text.unlikely .data .modinfo; do objcopy -O binary --only-section=$s \(name) s.bin; cksum <s.bin; done",
      in: folder.path)
    return [
      relocations.split(separator: "\n").filter { !$0.contains("debug") }.joined(), symbols,
      contents,
    ]
  }

  @Test(
    "Debug sections and their relocations go, and nothing else changes",
    arguments: ["-m64", "-m32"])
  func sections(_ form: String) async throws {
    let folder = try TemporaryFolder()
    let original = try await module(in: folder, [form])
    #expect(ModuleStripper.debugSize(of: original) > 3_000_000)
    guard case .stripped(let bytes) = ModuleStripper.strip(original) else {
      Issue.record("was not stripped")
      return
    }
    try folder.write("ours.ko", bytes)
    #expect(ModuleStripper.strip(bytes) == .unchanged)
    try await Tool.shell("strip --strip-debug -o theirs.ko m.ko", in: folder.path)
    let sections = try await Tool.shell("readelf -SW ours.ko", in: folder.path)
    #expect(!sections.contains(".debug") && sections.contains(".rela.text") || form == "-m32")
    let complaints = try await Tool.run("readelf", ["-aW", folder("ours.ko")])
    #expect(complaints.errors == "" && complaints.status == 0, "\(complaints.errors)")
    #expect(try await Tool.run("objdump", ["-xdr", folder("ours.ko")]).status == 0)
    let (ours, whole) = (
      try await facts("ours.ko", in: folder), try await facts("m.ko", in: folder)
    )
    #expect(ours[1] == whole[1] && ours[2] == whole[2])
    // Within the empty symbols that stay.
    let theirs = try folder.read("theirs.ko").count
    #expect(abs(bytes.count - theirs) < 1024, "\(bytes.count) \(theirs)")
  }

  @Test("Both byte orders; signed modules are left alone; damaged ones trap nothing")
  func forms() async throws {
    for (is64Bit, isLittleEndian) in [(true, true), (true, false), (false, true), (false, false)] {
      var builder = ELFModuleBuilder(is64Bit: is64Bit, isLittleEndian: isLittleEndian)
      builder.information = ["license=GPL"]
      builder.exports = ["e"]
      builder.needs = ["n"]
      let plain = builder.bytes()
      #expect(ModuleStripper.strip(plain) == .unchanged)
      builder.replaced[".debug_info"] = [UInt8](repeating: 1, count: 500)
      let bytes = builder.bytes()
      guard ModuleStripper.debugSize(of: bytes) > 0 else { continue }
      guard case .stripped(let stripped) = ModuleStripper.strip(bytes) else {
        Issue.record("was not stripped")
        continue
      }
      let (before, after) = (ModuleFacts(reading: plain), ModuleFacts(reading: stripped))
      #expect(before == after)
      for count in stride(from: 0, to: bytes.count, by: 7) {
        _ = ModuleStripper.strip(Array(bytes.prefix(count)))
      }
      for place in bytes.indices {
        var broken = bytes
        broken[place] = 0xff
        _ = ModuleStripper.strip(broken)
      }
    }
    let folder = try TemporaryFolder()
    let signed = try await module(in: folder) + Array("sig~Module signature appended~\n".utf8)
    #expect(ModuleStripper.strip(signed) == .signed)
    #expect(ModuleStripper.strip(Array("hello".utf8)) == .unknown)
  }

  @Test("build, mkinitramfs and modules2qcow2 strip; without it a hint; signed ones are named")
  func commands() async throws {
    let folder = try TemporaryFolder()
    let big = try await module(in: folder)
    var package = MadeUpPackage.kernel
    package.add("\(MadeUpPackage.tree)/kernel/fs/big.ko", big)
    package.add(
      "\(MadeUpPackage.tree)/kernel/fs/signed.ko",
      big + Array("sig~Module signature appended~\n".utf8))
    let bench = try CommandBench(package)
    try bench.folder.write("big.ramfs", "fs/big.ko\n".utf8)
    let build = CommandTests.build + ["--modules", "big.ramfs", "--disk-format", "raw"]
    let plain = try await bench.run(build)
    #expect(plain.errors.contains("debug information; --strip-debug leaves it out"), "\(plain)")
    let result = try await bench.run(build + ["--strip-debug"])
    #expect(result.status == 0, "\(result)")
    #expect(!result.errors.contains("--strip-debug leaves"), "\(result)")
    #expect(result.errors.contains("signed.ko: keeps its debug information, since it is signed"))
    let release = CommandBench.release
    let listed = try await Tool.output(
      "debugfs",
      ["-R", "stat /\(release)/kernel/fs/big.ko", bench.folder("out/modules-\(release).raw")])
    let size = listed.split(separator: "Size: ").last.flatMap { Int($0.prefix { $0.isNumber }) }
    #expect(size.map { $0 < 10_000 } == true, "\(listed)")
    let verified = try await bench.run(["verify", "out", "p.deb", "--template", "t"])
    #expect(verified.status == 0, "\(verified)")
    try await bench.run(["unpack", "p.deb"])
    let initramfs = try await bench.run([
      "mkinitramfs", "t", release, "--modules", "big.ramfs", "--strip-debug",
    ])
    #expect(initramfs.status == 0 && !initramfs.errors.contains("--strip-debug leaves"))
    #expect(try bench.folder.read("initramfs-\(release)").count < 200_000)
  }
}
