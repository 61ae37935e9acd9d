import Basics
import Formats
import TestSupport
import Testing

/// Squashfs images of other programs, and ours, read by `minivm ls`, `cat` and `extract`.
@Suite struct SquashfsReadingTests {
  private let bench: CommandBench

  init() throws {
    bench = try CommandBench()
  }

  private func makeTree() async throws {
    try await Tool.shell(
      """
      mkdir -p tree/etc tree/wide; echo hello >tree/etc/file; ln tree/etc/file tree/hard; ln -s etc/file tree/link
      head -c 700000 /dev/urandom >tree/random; seq 1 300000 >tree/text; mkfifo tree/fifo; : >tree/empty
      truncate -s 9M tree/sparse; printf middle | dd of=tree/sparse bs=1 seek=5000000 conv=notrunc status=none
      (cd tree/wide; touch $(seq -f 'a-rather-long-name-of-a-file-%g' 1 2000); printf x >"$(printf 'latin\\351')")
      chmod 4751 tree/random; find tree -exec touch -h -d @1600000000 {} +
      cat >compare <<'C'
      list() {
        (cd "$1" && find . ! -path . -printf '%P %y %m %n %T@ %l\\n' | sed 's/ d \\([0-7]*\\) [0-9]* / d \\1 /' | LC_ALL=C sort
         find . -type f -exec sha256sum {} + | LC_ALL=C sort)
      }
      rm -rf out; '\(TestKit.program)' extract "$1" --out out >/dev/null 2>&1
      list tree >tree.txt; list out >out.txt; diff tree.txt out.txt
      C
      """, in: bench.folder.path)
  }

  @Test(
    "Every method and form of mksquashfs",
    arguments: ["gzip", "xz", "lz4", "zstd"],
    [
      "", "-b 4096", "-b 1M -always-use-fragments", "-no-fragments -no-exports",
      "-noI -noD -noF -noX", "-no-sparse",
    ])
  func forms(compressor: String, options: String) async throws {
    try await makeTree()
    let output = try await Tool.shell(
      "mksquashfs tree image.sqfs -comp \(compressor) \(options) -noappend -quiet >/dev/null 2>&1; sh compare image.sqfs",
      in: bench.folder.path)
    #expect(output == "")
  }

  @Test("tar2sqfs's, and ours, with attributes and owners")
  func attributes() async throws {
    try await RootSamples.make(in: bench.folder)
    // What squashfs keeps: whole seconds from 1970 on.
    let expected = try await RootSamples.listing(bench.folder("root.tar")).filter {
      !$0.hasPrefix("'old'") && !$0.hasPrefix("'etc' ") && !$0.hasPrefix("'sbin/init'")
        && !$0.hasPrefix("'zhard'")
        && !$0.hasPrefix("'d")
    }
    try await Tool.shell("tar2sqfs -q -s other.sqfs <root.tar", in: bench.folder.path)
    let made = try await Tool.run(
      TestKit.program, ["root", "root.tar", "--out", "ours.sqfs", "--format", "squashfs"],
      in: bench.folder.path)
    #expect(made.status == 0)
    for name in ["ours", "other"] {
      try await bench.run(["extract", "\(name).sqfs", "--out", "\(name).tar"])
      let found = Set(try await RootSamples.listing(bench.folder("\(name).tar")))
      for line in expected { #expect(found.contains(line), "\(name): \(line)") }
    }
    #expect(
      try await bench.run(["ls", "-l", "ours.sqfs", "/dev/big"]).output.contains("300, 70000"))
    #expect(try await bench.run(["cat", "ours.sqfs", "/link"]).output.contains("alice:x:1000"))
    #expect(try await bench.run(["diff", "ours.sqfs", "ours.sqfs"]).status == 0)
  }

  @Test("Damaged and foreign images get one line")
  func refused() async throws {
    try await makeTree()
    try await Tool.shell(
      """
      mksquashfs tree lzo.sqfs -comp lzo -noappend -quiet >/dev/null
      mksquashfs tree good.sqfs -comp zstd -noappend -quiet >/dev/null
      head -c 100000 good.sqfs >cut.sqfs
      """, in: bench.folder.path)
    try await bench.expectFailure(["ls", "lzo.sqfs"], 1, "lzo.sqfs: is compressed by lzo")
    try await bench.expectFailure(["ls", "cut.sqfs"], 1, "cut.sqfs: a squashfs of ")
    try await bench.expectFailure(["extract", "cut.sqfs"], 1, "cut.sqfs: a squashfs of ")
    try await bench.expectFailure(["cat", "good.sqfs", "/fifo"], 1, "“/fifo” is no file")
  }
}
