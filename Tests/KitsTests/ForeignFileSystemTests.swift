import Basics
import Formats
import Glibc
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// The real program on file systems and in places that lack what Linux's own have.
@Suite struct ForeignFileSystemTests {
  private static let build = OutputTests.commands["build", default: []].joined(separator: " ")

  /// What exFAT and many file systems of FUSE can't do.
  private static let withoutLinks = [
    "renameat2:error=EINVAL", "linkat:error=EPERM", "link:error=EPERM",
  ].map { "-e inject=\($0)" }.joined(separator: " ")

  /// With an earlier kit, and a template that makes another one.
  private static func bench() async throws -> CommandBench {
    let bench = try await OutputTests.bench()
    try bench.folder.write("t/more", [1])
    return bench
  }

  @Test(
    "Where files can neither swap names nor have two, the earlier ones come back when a call fails",
    arguments: ["build", "unpack", "depmod"])
  func withoutLinks(_ command: String) async throws {
    let bench = try await Self.bench()
    let before = try await bench.listing()
    let arguments = OutputTests.commands[command, default: []].joined(separator: " ")
    func run(_ more: String) async throws -> Tool.Result {
      try await bench.shell(
        "exec strace -f -qq -o calls -e trace=rename,renameat2,link,linkat \(Self.withoutLinks) \(more) \"$minivm\" \(arguments) >/dev/null"
      )
    }
    var time = 1
    while true {
      let result = try await run("-e inject=rename:error=EIO:when=\(time)")
      if result.status == 0 { break }
      try await Tool.shell("rm calls", in: bench.folder.path)
      try await bench.expectFailure(
        result, 1, ["can't be replaced"], before: before, what: "\(command) \(time)")
      time += 1
    }
    // The earlier one goes aside and the new one comes, for each of at least two but the last.
    #expect(time > 3)
    #expect(try await bench.temporaries() == "")
    if command == "build" {
      try await Tool.shell("cd out; sha256sum --quiet -c SHA256SUMS", in: bench.folder.path)
    }
  }

  @Test("When nothing can be renamed any more, the next run puts the earlier files back")
  func neverAgain() async throws {
    let bench = try await Self.bench()
    try await Tool.shell("cp -a out earlier", in: bench.folder.path)
    let result = try await bench.shell(
      "exec strace -f -qq -o calls -e trace=rename,renameat2,link,linkat \(Self.withoutLinks) -e inject=rename:error=EIO:when=2+ \"$minivm\" \(Self.build)"
    )
    #expect(result.status == 1 && result.errors.contains("the earlier one of out/"))
    let aside = try await bench.temporaries().split(separator: "\n")
    #expect(aside.count == 1 && aside[0].contains("-earlier-"), "\(aside)")
    // A run that fails for another reason is enough.
    #expect(
      try await bench.run(["build", "p.deb", "--template", "none", "--out", "out"]).status != 0)
    let other = try await bench.shell("ulimit -f 1; \"$minivm\" \(Self.build)")
    #expect(other.status == 1)
    try await Tool.shell("diff -r earlier out", in: bench.folder.path)
  }

  @Test("A real exFAT file system")
  func exFAT() async throws {
    // Only root may mount; for others the test above fails the same calls.
    guard geteuid() == 0 else { return try await withoutLinks("build") }
    let bench = try await Self.bench()
    let result = try await Tool.run(
      "unshare",
      [
        "-m", "sh", "-euc",
        """
        truncate -s 64M disk; mkfs.exfat disk >/dev/null
        loop=$(losetup --show -f disk); mkdir fat
        trap 'cd ..; umount fat; losetup -d $loop' EXIT
        mount.exfat-fuse $loop fat >/dev/null
        cp -r p.deb t modules.* fat; cd fat
        rm t/more; "$minivm" \(Self.build) >/dev/null
        (cd out; sha256sum --quiet -c SHA256SUMS; cat SHA256SUMS) >../first
        echo 1 >t/more
        if (ulimit -f 200; "$minivm" \(Self.build) 2>/dev/null); then exit 98; fi
        (cd out; sha256sum --quiet -c SHA256SUMS; cat SHA256SUMS) | cmp - ../first
        for time in 1 2 3 4 5 6 7; do
          if strace -f -qq -o ../calls -e trace=rename -e inject=rename:error=EIO:when=$time \
            "$minivm" \(Self.build) >/dev/null 2>&1; then break; fi
          (cd out; sha256sum --quiet -c SHA256SUMS; cat SHA256SUMS) | cmp - ../first
        done
        "$minivm" \(Self.build) >/dev/null
        (cd out; sha256sum --quiet -c SHA256SUMS; cat SHA256SUMS) >../last
        ! cmp -s ../first ../last
        find . -name '.minivm-*'
        """,
      ], in: bench.folder.path,
      environment: [
        "minivm": TestKit.program, "HOME": bench.folder("home"),
        "XDG_CACHE_HOME": bench.folder("home"),
      ])
    #expect(result.status == 0 && result.output == "", "\(result.output)\(result.errors)")
  }

  @Test(
    "Permissions, times and locks that a folder refuses are done without",
    arguments: OutputTests.commands.keys.sorted(), ["EPERM", "EOPNOTSUPP"])
  func refusal(_ command: String, _ error: String) async throws {
    let bench = try await Self.bench()
    let arguments = OutputTests.commands[command, default: []].joined(separator: " ")
    let calls = "fchmod,fchmodat,chmod,utimensat,flock"
    let result = try await bench.shell(
      "exec strace -f -qq -o calls -e trace=\(calls) -e inject=\(calls):error=\(error) \"$minivm\" \(arguments)"
    )
    #expect(result.status == 0, "\(command): \(result.errors)")
    if command == "build" {
      try await Tool.shell("cd out; sha256sum --quiet -c SHA256SUMS", in: bench.folder.path)
    }
  }

  @Test(
    "Without /proc files get their names in another way",
    arguments: OutputTests.commands.keys.sorted())
  func withoutProc(_ command: String) async throws {
    let namespace = try #require(
      try await OutputTests.mountNamespace(),
      "neither root nor a user namespace: nothing can be mounted")
    let bench = try await Self.bench()
    try await Tool.shell("cp -a out earlier", in: bench.folder.path)
    let arguments = OutputTests.commands[command, default: []].joined(separator: " ")
    let result = try await Tool.run(
      "unshare",
      namespace + [
        "sh", "-euc",
        """
        mount -t tmpfs none /proc
        "$minivm" \(arguments) >/dev/null
        if [ \(command) = build ]; then
          cd out; sha256sum --quiet -c SHA256SUMS; cd ..
          # With a cache, whose key has the program's own hash.
          "$minivm" build p.deb --template t --out other >/dev/null
          [ -d home/minivm/results ] || exit 97
          rm -r out/lib; diff -r out other
        fi
        """,
      ], in: bench.folder.path,
      environment: [
        "minivm": TestKit.program, "HOME": bench.folder("home"),
        "XDG_CACHE_HOME": bench.folder("home"),
      ])
    #expect(result.status == 0, "\(command): \(result.status) \(result.output)\(result.errors)")
    #expect(try await bench.temporaries() == "")
    if command == "build" {
      let same = try await Tool.run("diff", ["-rq", "earlier", "out"], in: bench.folder.path)
      #expect(same.status == 1)
    }
  }
}
