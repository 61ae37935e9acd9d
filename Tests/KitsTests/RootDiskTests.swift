import Basics
import Formats
import TestSupport
import Testing

/// `minivm root`: the disk has what its source has, by other programs' word.
@Suite struct RootDiskTests {
  private let bench: CommandBench

  init() throws {
    bench = try CommandBench()
  }

  /// Folders that are made where the source has no entry for them.
  private static let added = [
    "proc", "sys", "tmp", "lost+found", "many", "run", "lib", "lib/modules",
  ]

  private func isAdded(_ line: String) -> Bool {
    Self.added.contains { line.hasPrefix("'\($0)' ") }
  }

  /// Makes a disk that has to be made without a word on stderr.
  @discardableResult
  private func root(_ arguments: [String], input: [UInt8] = []) async throws -> String {
    let result = try await Tool.run(
      TestKit.program, ["root"] + arguments, in: bench.folder.path, input: input,
      environment: ["HOME": bench.folder("home"), "XDG_CACHE_HOME": bench.folder("home")])
    try #require(result.status == 0 && result.errors == "", "\(arguments): \(result.errors)")
    return result.output
  }

  /// What e2fsck has nothing to say about.
  private func check(_ path: String) async throws {
    let result = try await Tool.run("e2fsck", ["-fn", path])
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }

  private func debugfs(_ path: String, _ request: String) async throws -> String {
    try await Tool.output("debugfs", ["-R", request, path])
  }

  @Test("An ext4 disk has every file of an archive, with all that is kept of it")
  func everything() async throws {
    try await RootSamples.make(in: bench.folder)
    #expect(try await root(["root.tar", "--out", "root.raw"]) == "root.raw\n")
    try await check(bench.folder("root.raw"))
    try await bench.run(["extract", "root.raw", "--out", "back.tar"])
    let before = try await RootSamples.listing(bench.folder("root.tar"))
    let after = try await RootSamples.listing(bench.folder("back.tar"))
    #expect(
      before.filter { !$0.hasPrefix("'d") } == after.filter { !isAdded($0) && !$0.hasPrefix("'d") })
    // The folders that nothing tells of are made.
    #expect(after.contains { $0.contains("'dev' 3 b'5' 0o755 0 0") })
    #expect(after.count { $0.hasPrefix("'d/d/") } == 89)
    let stat = try await debugfs(bench.folder("root.raw"), "stat dev/big")
    #expect(stat.contains("300:70000"), "\(stat)")
    let owner = try await debugfs(bench.folder("root.raw"), "stat zlast")
    #expect(owner.contains("User: -294967296   Group: 3000000"), "\(owner)")
    let ping = try await debugfs(bench.folder("root.raw"), "ea_get -x ping security.capability")
    #expect(ping.contains("01 00 00 02 00 20 00 00 "), "\(ping)")
  }

  @Test("The same bytes from a file, a compressed one and stdin, with one core or two")
  func sameBytes() async throws {
    try await RootSamples.make(in: bench.folder)
    try await Tool.shell(
      "for c in gzip xz zstd bzip2; do $c -k -c root.tar >root.tar.$c; done", in: bench.folder.path)
    try await root(["root.tar", "--out", "a.qcow2"])
    try await root(["root.tar", "--out", "b.qcow2", "--jobs", "1"])
    #expect(try bench.folder.read("a.qcow2") == bench.folder.read("b.qcow2"))
    for compression in ["gzip", "xz", "zstd", "bzip2"] {
      try await root(["root.tar.\(compression)", "--out", "c.qcow2"])
      #expect(try bench.folder.read("a.qcow2") == bench.folder.read("c.qcow2"), "\(compression)")
    }
    try await root(["-", "--out", "d.qcow2"], input: bench.folder.read("root.tar.zstd"))
    #expect(try bench.folder.read("a.qcow2") == bench.folder.read("d.qcow2"))
    try await root(["root.tar", "--out", "e.squashfs"])
    try await root(["root.tar", "--out", "f.squashfs", "--jobs", "1"])
    #expect(try bench.folder.read("e.squashfs") == bench.folder.read("f.squashfs"))
    #expect(
      try await Tool.shell(
        "qemu-img check -q a.qcow2 && unsquashfs -s e.squashfs", in: bench.folder.path
      ).contains("zstd"))
  }

  @Test("What GNU tar writes, in each of its formats, sparse files among them")
  func dialects() async throws {
    try await Tool.shell(
      """
      mkdir -p tree/a tree/usr/bin
      echo one >tree/a/one; ln tree/a/one tree/two; ln -s a/one tree/link
      truncate -s 8M tree/sparse; printf middle | dd of=tree/sparse bs=1 seek=4000000 conv=notrunc status=none
      printf start | dd of=tree/sparse bs=1 conv=notrunc status=none
      mkfifo tree/fifo; chmod 4711 tree/a/one
      printf latin >"tree/$(printf 'latin\\351')"
      find tree -exec touch -h -d @1600000000 {} +
      cd tree
      tar=tar; options='--sort=name --owner=7 --group=9 --numeric-owner'
      $tar --format=pax $options -cf ../pax.tar .
      for format in gnu oldgnu ustar; do $tar --format=$format $options -cf ../$format.tar .; done
      $tar --format=v7 $options -cf ../v7.tar --exclude=./fifo .
      $tar --format=gnu $options -S -cf ../gnu-sparse.tar .
      for version in 0.0 0.1 1.0; do
        $tar --format=pax --sparse-version=$version $options -S -cf ../pax-sparse-$version.tar .
      done
      $tar --format=pax $options -cf - . | cat - /dev/zero | head -c 12M >../trailing-zeros.tar
      """, in: bench.folder.path)
    try await root(["pax.tar", "--out", "pax.raw", "--init", "none"])
    try await bench.run(["extract", "pax.raw", "--out", "pax-back.tar"])
    let expected = try await RootSamples.listing(bench.folder("pax-back.tar"))
    #expect(expected.contains { $0.contains("'sparse'") } && expected.count == 11, "\(expected)")
    for name in [
      "gnu", "oldgnu", "ustar", "gnu-sparse", "pax-sparse-0.0", "pax-sparse-0.1", "pax-sparse-1.0",
      "trailing-zeros", "v7",
    ] {
      try await root(["\(name).tar", "--out", "\(name).raw", "--init", "none"])
      try await check(bench.folder("\(name).raw"))
      try await bench.run(["extract", "\(name).raw", "--out", "back.tar"])
      var found = try await RootSamples.listing(bench.folder("back.tar"))
      // v7 has no FIFOs.
      if name == "v7" { found.append(contentsOf: expected.filter { $0.hasPrefix("'fifo'") }) }
      #expect(found.sorted() == expected.sorted(), "\(name)")
      if name.contains("sparse") {
        let blocks = try await Tool.shell("stat -c %b \(name).raw", in: bench.folder.path)
        #expect(Int(blocks.dropLast()) ?? .max < 8000, "\(name): \(blocks)")
      }
    }
  }

  @Test("A folder of this machine, with other owners")
  func folder() async throws {
    try await Tool.shell(
      """
      mkdir -p tree/etc tree/a; echo one >tree/a/one; ln tree/a/one tree/two; ln -s a/one tree/link
      truncate -s 3G tree/sparse; mkfifo tree/fifo; printf x >"tree/$(printf 'latin\\351')"
      python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("tree/socket")'
      chmod 600 tree/a/one; find tree -exec touch -h -d @1600000000.5 {} +
      """, in: bench.folder.path)
    try await root(["tree", "--out", "a.raw", "--owner", "3:4", "--init", "none"])
    try await root(["tree/", "--out", "b.raw", "--owner", "3:4", "--init", "none"])
    #expect(
      try await Tool.shell(
        "cmp a.raw b.raw; e2fsck -fn a.raw 2>/dev/null | tail -1", in: bench.folder.path
      ).hasPrefix("minivm-root: "))
    let list = try await bench.run(["ls", "-lR", "a.raw"]).output
    for line in [
      "-rw------- 2 3 4          4 2020-09-13 12:26 two", "srwx", "prw-", " sparse\n", "latin\\xE9",
      "lrwxrwxrwx 1 3 4          0 2020-09-13 12:26 link -> a/one",
    ] { #expect(list.contains(line), "\(line) of \(list)") }
  }

  @Test("Free room, size, label and owner are what was asked for")
  func options() async throws {
    try await RootSamples.make(in: bench.folder)
    try await root(["root.tar", "--out", "a.raw", "--free", "100", "--label", "my root"])
    let facts = try await Tool.output("dumpe2fs", ["-h", bench.folder("a.raw")])
    #expect(facts.contains("Filesystem volume name:   my root"))
    let numbers = ["Free blocks", "Block size"].compactMap { name in
      facts.split(separator: "\n").first { $0.hasPrefix("\(name):") }?
        .split(separator: " ").last.flatMap { Int($0) }
    }
    let free = numbers.reduce(1, *) >> 20
    #expect((100..<110).contains(free), "\(free) MiB")
    try await root(["root.tar", "--out", "b.raw", "--size", "300"])
    #expect(FileTree.status(bench.folder("b.raw"))?.size == 300 << 20)
    // A tree of small files has inodes for more of them.
    try await Tool.shell(
      "mkdir small; touch small/$(seq -s ' small/' 15000); tar -cf small.tar small",
      in: bench.folder.path)
    for options in [["--free", "160"], ["--size", "200"]] {
      try await root(["small.tar", "--out", "small.raw", "--init", "none"] + options)
      let facts = try await Tool.output("dumpe2fs", ["-h", bench.folder("small.raw")])
      let line = facts.split(separator: "\n").first { $0.hasPrefix("Free inodes:") }
      #expect(
        Int(line?.split(separator: " ").last ?? "") ?? 0 >= 10000, "\(options): \(line ?? "")")
    }
    let description = String(decoding: try bench.folder.read("a.raw.json"), as: UTF8.self)
    for part in [#""label" : "my root""#, #""choice" : "keep""#, #""path" : "/sbin/init""#] {
      #expect(description.contains(part), "\(description)")
    }
  }

  @Test("Sources that are none, and archives that lie, get one line and leave nothing")
  func refused() async throws {
    try bench.folder.write("text", "no archive at all\n".utf8)
    try bench.folder.write("empty", [])
    try FileTree.makeDirectories(bench.folder("nothing"))
    try await RootSamples.make(in: bench.folder)
    try await Tool.shell(
      """
      head -c 20000 root.tar >cut.tar
      zstd -q root.tar; head -c 3000 root.tar.zst >cut.tar.zst
      python3 - <<'E'
      import io, tarfile
      def make(name, *members):
          tar = tarfile.open(name, "w", format=tarfile.PAX_FORMAT)
          for member in members:
              info = tarfile.TarInfo(member[0])
              for key, value in member[1].items(): setattr(info, key, value)
              tar.addfile(info, io.BytesIO(b"x" * info.size))
      D, S, H = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
      make("up.tar", ("../../etc/passwd", {"size": 3}))
      make("link-out.tar", ("a", {"type": S, "linkname": "../../.."}), ("a/b", {"size": 1}))
      make("hard-nowhere.tar", ("a", {"type": H, "linkname": "b"}))
      make("hard-folder.tar", ("d", {"type": D}), ("a", {"type": H, "linkname": "d"}))
      make("through-file.tar", ("a", {"size": 1}), ("a/b", {"size": 1}))
      make("circle.tar", ("a", {"type": S, "linkname": "b"}), ("b", {"type": S, "linkname": "a"}), ("a/c", {"size": 1}))
      make("name.tar", ("n" * 256, {"size": 1}))
      make("device.tar", ("dev", {"type": tarfile.CHRTYPE, "devmajor": 2097151, "devminor": 0}))
      E
      """, in: bench.folder.path)
    let none = ["--init", "none"]
    for (arguments, code, message) in [
      (["nowhere"], 3, "nowhere: no such folder or file"),
      (["text"], 1, "text: is no tar archive"),
      (["empty"], 1, "empty: is no tar archive"),
      (["nothing"] + none, 1, "nothing: is empty"),
      (["cut.tar"], 1, "cut.tar: "), (["cut.tar.zst"], 1, "cut.tar.zst: "),
      (["up.tar"] + none, 1, "up.tar: "),
      (["hard-nowhere.tar"] + none, 1, "a: a hard link to b, which is not there"),
      (["hard-folder.tar"] + none, 1, "a: a hard link to d, a folder"),
      (["through-file.tar"] + none, 1, "a/b: leads through a file"),
      (["circle.tar"] + none, 1, "a/c: leads through more than 40 links"),
      (["name.tar"] + none, 1, "a name of 256 bytes"),
      (["device.tar"] + none, 1, "dev"),
      (["root.tar", "--size", "1"], 1, "takes a disk of 8 MiB"),
      (["root.tar", "--out", "missing/x.raw"], 3, "missing"),
      (["-"], 2, "--out"),
      (["root.tar", "--format", "squashfs", "--size", "100"], 2, "--size"),
      (["root.tar", "--owner", "root"], 2, "UID:GID"),
      (["root.tar", "--label", "seventeen letters"], 2, "16 bytes"),
    ] as [([String], Int, String)] {
      try await bench.expectFailure(["root"] + arguments, code, message)
    }
    // A link that leads out leads to the root's own folders.
    try await root(["link-out.tar", "--out", "link-out.raw"] + none)
    #expect(try await bench.run(["ls", "link-out.raw"]).output == "a\nb\nlost+found\n")
  }
}
