import Basics
import Formats
import Glibc
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// `minivm boot` with kits that are none, and with a QEMU that is none: a script in its place.
@Suite struct BootFaultTests {
  static let release = CommandBench.release

  @Test("A failure is in the JSON, too")
  func failureJSON() async throws {
    let bench = try await Self.bench()
    let result = try await bench.run(
      ["boot", "kit", "--accel", "tcg", "--timeout", "1", "--expect", "four", "--json"],
      environment: Self.environment(bench, "talks"))
    #expect(result.status == 5)
    #expect(result.output.contains("\"problem\" : \"“four” did not come within 1 s (--timeout)\""))
    #expect(result.output.contains("\"three\""))
  }

  @Test("A guest on the user's terminal is ended in time, and the terminal is as it was")
  func terminal() async throws {
    let bench = try await Self.bench()
    try bench.folder.write("r.img", [0])
    for ending in ["--timeout 1", "& sleep 1; kill $!; wait $!"] {
      let boot = "\"$minivm\" boot kit --root r.img --accel tcg \(ending)"
      let result = try await bench.shell(
        "script -qec 'set +m; \(boot); echo status $?; stty -a' /dev/null",
        environment: Self.environment(bench, "raw"))
      let status = ending.hasPrefix("--") ? "status 5" : "status 143"
      #expect(result.output.contains(status), "\(result)")
      #expect(result.output.contains(" echo ") && result.output.contains(" icanon "), "\(result)")
    }
    #expect(try await Self.running(bench) == "")
  }

  @Test(
    "A guest that gives up has failed, where nobody is there to see it",
    arguments: ["panics", "gives-up"])
  func givingUp(_ mode: String) async throws {
    let bench = try await Self.bench()
    try bench.folder.write("root.img", [UInt8](repeating: 0, count: 4096))
    let environment = Self.environment(bench, mode)
    let result = try await bench.run(
      ["boot", "kit", "--root", "root.img", "--accel", "tcg"], environment: environment)
    #expect(result.status == 5, "\(result.errors)")
    #expect(result.errors.contains("minivm: the guest gave up: "))
    #expect(result.errors.contains(" panic=-1"))
    let told = try await bench.run(
      ["boot", "kit", "--root", "root.img", "--accel", "tcg"],
      environment: Self.environment(bench, "tells"))
    #expect(told.status == 0, "\(told.errors)")
    let print = ["boot", "kit", "--root", "root.img", "--print"]
    #expect(try await !bench.run(print, environment: environment).output.contains("panic=-1"))
  }

  @Test("Without /proc, as in a plain chroot, boot and run end with a line, not by a trap")
  func withoutProc() async throws {
    let bench = try await Self.bench()
    let namespace = try #require(
      try await OutputTests.mountNamespace(),
      "neither root nor a user namespace: nothing can be mounted")
    let script = "mount -t tmpfs none /proc || exit 99; exec \"$minivm\" "
    for (command, status) in [
      ("boot kit --accel tcg", 3), ("boot kit --accel tcg --expect x", 3),
      ("run kit --accel tcg -- true", 125),
    ] {
      let result = try await Tool.run(
        "unshare", namespace + ["sh", "-uc", script + command], in: bench.folder.path,
        environment: Self.environment(bench, "works").merging(["minivm": TestKit.program]) { $1 })
      #expect(result.status == status, "\(command): \(result)")
      // run may lack something else before: the kit of this test has no program for it.
      let isNamed = result.errors.contains("mount -t proc proc /proc")
      #expect(
        isNamed || status == 125 && result.errors.hasPrefix("minivm: "), "\(command): \(result)")
    }
  }

  @Test("Kits and disks that are not there, or not what they are called")
  func badKits() async throws {
    let bench = try await Self.bench()
    let environment = Self.environment(bench, "works")
    func expect(
      _ arguments: [String], _ status: Int, _ fragment: String,
      location: SourceLocation = #_sourceLocation
    ) async throws {
      try await bench.expectFailure(
        ["boot"] + arguments, status, fragment, environment: environment, location: location)
    }
    try await expect(["none"], 3, "none: no such folder; make a kit")
    try await expect(["tmp"], 3, "tmp: has no vmlinuz-VER and initramfs-VER; make them")
    try await expect(["p.deb"], 2, "p.deb: is not a manifest-VER.json; give a kit's folder")
    try await expect(["kit", "--kernel", "6.9"], 3, "vmlinuz-6.9")
    try await expect(["kit", "--root", "none.raw"], 3, "none.raw: can't be opened")
    try await expect(["kit", "--root", "tmp"], 1, "tmp: is not a regular file")
    try await expect(["kit", "--machine", "virt"], 2, "machine virt does not exist for amd64")
    try await expect(["kit", "--disk", "ide", "--machine", "q35"], 2, "has no IDE disks")
    try await Tool.shell(
      """
      cp -r kit two; cp kit/vmlinuz-\(Self.release) two/vmlinuz-6.2; echo x >two/initramfs-6.2
      cp -r kit odd; echo x >odd/vmlinuz-\(Self.release)
      cp -r kit empty; : >empty/initramfs-\(Self.release)
      cp -r kit cut; head -c 300 kit/initramfs-\(Self.release) >cut/initramfs-\(Self.release)
      cp -r kit fifo; rm fifo/vmlinuz-*; mkfifo fifo/vmlinuz-\(Self.release)
      """, in: bench.folder.path)
    try await expect(["two"], 2, "holds more than one kernel: 6.1.0-1-x, 6.2; choose one")
    try await expect(["two", "--kernel", "6.2"], 1, "two/initramfs-6.2: ")
    try await expect(["odd"], 1, "odd/vmlinuz-\(Self.release): is not a Linux kernel")
    try await expect(["empty"], 1, "empty/initramfs-\(Self.release): ")
    try await expect(["cut"], 1, "cut/initramfs-\(Self.release): ")
    try await expect(["fifo"], 1, "fifo/vmlinuz-\(Self.release): is not a regular file")
    try bench.folder.write("t/bin/busybox", [])
    #expect(
      try await bench.run(["build", "p.deb", "--template", "t", "--out", "bare"]).status == 0)
    try await expect(["bare"], 1, "has no bin/busybox; boot a disk of your own")
  }

  @Test("Without QEMU it says what to install")
  func noEmulator() async throws {
    let bench = try await Self.bench()
    var environment = Self.environment(bench, "works")
    environment["PATH"] = bench.folder("home")
    try await bench.expectFailure(
      ["boot", "kit"], 3, "qemu-system-x86_64 is not installed or not on PATH; install QEMU",
      environment: environment)
  }

  @Test(
    "Guests that don't do what is expected",
    arguments: [
      ("silent", "within 1 s"), ("talks", "within 1 s"), ("ends", "before the guest ended"),
      ("floods", "within 1 s"), ("fails", "qemu: no such machine"), ("complains", ""),
      ("warns", "qemu: no such device"), ("dies", "before the guest ended"),
    ])
  func unexpected(_ mode: String, _ message: String) async throws {
    let bench = try await Self.bench()
    let before = try await bench.listing()
    let result = try await bench.run(
      ["boot", "kit", "--accel", "tcg", "--timeout", "1"],
      environment: Self.environment(bench, mode))
    #expect(result.status == 5, "\(result.errors)")
    #expect(result.errors.contains(message), "\(result.errors)")
    if mode == "talks" { #expect(result.errors.contains("\n  | one\n  | two\n  | three\n")) }
    #expect(!result.errors.utf8.contains(0x1b))
    #expect(try await Self.running(bench) == "")
    #expect(try await bench.listing() == before)
  }

  @Test(
    "A guest that is booted until it ends is not taken for one that has, when its QEMU was killed")
  func killed() async throws {
    let bench = try await Self.bench()
    try bench.folder.write("r.img", [0])
    for (mode, status, message) in [("dies", 5, "was killed by signal 9"), ("paints", 0, "ab")] {
      let result = try await bench.run(
        ["boot", "kit", "--accel", "tcg", "--root", "r.img"],
        environment: Self.environment(bench, mode))
      #expect(result.status == status && result.errors.contains(message), "\(result.errors)")
    }
  }

  @Test("A reader of the output that goes takes the guest with it")
  func brokenPipe() async throws {
    let bench = try await Self.bench()
    try bench.folder.write("r.img", [0])
    let result = try await bench.shell(
      "\"$minivm\" boot kit --root r.img --accel tcg --expect never 2>&1 | head -n 1",
      environment: Self.environment(bench, "floods"))
    #expect(result.output == "a line\n")
    #expect(try await Self.running(bench) == "")
  }

  @Test("Guests that do", arguments: ["30", "9223372036854775807"])
  func expected(_ timeout: String) async throws {
    let bench = try await Self.bench()
    let before = try await bench.listing()
    let result = try await bench.run(
      ["boot", "kit", "--accel", "tcg", "--timeout", timeout],
      environment: Self.environment(bench, timeout == "30" ? "works" : "grumbles"))
    #expect(result.status == 0 && result.output.contains("6.1.0-1-x booted in"), "\(result.errors)")
    #expect(try await Self.running(bench) == "")
    #expect(try await bench.listing() == before)
  }

  @Test("A signal ends the guest, too", arguments: [Tool.Signal.interrupt, .terminate, .hangup])
  func signals(_ signal: Tool.Signal) async throws {
    let bench = try await Self.bench()
    let before = try await bench.listing()
    for after in [5, 20, 30, 40, 50, 60, 80, 100, 200, 400] {
      let status = try await bench.interrupt(
        ["boot", "kit", "--accel", "tcg"], signal, after: .milliseconds(after),
        environment: Self.environment(bench, "silent"))
      #expect(status == 128 + signal.number)
      #expect(try await Self.running(bench) == "", "after \(after) ms")
      #expect(try await bench.listing() == before, "after \(after) ms")
    }
  }

  private static let root = ["boot", "kit", "--accel", "tcg", "--root", "r.img"]

  @Test(
    "The verdict is the guest's and QEMU's exit status, however late QEMU ends after its console",
    arguments: [
      ("closes", "0", 0), ("closes", "1", 5), ("clean", "0", 0), ("clean", "1", 5),
    ])
  func lateEnd(_ mode: String, _ code: String, _ status: Int) async throws {
    let bench = try await Self.bench()
    try bench.folder.write("r.img", [0])
    let result = try await bench.run(
      Self.root, environment: Self.environment(bench, mode).merging(["STATUS": code]) { $1 })
    #expect(result.status == status, "\(result.errors)")
    #expect(!result.errors.contains("signal 9"))
    if status != 0 { #expect(result.errors.contains("exited with status 1")) }
    #expect(try await Self.running(bench) == "")
  }

  @Test("A QEMU that stays after its console, or a guest that halts, does not hang the run")
  func stays() async throws {
    let bench = try await Self.bench()
    try bench.folder.write("r.img", [0])
    for (mode, code, status, message) in [
      ("lingers", "", 5, "the guest did not end within 1 s (--timeout)"),
      ("halts", "1", 5, "the guest gave up: [ 1.0] Kernel panic"), ("halts", "0", 0, ""),
    ] {
      let result = try await bench.run(
        Self.root + (mode == "lingers" ? ["--timeout", "1"] : []),
        environment: Self.environment(bench, mode).merging(["CODE": code]) { $1 })
      #expect(result.status == status && result.errors.contains(message), "\(result)")
    }
    #expect(try await Self.running(bench) == "")
  }

  @Test("Without a terminal, a shell is the end; so is one in the place of root's init")
  func shells() async throws {
    let bench = try await Self.bench()
    try bench.folder.write("r.img", [0])
    for (mode, more, message) in [
      ("shell", [], "minivm: this is a shell in the RAM disk"),
      ("lost", [], "the guest gave up: minivm: can't find the root device /dev/x; the console's"),
      ("shell", ["--expect", "login:"], "minivm: this is a shell in the RAM disk"),
      ("bare", [], "minivm: starting /bin/sh (nobody is at the console)"),
      ("bare", ["--append", "init=/bin/sh", "--timeout", "1"], "did not end within 1 s"),
    ] {
      let result = try await bench.run(
        Self.root + more, environment: Self.environment(bench, mode))
      #expect(result.status == 5 && result.errors.contains(message), "\(result)")
    }
    for (mode, text) in [("shell", "shell in the RAM disk"), ("bare", "# ")] {
      let result = try await bench.run(
        Self.root + ["--expect", text], environment: Self.environment(bench, mode))
      #expect(result.status == 0, "\(result)")
    }
    #expect(try await Self.running(bench) == "")
    // These are the words of the RAM disk's own init.
    for text in [
      "minivm: ", "this is a shell in the RAM disk", "starting again (panic=", "starting $kit_init",
    ] {
      #expect(DefaultFiles.initScript.contains(text))
    }
  }

  @Test("What is expected may be the last word of a QEMU that fails")
  func lastWord() async throws {
    let bench = try await Self.bench()
    try bench.folder.write("r.img", [0])
    let result = try await bench.run(
      Self.root + ["--expect", "last word"], environment: Self.environment(bench, "last"))
    #expect(result.status == 0, "\(result)")
  }

  @Test("What the kernel says before /init is not what is expected, but for --expect-kernel")
  func kernelsEcho() async throws {
    let bench = try await Self.bench()
    try bench.folder.write("r.img", [0])
    let early = "it came before /init started, which --expect-kernel word counts"
    for (options, say, status, message) in [
      (["--append", "word", "--expect", "word"], "", 5, early),
      (
        ["--append", "word", "--expect", "word"], "[ 1.0] Run /init as init process\nno\n", 5, early
      ),
      (["--expect", "word"], "[ 1.0] Run /init as init process\n[ 1.1] sda: word\n", 0, ""),
      (["--expect", "word"], "minivm: word\n", 0, ""),
      (["--append", "quiet", "--expect", "word"], "", 5, early),
      (["--append", "quiet", "--expect", "word"], "Kernel command line: word\n", 5, early),
      (["--append", "quiet", "--expect", "word"], "a word: ", 0, ""),
      (["--append", "x", "--expect-kernel", "word"], "", 0, ""),
      (["--append", "word", "--expect-kernel", "word", "--json"], "", 0, ""),
    ] {
      let result = try await bench.run(
        Self.root + options,
        environment: Self.environment(bench, "echoes").merging(["SAY": say]) { $1 })
      #expect(
        result.status == status && result.errors.contains(message), "\(options) \(say): \(result)")
    }
    try await bench.expectFailure(
      Self.root + ["--expect", "a", "--expect-kernel", "b"], 2, "not both")
    try await bench.expectFailure(Self.root + ["--expect", ""], 2, "a non-empty text")
  }

  @Test("The console is in a file, whole and in its own bytes, when the boot fails, too")
  func consoleFile() async throws {
    let bench = try await Self.bench()
    try bench.folder.write("r.img", [0])
    let environment = Self.environment(bench, "talks")
    try bench.folder.write("log", "what was there before, and is longer than what comes".utf8)
    let result = try await bench.run(
      Self.root + ["--timeout", "1", "--console", "log"], environment: environment)
    #expect(result.status == 5)
    let bytes = "one\r\n\u{1b}[31mtwo\u{1b}[0m\u{7}\r\nthree"
    #expect(try InputFile(bench.folder("log")).readAll(limit: 100) == Array(bytes.utf8))
    let out = try await bench.run(
      Self.root + ["--timeout", "1", "--console", "-"], environment: environment)
    #expect(out.status == 5 && out.output == bytes && !out.errors.contains("one\n\u{1b}"))
    let full = try await bench.run(
      Self.root + ["--console", "/dev/full"], environment: Self.environment(bench, "ends"))
    #expect(full.status == 1 && full.errors.contains("/dev/full: can't be written"), "\(full)")
    try await bench.expectFailure(
      Self.root + ["--console", "none/log"], 1, "none/log: can't be written",
      environment: environment)
    try await bench.expectFailure(
      ["boot", "kit", "--json", "--console", "-"], 2, "give --console a file name")
    // Without QEMU, nothing is lost.
    try bench.folder.write("log", "before".utf8)
    var none = environment
    none["PATH"] = bench.folder("home")
    try await bench.expectFailure(
      Self.root + ["--console", "log"], 3, "not installed", environment: none)
    let print = try await bench.run(Self.root + ["--print", "--console", "a,b"])
    #expect(print.output.contains("stdio,id=console,mux=on,signal=off,logfile=a,,b"), "\(print)")
  }

  @Test("The last lines have what matters, and no registers and stacks")
  func lastLines() async throws {
    let bench = try await Self.bench()
    try bench.folder.write("r.img", [0])
    let result = try await bench.run(Self.root, environment: Self.environment(bench, "dumps"))
    #expect(result.status == 5)
    let lines = result.errors.split(separator: "\n").filter { $0.hasPrefix("  | ") }
    #expect(lines.first == "  | minivm: line 1" && lines.last == "  | [    1.2] note 20")
    #expect(lines.contains("  | init: no config"))
    #expect(lines.contains { $0.contains("Kernel panic - not syncing: Attempted") })
    #expect(!lines.contains { $0.contains("RAX") || $0.contains("do_exit") })
    #expect(lines.count < 25)
  }
}
