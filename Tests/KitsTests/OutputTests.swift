import Basics
import Formats
import Glibc
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// The real program, with nowhere to put its results, or with something in their place.
@Suite struct OutputTests {
  static let release = CommandBench.release
  static let commands = [
    "unpack": ["unpack", "p.deb", "--out", "out"],
    "build": ["build", "p.deb", "--template", "t", "--out", "out", "--no-cache"],
    "depmod": ["depmod", "-b", "tree", release, "--outdir", "out"],
    "modules2qcow2": ["modules2qcow2", release],
    "mkinitramfs": ["mkinitramfs", "t", release],
  ]

  /// The results of each command, as the shell's patterns.
  static let results = [
    "unpack": "out/vmlinuz-* out/config-* out/lib/modules/*/kernel/*/* out/lib/modules/*/modules.*",
    "build": "out/vmlinuz-* out/config-* out/*.qcow2 out/initramfs-* out/manifest-* out/SHA256SUMS",
    "depmod": "out/lib/modules/*/modules.*",
    "modules2qcow2": "modules-*.qcow2",
    "mkinitramfs": "initramfs-*",
  ]

  /// Folders that every test begins with a copy of: with results, and without.
  private static let made = (
    Task { try await makeBench(withResults: true) },
    Task { try await makeBench(withResults: false) }
  )

  /// With an unpacked kernel, and with earlier results in `out` and in the folder itself.
  static func bench(withResults: Bool = true) async throws -> CommandBench {
    let bench = try await (withResults ? made.0 : made.1).value
    let copy = try TemporaryFolder()
    try await Tool.shell("cp -a . '\(copy.path)'", in: bench.folder.path)
    return CommandBench(folder: copy)
  }

  private static func makeBench(withResults: Bool) async throws -> CommandBench {
    let bench = try CommandBench(big)
    try bench.folder.write("modules.ramfs", "fs\n".utf8)
    for arguments in [["unpack", "p.deb"], ["unpack", "p.deb", "--out", "tree"]] {
      #expect(try await bench.run(arguments).status == 0)
    }
    if withResults {
      for command in commands.values { #expect(try await bench.run(command).status == 0) }
    }
    return bench
  }

  /// With bytes that don't compress, so that all results have some size.
  static var big: MadeUpPackage {
    var package = MadeUpPackage.kernel
    var generator = SeededGenerator(seed: 5)
    let noise = (0..<200_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    package.entries[0].content += noise
    let module = ELFModuleBuilder(information: ["license=GPL"], replaced: [".noise": noise])
    package.add("\(MadeUpPackage.tree)/kernel/fs/y.ko", module.bytes())
    return package
  }

  @Test("Folders are made, and go again when the job fails")
  func folders() async throws {
    let bench = try CommandBench()
    try bench.folder.write("file", [1])
    try await Tool.shell("ln -s nowhere dangling; ln -s t link", in: bench.folder.path)
    for command in [["unpack", "p.deb"], ["build", "p.deb", "--template", "t"]] {
      for place in ["file", "dangling", "file/below"] {
        let named = place == "file/below" ? "file" : place
        try await bench.expectFailure(command + ["--out", place], 1, "\(named): is not a folder")
      }
    }
    let bad = ["build", "p.deb", "--template", "none", "--out", "a/b/c"]
    try await bench.expectFailure(bad, 3, "none: no such folder")
    #expect(try await bench.run(["unpack", "p.deb", "--out", "a/b/c"]).status == 0)
    #expect(FileTree.status(bench.folder("a/b/c/vmlinuz-\(Self.release)"))?.kind == .file)
    #expect(try await bench.run(["unpack", "p.deb", "--out", "link"]).status == 0)
    #expect(FileTree.status(bench.folder("t/vmlinuz-\(Self.release)"))?.kind == .file)
  }

  @Test(
    "A folder where one of the results goes is kept, and so are the others",
    arguments: [
      "vmlinuz-\(release)", "modules-\(release).qcow2", "initramfs-\(release)",
      "config-\(release)", "manifest-\(release).json", "SHA256SUMS",
    ])
  func folderInTheWay(_ name: String) async throws {
    let bench = try await Self.bench()
    try await Tool.shell("rm out/'\(name)'; mkdir -p out/'\(name)'/mine", in: bench.folder.path)
    try bench.folder.write("t/more", [1])
    try await bench.expectFailure(
      Self.commands["build", default: []], 1, "out/\(name): ")
    if name.hasPrefix("vmlinuz") || name.hasPrefix("config") {
      try await bench.expectFailure(
        Self.commands["unpack", default: []], 1, "out/\(name): can't be replaced: it is a folder")
    }
  }

  @Test("A file where the module tree goes is kept")
  func fileInTheWay() async throws {
    let bench = try CommandBench()
    try bench.folder.write("out/lib/modules/\(Self.release)", [1])
    try await bench.expectFailure(["unpack", "p.deb", "--out", "out"], 1, "is not a folder")
  }

  @Test("A link where a result goes is replaced, not followed")
  func links() async throws {
    let bench = try CommandBench()
    try await Tool.shell(
      "mkdir out; echo mine >mine; ln -s ../nowhere out/vmlinuz-\(Self.release); ln -s ../mine out/initramfs-\(Self.release)",
      in: bench.folder.path)
    #expect(try await bench.run(Self.commands["build", default: []]).status == 0)
    try await Tool.shell(
      "cd out; sha256sum --quiet -c SHA256SUMS; [ ! -L vmlinuz-\(Self.release) ]; [ \"$(cat ../mine)\" = mine ]; [ ! -e ../nowhere ]",
      in: bench.folder.path)
  }

  @Test("Files may not be large", arguments: commands.keys.sorted(), [0, 4, 100, 400])
  func limitedFiles(_ command: String, _ blocks: Int) async throws {
    let bench = try await Self.bench()
    let before = try await bench.listing()
    let result = try await bench.shell(
      "ulimit -f \(blocks); exec \"$minivm\" \(Self.commands[command, default: []].joined(separator: " ")) >/dev/null"
    )
    let largest = try await bench.shell(
      "stat -c %s \(Self.results[command, default: ""]) | sort -n | tail -n 1")
    // The larger limits are enough for the smaller results.
    if try #require(Int(largest.output.filter(\.isNumber))) <= blocks * 512 {
      #expect(result.status == 0, "\(command) \(blocks): \(result.errors)")
      return
    }
    try await bench.expectFailure(
      result, 1, ["File too large"], before: before, what: "\(command) \(blocks)")
  }

  @Test("The disk is full", arguments: commands.keys.sorted(), [4, 40, 150, 300])
  func fullDisk(_ command: String, _ kilobytes: Int) async throws {
    let namespace = try #require(
      try await Self.mountNamespace(), "neither root nor a user namespace: nothing can be mounted")
    let bench = try await Self.bench()
    let arguments = Self.commands[command, default: []].joined(separator: " ")
    // The room on the disk is less than what is there already and what the command makes.
    let result = try await Tool.run(
      "unshare",
      namespace + [
        "sh", "-uc",
        """
        mkdir full; mount -t tmpfs -o size=16m none full || exit 99
        cp -a p.deb t modules.* lib tree out vmlinuz* initramfs* modules-* full; cd full
        used=$(df -k . | awk 'END { print $3 }')
        mount -o remount,size=$((used + \(kilobytes)))k . || exit 99
        before=$(find . -printf '%p %y %m %s %l\\n' | sort; find . -type f -exec cksum {} + | sort)
        touch ../stamp; "$minivm" \(arguments) >/dev/null 2>../errors; code=$?
        after=$(find . -printf '%p %y %m %s %l\\n' | sort; find . -type f -exec cksum {} + | sort)
        [ $code = 0 ] && { find . -type f -cnewer ../stamp -exec du -kc {} + | tail -n 1; exit 0; }
        cat ../errors >&2
        [ "$before" = "$after" ] || { echo "$before"; echo; echo "$after"; exit 98; }
        exit $code
        """,
      ], in: bench.folder.path,
      environment: ["minivm": TestKit.program, "HOME": bench.folder("home")])
    // The larger ones are room enough for the smaller results.
    if result.status == 0 {
      let size = try #require(Int(result.output.prefix { $0.isNumber }))
      #expect(size <= kilobytes, "\(command): \(size) KB were written to \(kilobytes) KB of room")
      return
    }
    #expect(result.status == 1, "\(result.errors)\(result.output)")
    #expect(result.errors.contains("No space left on device"), "\(result.errors)")
  }

  /// How to get a place for mounts of our own: root has it, and others where user namespaces are allowed.
  static func mountNamespace() async throws -> [String]? {
    for arguments in [["-m"], ["-rm"]] {
      let result = try await Tool.run(
        "unshare", arguments + ["sh", "-c", "mount -t tmpfs none /mnt"])
      if result.status == 0 { return arguments }
    }
    return nil
  }

  @Test("No permission to write", arguments: commands.keys.sorted())
  func readOnly(_ command: String) async throws {
    let bench = try await Self.bench()
    try await Tool.shell(
      "chmod 555 . out out/lib out/lib/modules out/lib/modules/*", in: bench.folder.path)
    let before = try await bench.listing()
    // Root may write wherever it wants to, unless it gives that up.
    let prefix =
      geteuid() == 0
      ? "setpriv --bounding-set=-dac_override,-dac_read_search,-fowner --inh-caps=-dac_override,-dac_read_search,-fowner"
      : ""
    let result = try await bench.shell(
      "exec \(prefix) \"$minivm\" \(Self.commands[command, default: []].joined(separator: " "))")
    try await bench.expectFailure(
      result, 1, ["Permission denied"], before: before, what: command)
    try await Tool.shell(
      "chmod 755 . out out/lib out/lib/modules out/lib/modules/*", in: bench.folder.path)
  }

  @Test("Folders whose opening is interrupted are opened again", arguments: commands.keys.sorted())
  func interruptedOpening(_ command: String) async throws {
    let bench = try await Self.bench()
    let arguments = Self.commands[command, default: []].joined(separator: " ")
    for time in 1...4 {
      let places = "-P t -P t/bin -P . -P out -P tree/lib/modules/\(Self.release)/kernel"
      let result = try await bench.shell(
        "exec strace -f -qq -o calls -e trace=openat \(places) -e inject=openat:error=EINTR:when=\(time) \"$minivm\" \(arguments)"
      )
      #expect(result.status == 0, "\(time): \(result.errors)")
    }
  }

  @Test("When one of several files can't be put in its place, the earlier ones come back")
  func takenBack() async throws {
    let bench = try await Self.bench(withResults: false)
    try bench.folder.write("out/modules.dep", "earlier\n".utf8)
    let before = try await bench.listing()
    let arguments = Self.commands["depmod", default: []].joined(separator: " ")
    for time in 1...4 {
      // Counts both calls, each for itself: the second failure is the first try to take back.
      let result = try await bench.shell(
        "exec strace -f -qq -o /dev/null -e trace=rename,renameat2 -e inject=rename,renameat2:error=EIO:when=\(time) \"$minivm\" \(arguments)"
      )
      try await bench.expectFailure(
        result, 1, ["can't be replaced"], before: before, what: "\(time)")
    }
  }

  @Test("The same on file systems that can't swap two names")
  func takenBackWithoutExchange() async throws {
    let bench = try await Self.bench()
    for (command, times) in [("depmod", [1, 2, 6]), ("unpack", [1, 2])] {
      let before = try await bench.listing()
      let arguments = Self.commands[command, default: []].joined(separator: " ")
      for time in times {
        let result = try await bench.shell(
          "exec strace -f -qq -o /dev/null -e trace=rename,renameat2 -e inject=renameat2:error=EINVAL -e inject=rename:error=EIO:when=\(time) \"$minivm\" \(arguments)"
        )
        try await bench.expectFailure(
          result, 1, ["can't be replaced"], before: before, what: "\(command) \(time)")
      }
      let result = try await bench.shell(
        "exec strace -f -qq -o /dev/null -e trace=renameat2 -e inject=renameat2:error=EINVAL \"$minivm\" \(arguments)"
      )
      #expect(result.status == 0, "\(command): \(result.errors)")
      #expect(try await bench.temporaries() == "")
    }
  }

  @Test("With stdin, stdout and stderr closed, nothing that is printed goes into a result")
  func closedDescriptors() async throws {
    let bench = try await Self.bench()
    try bench.folder.write("lib/modules/\(Self.release)/modules.order", "kernel/none.ko\n".utf8)
    for closed in ["<&- >&- 2>&-", ">&- 2>&-", "<&- 2>&-", "<&- >&-"] {
      try await Tool.shell("rm -f modules-*.qcow2", in: bench.folder.path)
      let result = try await bench.shell("\"$minivm\" modules2qcow2 \(Self.release) \(closed)")
      // It says on stdout what it has made.
      #expect(
        result.status == (closed.contains(">&- ") || closed.hasSuffix(" >&-") ? 1 : 0), "\(closed)")
      try await Tool.shell("qemu-img check -q modules-*.qcow2", in: bench.folder.path)
    }
  }

  @Test("Temporary folders go, too, when one can't be opened at first")
  func removal() async throws {
    let bench = try await Self.bench(withResults: false)
    let result = try await bench.shell(
      """
      try() { strace -f -qq -o calls -e trace=openat "$@" "$minivm" unpack p.deb --out out >/dev/null; }
      try
      # Which call of its thread each is.
      numbers=$(awk '{ n[$1]++ } /\\.minivm-.*O_DIRECTORY/ { print n[$1] }' calls | sort -un)
      [ -n "$numbers" ] || exit 99
      for number in $numbers; do
        try -e inject=openat:error=EMFILE:when=$number || [ $? = 1 ] || exit 98
        find . -name '.minivm-*'
      done
      """)
    #expect(result.status == 0 && result.output == "", "\(result.output)\(result.errors)")
  }

  @Test("The command line is known without /proc/self/maps, too")
  func commandLine() async throws {
    let bench = try await Self.bench(withResults: false)
    let result = try await bench.shell(
      "exec strace -f --quiet=all -o /dev/null -P /proc/self/maps -e trace=openat -e inject=openat:error=EMFILE \"$minivm\" unpack p.deb --out out"
    )
    #expect(result.status == 0 && result.output.contains("out/vmlinuz"), "\(result.output)")
  }

  @Test("What is printed has to get there")
  func fullStandardOutput() async throws {
    let bench = try await Self.bench()
    for command in [
      "build p.deb --template t --out out", "unpack p.deb --out out",
      "modules2qcow2 \(Self.release)", "depmod -n -b tree \(Self.release)",
    ] {
      let result = try await bench.shell("\"$minivm\" \(command) >/dev/full")
      #expect(
        result.status == 1 && result.errors.contains("stdout: can't be written"), "\(command)")
    }
  }

  @Test("Two at once, into one folder")
  func together() async throws {
    var other = MadeUpPackage.kernel
    for index in other.entries.indices {
      let path = String(decoding: other.entries[index].path, as: UTF8.self)
      other.entries[index].path = Array(path.replacing("6.1.0-1-x", with: "6.1.0-2-x").utf8)
    }
    let bench = try CommandBench(Self.big)
    try bench.folder.write("q.deb", other.bytes)
    let result = try await bench.shell(
      """
      set -e
      for i in 1 2 3 4 5; do
        rm -rf out; pids=
        for p in p q p q; do "$minivm" build $p.deb --template t --out out --quiet & pids="$pids $!"; done
        for pid in $pids; do wait $pid; done
        (cd out; sha256sum --quiet -c SHA256SUMS; [ $(wc -l <SHA256SUMS) = 10 ]; ls -A | wc -l)
      done
      """)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(Set(result.output.split(separator: "\n")) == ["11"], "\(result.output)")
  }

  @Test("Two at once, each of which has made all of it before: what stays is one of the two kits")
  func togetherAgain() async throws {
    let bench = try CommandBench(Self.big)
    let result = try await bench.shell(
      """
      set -e
      make() { "$minivm" build p.deb --template t --out out --quiet "$@"; }
      make --disk-compression none; make
      for i in $(seq 20); do
        make --disk-compression none & sleep 0.0$((i % 10)); make; wait $!
        (cd out; sha256sum --quiet -c SHA256SUMS)
      done
      """)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }
}
