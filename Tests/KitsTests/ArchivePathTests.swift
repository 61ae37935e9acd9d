import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// Paths and links in packages. dpkg-deb -x, which is GNU tar, is the judge of what is legal;
/// docs/SECURITY.md says where this program is stricter.
@Suite struct ArchivePathTests {
  typealias Entry = MadeUpPackage.Entry
  static let tree = MadeUpPackage.tree

  enum Verdict {
    /// Both take it, and make the same tree of it.
    case legal
    /// Both refuse it.
    case illegal
    /// dpkg-deb takes it, this program does not.
    case stricter
    /// As legal, but no disk is made of it: what is written there once stays.
    case notOnDisk
    /// So, too; tar makes links that lead out last, so that they replace what came after them.
    case differs
    /// As legal, but links that lead out of the package are left out, and a warning names them.
    case withoutLinksOut
  }

  struct Row: CustomTestStringConvertible {
    var name: String
    var verdict: Verdict
    var entries: [Entry]
    var testDescription: String { name }

    init(_ name: String, _ verdict: Verdict, _ entries: Entry...) {
      (self.name, self.verdict, self.entries) = (name, verdict, entries)
    }

    init(_ name: String, _ verdict: Verdict, _ entries: [Entry]) {
      (self.name, self.verdict, self.entries) = (name, verdict, entries)
    }
  }

  /// A name that a header has no room for.
  private static func long(_ path: String) -> [Entry] {
    [
      Entry("././@LongLink", "L", content: Array(path.utf8) + [0]),
      Entry(String(path.prefix(99)), content: [1]),
    ]
  }

  private static func bytes(_ name: [UInt8], _ type: Character = "0") -> Entry {
    var entry = Entry("\(tree)/kernel/", type, content: [1])
    entry.path += name
    return entry
  }

  static let rows = [
    Row("..", .illegal, Entry("\(tree)/../../../../escaped", content: [1])),
    Row(".. that stays inside", .illegal, Entry("\(tree)/kernel/fs/../y.ko", content: [1])),
    Row(".. of a folder", .illegal, Entry("\(tree)/kernel/..", "5", mode: 0o755)),
    Row("a name that begins with dots", .legal, Entry("\(tree)/kernel/..y", content: [1])),
    Row(
      "an absolute path", .stricter,
      Entry("/lib/modules/\(MadeUpPackage.release)/kernel/y.ko", content: [1])),
    Row("an absolute path elsewhere", .stricter, Entry("/escaped", content: [1])),
    Row("an empty path", .illegal, Entry("", content: [1])),
    Row("a path of dots alone", .legal, Entry("././.", "5", mode: 0o755)),
    Row(
      "dots and slashes between names", .legal,
      Entry(".//lib/./modules//\(MadeUpPackage.release)/kernel/y.ko", content: [1])),
    Row("a newline", .legal, bytes([0x61, 0x0a, 0x62])),
    Row("control characters", .legal, bytes([0x1b, 0x5b, 0x33, 0x31, 0x6d, 7])),
    Row("not UTF-8", .stricter, bytes([0xff, 0xfe])),
    Row("a NUL ends a name", .legal, bytes([0x61, 0, 0x62])),
    Row("a backslash", .legal, bytes(Array(#"..\..\x"#.utf8))),
    Row(
      "255 bytes of a name", .legal, long("\(tree)/kernel/" + String(repeating: "n", count: 255))),
    Row(
      "256 bytes of a name", .illegal, long("\(tree)/kernel/" + String(repeating: "n", count: 256))),
    Row(
      "5,000 bytes", .illegal,
      long("\(tree)/kernel/" + String(repeating: "name/", count: 1000) + "x")),
    Row(
      "128 folders", .stricter, long("\(tree)/kernel/" + String(repeating: "d/", count: 128) + "x")),
    Row(
      "a file through a link to elsewhere", .illegal,
      Entry("\(tree)/kernel/link", "2", link: "/OUTSIDE"),
      Entry("\(tree)/kernel/link/escaped", content: [1])),
    Row(
      "a file through a link that leads up", .illegal,
      Entry("\(tree)/kernel/link", "2", link: "../../../../../outside"),
      Entry("\(tree)/kernel/link/escaped", content: [1])),
    Row(
      "a file over a link", .notOnDisk,
      Entry("\(tree)/kernel/link", "2", link: "fs/x.ko"),
      Entry("\(tree)/kernel/link", content: [1])),
    Row(
      "a link over a link", .notOnDisk,
      Entry("\(tree)/kernel/link", "2", link: "fs/x.ko"),
      Entry("\(tree)/kernel/link", "2", link: "fs/y.ko")),
    Row(
      "a file over a link to elsewhere", .differs,
      Entry("\(tree)/kernel/link", "2", link: "/OUTSIDE/file"),
      Entry("\(tree)/kernel/link", content: [1])),
    Row(
      "a link over a link to elsewhere", .differs,
      Entry("\(tree)/kernel/link", "2", link: "/OUTSIDE/a"),
      Entry("\(tree)/kernel/link", "2", link: "/OUTSIDE/b")),
    Row(
      "a link in place of a folder that is in use", .illegal,
      Entry("\(tree)/kernel/fs", "2", link: "/OUTSIDE"),
      Entry("\(tree)/kernel/fs/escaped", content: [1])),
    Row("a hard link to outside", .illegal, Entry("\(tree)/kernel/y", "1", link: "/OUTSIDE/file")),
    Row(
      "a hard link that leads up", .illegal,
      Entry("\(tree)/kernel/y", "1", link: "../../../../../../outside/file")),
    Row(
      "a hard link to nothing", .illegal,
      Entry("\(tree)/kernel/y", "1", link: "\(tree)/kernel/none")),
    Row(
      "a hard link to itself", .illegal, Entry("\(tree)/kernel/y", "1", link: "\(tree)/kernel/y")),
    Row("a hard link to an empty name", .illegal, Entry("\(tree)/kernel/y", "1", link: "")),
    Row(
      "a hard link to a folder", .illegal, Entry("\(tree)/kernel/y", "1", link: "\(tree)/kernel/fs")
    ),
    Row(
      "a hard link to a link", .withoutLinksOut,
      Entry("\(tree)/kernel/link", "2", link: "/OUTSIDE/file"),
      Entry("\(tree)/kernel/y", "1", link: "\(tree)/kernel/link")),
    Row(
      "a hard link to a file", .legal,
      Entry("\(tree)/kernel/y", "1", link: "\(tree)/kernel/fs/x.ko")),
    Row(
      "a file, twice", .notOnDisk,
      Entry("\(tree)/kernel/y", content: [1]), Entry("\(tree)/kernel/y", content: [2])),
    Row("a folder, twice", .legal, Entry("\(tree)/kernel/fs", "5", mode: 0o700)),
    Row("a file where a folder was", .illegal, Entry("\(tree)/kernel/fs", content: [1])),
    Row(
      "a file where an empty folder was", .stricter, Entry("\(tree)/e", "5", mode: 0o755),
      Entry("\(tree)/e", content: [1])),
    Row("a folder where a file was", .stricter, Entry("\(tree)/kernel/fs/x.ko", "5", mode: 0o755)),
    Row("a file below a file", .illegal, Entry("\(tree)/kernel/fs/x.ko/y", content: [1])),
    Row("a link to nothing", .legal, Entry("\(tree)/kernel/y", "2", link: "none")),
    Row("a link to itself", .legal, Entry("\(tree)/kernel/y", "2", link: "y")),
    Row("a link with an empty target", .illegal, Entry("\(tree)/kernel/y", "2", link: "")),
    Row("a FIFO", .stricter, Entry("\(tree)/kernel/y", "6")),
    Row("set-uid and set-gid", .legal, Entry("\(tree)/kernel/y", mode: 0o6755, content: [1])),
    Row("a folder that is sticky", .legal, Entry("\(tree)/sticky", "5", mode: 0o1777)),
    Row("a file that nobody may read", .legal, Entry("\(tree)/kernel/y", mode: 0, content: [1])),
  ]

  /// Without the times of folders, which tar spoils when it comes back to one.
  private static let inventory = """
    find . -mindepth 1 -type d -printf '%p %m\\n' | sort
    find . ! -type d -printf '%p %m %T@ %s %y %l\\n' | sort; find . -type f -exec sha256sum {} + | sort -k2
    """

  @Test("As dpkg-deb, or stricter, and nothing outside", arguments: rows)
  func path(_ row: Row) async throws {
    var package = MadeUpPackage.kernel
    let bench = try CommandBench()
    try FileTree.makeDirectories(bench.folder("outside"))
    try bench.folder.write("outside/file", [9])
    package.entries += row.entries.map {
      var entry = $0
      entry.link = entry.link.replacing("/OUTSIDE", with: bench.folder("outside"))
      return entry
    }
    try bench.folder.write("p.deb", package.bytes)
    func outside() async throws -> String {
      try await Tool.shell(
        "find outside -printf '%p %y %n %s\\n' | sort; ls", in: bench.folder.path)
    }
    try FileTree.makeDirectories(bench.folder("judge"))
    try FileTree.makeDirectories(bench.folder("out"))
    let before = try await outside()
    let unpacked = try await bench.run(["unpack", "p.deb", "--out", "out"])
    let built = try await bench.run(["build", "p.deb", "--template", "t", "--out", "out/kit"])
    #expect(try await outside() == before)
    #expect(try await Tool.shell("find / -xdev -maxdepth 1 -name escaped", in: "/") == "")
    let judge = try await Tool.run(
      "dpkg-deb", ["-x", bench.folder("p.deb"), bench.folder("judge")])
    let isTaken = [.legal, .notOnDisk, .differs, .withoutLinksOut].contains(row.verdict)
    #expect(unpacked.status == (isTaken ? 0 : 1), "unpack: \(unpacked.errors)")
    #expect(
      built.status == ([.legal, .withoutLinksOut].contains(row.verdict) ? 0 : 1),
      "build: \(built.errors)")
    #expect(
      (judge.status == 0) == (row.verdict != .illegal), "dpkg-deb: \(judge.errors)")
    guard isTaken else {
      return #expect(try await Tool.shell("find out -mindepth 1", in: bench.folder.path) == "")
    }
    let below = "lib/modules/\(MadeUpPackage.release)"
    let ours = try await Tool.shell(Self.inventory, in: bench.folder("out/\(below)"))
    let theirs = try await Tool.shell(Self.inventory, in: bench.folder("judge/\(below)"))
    // Whether GNU tar leaves a link in the place of what came later depends on the tick of the clock.
    if row.verdict == .withoutLinksOut {
      let links = theirs.split(separator: "\n").filter { $0.contains(bench.folder("outside")) }
      #expect(!links.isEmpty && links.allSatisfy { !ours.contains($0) })
      #expect(unpacked.errors.contains("kernel/link"), "\(unpacked.errors)")
    } else {
      #expect(row.verdict == .differs || ours == theirs)
    }
  }

  @Test("A link that one package plants is not followed by the next")
  func twoPackages() async throws {
    var first = MadeUpPackage.kernel
    let bench = try CommandBench()
    try FileTree.makeDirectories(bench.folder("outside"))
    first.entries.append(Entry("\(Self.tree)/kernel/link", "2", link: bench.folder("outside")))
    var second = MadeUpPackage()
    second.add("\(Self.tree)/kernel/link/escaped", [1])
    try bench.folder.write("p.deb", first.bytes)
    try bench.folder.write("q.deb", second.bytes)
    for command in [["unpack", "p.deb", "q.deb", "--out", "out"], CommandTests.build + ["q.deb"]] {
      try await bench.expectFailure(command, 1, "minivm: q.deb: ")
    }
    // One after the other: the second replaces the first's tree, link and all.
    for name in ["p.deb", "q.deb"] {
      let result = try await bench.run(["unpack", name, "--out", "out"])
      #expect(result.status == 0, "\(result.errors)")
    }
    #expect(try FileTree.names(in: bench.folder("outside")) == [])
    let place = bench.folder("out/lib/modules/\(MadeUpPackage.release)/kernel/link")
    #expect(FileTree.status(place)?.kind == .directory)
  }

  @Test("Links that are in the output folder already")
  func earlierLinks() async throws {
    let bench = try CommandBench()
    try FileTree.makeDirectories(bench.folder("outside/modules"))
    try FileTree.makeDirectories(bench.folder("out"))
    for (link, target) in [("lib", "outside"), ("lib", "none"), ("lib/modules", "outside")] {
      FileTree.remove(bench.folder("out/lib"))
      if link == "lib/modules" { try FileTree.makeDirectories(bench.folder("out/lib")) }
      try FileTree.makeLink(bench.folder("out/\(link)"), to: bench.folder(target))
      try await bench.expectFailure(
        ["unpack", "p.deb", "--out", "out"], 1, "out/\(link): is a link that leads out of out")
    }
    // One that stays inside, as in / of most systems; links in the places of the results.
    FileTree.remove(bench.folder("out/lib"))
    try FileTree.makeDirectories(bench.folder("out/usr/lib/modules"))
    try FileTree.makeLink(bench.folder("out/lib"), to: "usr/lib")
    try bench.folder.write("outside/file", [9])
    let release = MadeUpPackage.release
    for name in ["vmlinuz-\(release)", "config-\(release)", "usr/lib/modules/\(release)"] {
      let target = name.hasPrefix("usr") ? "outside/modules" : "outside/file"
      try FileTree.makeLink(bench.folder("out/\(name)"), to: bench.folder(target))
    }
    let result = try await bench.run(["unpack", "p.deb", "--out", "out"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(try bench.folder.read("outside/file") == [9])
    #expect(try FileTree.names(in: bench.folder("outside/modules")) == [])
    #expect(FileTree.status(bench.folder("out/usr/lib/modules/\(release)"))?.kind == .directory)
    let names =
      ["vmlinuz-", "initramfs-", "config-"].map { "\($0)\(release)" }
      + ["modules-\(release).qcow2", "manifest-\(release).json", "SHA256SUMS"]
    try FileTree.makeDirectories(bench.folder("kit"))
    for name in names {
      try FileTree.makeLink(bench.folder("kit/\(name)"), to: bench.folder("outside/file"))
    }
    let built = try await bench.run(["build", "p.deb", "--template", "t", "--out", "kit"])
    #expect(built.status == 0, "\(built.errors)")
    #expect(try bench.folder.read("outside/file") == [9])
    for name in names { #expect(FileTree.status(bench.folder("kit/\(name)"))?.kind == .file) }
  }

  @Test("Neither disk nor RAM disk has anything of a package but its modules")
  func onlyModules() async throws {
    var package = MadeUpPackage.kernel
    for path in [
      "etc/evil", "boot/grub/grub.cfg", "usr/bin/evil", "lib/evil.so", "lib/modules-load.d/evil",
      "init",
    ] {
      package.add("./\(path)", [1])
    }
    package.entries.append(Entry("./lib/modules/", "5", mode: 0o777))
    let bench = try CommandBench(package)
    let result = try await bench.run(
      CommandTests.build + ["--disk-format", "raw", "--initramfs-compression", "none"])
    #expect(result.status == 0, "\(result.errors)")
    let release = MadeUpPackage.release
    let disk = try await Tool.shell(
      "debugfs -R 'ls -p /' out/modules-\(release).raw 2>/dev/null | cut -d / -f 6 | sort",
      in: bench.folder.path)
    #expect(disk == "\n.\n..\n\(release)\nlost+found\n")
    let ramDisk = try await Tool.shell(
      "cpio -t --quiet <out/initramfs-\(release)", in: bench.folder.path)
    #expect(!ramDisk.contains("evil") && !ramDisk.contains("grub"))
    let unpacked = try await bench.run(["unpack", "p.deb", "--out", "unpacked"])
    #expect(unpacked.status == 0)
    #expect(
      try FileTree.names(in: bench.folder("unpacked")) == [
        "config-\(release)", "lib", "vmlinuz-\(release)",
      ])
    #expect(try FileTree.names(in: bench.folder("unpacked/lib")) == ["modules"])
    #expect(try FileTree.names(in: bench.folder("unpacked/lib/modules")) == [release])
  }
}
