import Formats
import TestSupport
import Testing

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// Kits whose RAM disk has more than one archive, or a form that the kernel does not unpack.
@Suite struct InitramfsArchivesTests {
  static let release = CommandBench.release

  /// A kit in `kit` and the same in `old`, and then a script in `kit`; `$i` is its RAM disk.
  private func bench(_ script: String) async throws -> CommandBench {
    let bench = try CommandBench()
    let made = try await bench.shell(
      """
      set -e; "$minivm" build p.deb --template t --out kit --quiet; cp -r kit old; mkdir more
      cd kit; i=initramfs-\(Self.release); \(script)
      """)
    #expect(made.status == 0, "\(made.errors)")
    return bench
  }

  /// What `check` has to say of the RAM disk as a whole.
  private func problems(_ bench: CommandBench) throws -> [String] {
    try RootCheck(Kit(folder: bench.folder("kit")), jobs: 1)
      .report(CheckedMachine(.amd64, argument: "q35"), disk: .virtioBlk).steps
      .filter { $0.kind == "initramfs" }.map { $0.problem ?? "" }
  }

  private static let ownInit = """
    cd ../more; echo '#!/bin/sh' >init; chmod 755 init; echo init | cpio -o -H newc --quiet >../second
    cd ../kit; cat ../second >>$i
    """

  @Test("A second archive with an init of its own: check, diff and verify say so")
  func secondInit() async throws {
    let bench = try await bench("truncate -s %4 $i; \(Self.ownInit)")
    #expect(
      try problems(bench).first?.contains("archive 2 of the initramfs replaces /init") == true)
    let check = try await bench.run(["check", "kit", "--machine", "q35"])
    #expect(check.status == 1 && !check.output.contains("Root can be reached"))
    let diff = try await bench.run(["diff", "old", "kit"])
    #expect(diff.status == 1 && diff.output.contains("~ init  "), "\(diff.output)")
    #expect(diff.output.contains("number of archives: 1 -> 2"), "\(diff.output)")
    try await bench.expectFailure(
      ["verify", "kit", "--template", "t"], 4, "initramfs-\(Self.release): init: content 10 bytes")
  }

  @Test("The same files in another order, or in two archives, are said to be stored otherwise")
  func storedOtherwise() async throws {
    let repacked = try await bench(
      """
      mkdir ../x; cd ../x; zstd -dqc ../kit/$i >../cpio; cpio -id --quiet --no-preserve-owner -m <../cpio
      find . -type d -exec touch -d @1000000000 {} +
      find . -mindepth 1 | sed 's|^./||' | LC_ALL=C sort >../n; grep -v bin ../n >../m; grep bin ../n >>../m
      cpio -o -H newc -R 0:0 --quiet <../m | zstd -9qc >../kit/$i
      """)
    try await repacked.expectFailure(
      ["verify", "kit", "--template", "t"], 4,
      "has the same content, stored differently: its entries are in another order")
    let twice = try await bench("zstd -dqc $i >../cpio; cat ../cpio ../cpio | zstd -qc >$i")
    try await twice.expectFailure(
      ["verify", "kit", "--template", "t"], 4, "its number of archives is 2; rebuilt, 1")
  }

  @Test("Microcode in front: check and explain see the rest, diff sees the microcode")
  func microcode() async throws {
    let bench = try await bench(
      """
      mkdir -p ../more/kernel/x86/microcode; cd ../more; echo code >kernel/x86/microcode/GenuineIntel.bin
      find kernel | cpio -o -H newc --quiet >../early; cd ../kit; cat ../early $i >../both; cp ../both $i
      """)
    #expect(try problems(bench) == [])
    let explained = try await bench.run(["explain", "kit", "x"])
    #expect(explained.status == 0 && explained.output.contains("in the initramfs"))
    let early = try await bench.run(["explain", "kit", "kernel/x86/microcode/GenuineIntel.bin"])
    #expect(early.output.contains("data for the kernel's start"), "\(early.output)\(early.errors)")
    #expect(early.output.contains("in archive 1 of 2"))
    let diff = try await bench.run(["diff", "old", "kit"])
    #expect(diff.output.contains("+ kernel/x86/microcode/GenuineIntel.bin"), "\(diff.output)")
  }

  @Test("What the kernel can't unpack, and what it can")
  func forms() async throws {
    for (pack, option, text) in [
      ("xz --check=crc64", "RD_XZ", "CRC64"), ("xz --check=sha256", "RD_XZ", "SHA-256"),
      ("xz --check=crc32", "RD_XZ", nil), ("xz --check=crc32", "RD_X", "without CONFIG_RD_XZ"),
      ("lzma", "RD_LZMA", nil), ("lzma", "RD_X", "without CONFIG_RD_LZMA"),
      ("lz4 -l", "RD_LZ4", nil), ("bzip2", "RD_BZIP2", nil),
      ("gzip", "RD_GZIP", nil), ("gzip", "RD_X", "without CONFIG_RD_GZIP"),
    ] as [(String, String, String?)] {
      let bench = try await bench(
        "for c in config-*; do echo CONFIG_\(option)=y >>$c; done; zstd -dqc $i >../cpio; \(pack) -c ../cpio >$i"
      )
      let problems = try problems(bench)
      if let text {
        #expect(problems.count == 1 && problems[0].contains(text), "\(pack): \(problems)")
      } else {
        #expect(problems == [], "\(pack)")
      }
    }
    let bench = try await bench("sed -i s/RD_ZSTD=y/RD_ZSTD=m/ config-*")
    #expect(try problems(bench).first?.contains("without CONFIG_RD_ZSTD") == true)
  }

  @Test("No /init, or one that can't be executed")
  func noInit() async throws {
    let without = try await bench(
      "cd ../more; echo x >y; echo y | cpio -o -H newc --quiet >../kit/$i")
    #expect(try problems(without).first?.contains("has no /init") == true)
    let plain = try await bench(
      "cd ../more; echo x >init; echo init | cpio -o -H newc --quiet >../kit/$i")
    #expect(try problems(plain).first?.contains("not executable") == true)
  }
}
