import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// The real program, with packages that somebody made in order to do harm.
@Suite struct HostilePackageTests {
  private typealias Entry = MadeUpPackage.Entry
  static let tree = MadeUpPackage.tree

  struct Hostile: CustomTestStringConvertible {
    var name: String
    var fragment: String
    var entries: [MadeUpPackage.Entry]
    var testDescription: String { name }

    init(_ name: String, _ fragment: String, _ entries: MadeUpPackage.Entry...) {
      (self.name, self.fragment, self.entries) = (name, fragment, entries)
    }
  }

  /// Added to a package with a kernel that is fine.
  static let hostile = [
    Hostile("a path that leads out", "leads out", Entry("./lib/modules/../../../../tmp/x")),
    Hostile("an absolute path", "leads out", Entry("/lib/modules/6.1.0-1-x/kernel/y.ko")),
    Hostile("a release that leads out", "can't be a kernel release", Entry("./lib/modules/..x/y")),
    Hostile("a release with a blank", "can't be a kernel release", Entry("./boot/vmlinuz-6.1 -x")),
    Hostile("a release with a control", "\\u{1b}[31m", Entry("./boot/config-6.1\u{1b}[31m")),
    Hostile("another kernel", "besides those of", Entry("./lib/modules/6.2.0/kernel/y.ko")),
    Hostile("a block device", "is a device", Entry("\(tree)/kernel/sda", "4")),
    Hostile("a character device", "is a device", Entry("\(tree)/kernel/tty", "3")),
    Hostile("a FIFO", "is a device", Entry("\(tree)/kernel/fifo", "6")),
    Hostile("an unknown type", "entry of type", Entry("\(tree)/kernel/odd", "V")),
    Hostile(
      "a hard link to elsewhere", "passwd", Entry("\(tree)/kernel/y.ko", "1", link: "./etc/passwd")),
    Hostile(
      "a hard link to what comes later", "y.ko",
      Entry("\(tree)/kernel/z.ko", "1", link: "\(tree)/kernel/y.ko"), Entry("\(tree)/kernel/y.ko")),
    Hostile(
      "a file below a link", "",
      Entry("\(tree)/kernel/link", "2", link: "/tmp"), Entry("\(tree)/kernel/link/evil")),
    Hostile("a file below a file", "", Entry("\(tree)/kernel/fs/x.ko/y.ko")),
    Hostile("a file in place of a folder", "", Entry("\(tree)/kernel")),
    Hostile(
      "a size of 2^63-1", "too large",
      Entry("\(tree)/kernel/y", size: [0x80, 0, 0, 0, 0x7f] + [UInt8](repeating: 0xff, count: 7))),
    Hostile(
      "an index of 2^63-1 bytes", "too large",
      Entry(
        "\(tree)/modules.dep", size: [0x80, 0, 0, 0, 0x7f] + [UInt8](repeating: 0xff, count: 7))),
    Hostile(
      "a negative size", "negative",
      Entry("\(tree)/kernel/y", size: [UInt8](repeating: 0xff, count: 12))),
    Hostile("a size past the end", "", Entry("\(tree)/kernel/y", size: Array("77777777777".utf8))),
    Hostile(
      "a module past the end", "", Entry("\(tree)/kernel/y.ko", size: Array("77777777777".utf8))),
    Hostile(
      "a time before all times", "",
      Entry("x", "x", content: Array("36 mtime=-9223372036854775808.5\n".utf8)),
      Entry("\(tree)/kernel/y.ko")),
    Hostile(
      "a size that is no number", "pax size",
      Entry("x", "x", content: Array("10 size=x\n".utf8)), Entry("\(tree)/kernel/y.ko")),
    Hostile(
      "a long name that is too long", "",
      Entry("x", "L", content: [UInt8](repeating: 0x61, count: 5000)), Entry("\(tree)/kernel/y.ko")),
    Hostile(
      "an endless extended header", "extended header",
      Entry("x", "x", size: Array("77777777777".utf8)), Entry("\(tree)/kernel/y.ko")),
  ]

  @Test("Refused, with one line, and nothing is left", arguments: hostile)
  func refused(_ hostile: Hostile) async throws {
    var package = MadeUpPackage.kernel
    package.entries += hostile.entries
    let bench = try CommandBench(package)
    for command in [["unpack", "p.deb", "--out", "out"], CommandTests.build] {
      try await bench.expectFailure(command, 1, "minivm: p.deb: ", hostile.fragment)
    }
  }

  @Test("Names that are not UTF-8")
  func names() async throws {
    var package = MadeUpPackage.kernel
    var entry = Entry("\(Self.tree)/kernel/")
    entry.path += [0xff, 0xfe]
    package.entries.append(entry)
    let bench = try CommandBench(package)
    for command in [["unpack", "p.deb", "--out", "out"], CommandTests.build] {
      try await bench.expectFailure(command, 1, "minivm: p.deb: ", "not UTF-8")
    }
  }

  @Test("A package's name that would write to the terminal")
  func controls() async throws {
    var package = MadeUpPackage(name: "evil\u{1b}]0;x\u{7}")
    package.add("./bin/x", [])
    let bench = try CommandBench(package)
    for command in [["unpack", "p.deb"], CommandTests.build] {
      let result = try await bench.run(command)
      #expect(result.status == 1 && !result.errors.utf8.contains(0x1b), "\(result.errors)")
    }
  }

  @Test("What a legal package may have: hard links, set-uid, links that lead out")
  func legal() async throws {
    var package = MadeUpPackage.kernel
    package.entries += [
      Entry("\(Self.tree)/kernel/fs/z.ko", "1", link: "\(Self.tree)/kernel/fs/x.ko"),
      Entry("\(Self.tree)/kernel/setuid", mode: 0o4755, content: [1]),
      Entry("\(Self.tree)/build", "2", link: "/usr/src/x"),
      Entry("\(Self.tree)/kernel/out", "2", link: "../../../../../../etc/passwd"),
    ]
    let bench = try CommandBench(package)
    for command in [["unpack", "p.deb", "--out", "out"], CommandTests.build] {
      let result = try await bench.run(command)
      #expect(result.status == 0, "\(result.errors)")
    }
    let modes = try await Tool.shell(
      "stat -c '%a %h' setuid fs/x.ko",
      in: bench.folder("out/lib/modules/\(MadeUpPackage.release)/kernel"))
    #expect(modes == "4755 1\n644 2\n")
  }

  @Test("Kernels that are folders, links or devices are none")
  func oddKernels() async throws {
    for type in ["5", "2"] as [Character] {
      var package = MadeUpPackage.kernel
      package.entries[0] = Entry(
        "./boot/vmlinuz-\(MadeUpPackage.release)", type, mode: 0o755,
        link: type == "2" ? "/etc/passwd" : "")
      let bench = try CommandBench(package)
      try await bench.expectFailure(CommandTests.build, 1, "has modules, but no vmlinuz")
      let result = try await bench.run(["unpack", "p.deb", "--out", "out"])
      #expect(result.status == 0 && !result.output.contains("vmlinuz"))
      #expect(FileTree.status(bench.folder("out/vmlinuz-\(MadeUpPackage.release)")) == nil)
    }
    var package = MadeUpPackage.kernel
    package.entries[0].content = [1, 2, 3]
    let bench = try CommandBench(package)
    try await bench.expectFailure(CommandTests.build, 1, "is not a Linux kernel")
  }

  @Test("Two packages of two kernels")
  func twoKernels() async throws {
    let bench = try CommandBench()
    var other = MadeUpPackage()
    other.add("./lib/modules/6.2.0-1-x/kernel/y.ko", [])
    try bench.folder.write("q.deb", other.bytes)
    for command in ["unpack", "build"] {
      try await bench.expectFailure(
        [command, "p.deb", "q.deb", "--out", "out"]
          + (command == "build" ? ["--template", "t"] : []), 1,
        "q.deb: has files of kernel 6.2.0-1-x besides those of 6.1.0-1-x; give")
    }
  }

  @Test("Seeded damage to a package ends in an error or in a result, and soon")
  func mutations() async throws {
    let bench = try CommandBench()
    let bytes = try bench.folder.read("p.deb")
    var random = SeededGenerator(seed: 21)
    for round in 0..<300 {
      var damaged = bytes
      for _ in 0...round % 5 {
        damaged[Int.random(in: 0..<damaged.count, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
      if round % 4 == 0 { damaged.removeLast(Int.random(in: 0..<damaged.count, using: &random)) }
      let path = bench.folder("damaged.deb")
      try bench.folder.write("damaged.deb", damaged)
      do {
        let package = try DebArchive(path)
        #expect(!package.control.package.isEmpty)
        try package.forEachEntry(jobs: 1) { entry, tar in
          try tar.body.forEachPiece { _ in }
          _ = try KernelPath(entry.path)
        }
      } catch let error as FormatError {
        #expect(error.path.first == path)
      }
    }
  }
}
