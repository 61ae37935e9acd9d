import Formats
import Glibc
import KernelKit
import TestSupport
import Testing

/// `minivm boot` with kits that are none, and with a QEMU that is none: a script in its place.
@Suite struct BootFaultTests {
  static let release = CommandBench.release

  /// A kit of a made-up kernel, and an emulator that does what `MODE` says.
  static func bench() async throws -> CommandBench {
    let bench = try CommandBench()
    try bench.folder.write("t/bin/busybox", staticProgram(["sh"]))
    let emulator = try bench.folder.write(
      "qemu/qemu-system-x86_64",
      """
      #!/bin/sh
      echo $$ >>"$PIDS"
      case $MODE in
      silent) exec sleep 60 ;;
      works) printf 'minivm: the kit works\\r\\n'; exec sleep 60 ;;
      talks) printf 'one\\r\\n\\033[31mtwo\\033[0m\\007\\r\\nthree'; exec sleep 60 ;;
      ends) echo one ;;
      panics) echo "$@"; echo '[ 1.0] Kernel panic - not syncing: VFS'; echo two ;;
      tells) echo 'log: Kernel panic - not syncing: VFS'; echo '[ 1.0] Kernel panic - not syncing: x exitcode=0x00000000' ;;
      gives-up) echo "$@"; printf 'minivm: starting again (panic=-1)\r\n' ;;
      raw) stty raw -echo; exec sleep 60 ;;
      floods) exec yes 'a line' ;;
      fails) echo 'qemu: no such machine' >&2; exit 1 ;;
      warns) echo 'qemu: no such device' >&2; echo 'qemu: warning: no such feature' >&2; exit 1 ;;
      dies) echo one; kill -9 $$ ;;
      grumbles) dd if=/dev/zero of=/dev/stderr bs=65536 count=64; printf 'minivm: the kit works\\r\\n'; exec sleep 60 ;;
      paints) printf 'a\\302\\233b\\n' ;;
      complains) exec dd if=/dev/zero of=/dev/stderr bs=65536 count=64 ;;
      esac
      """.utf8)
    try FileTree.setAttributes(emulator, mode: 0o755, seconds: 0)
    try FileTree.makeDirectories(bench.folder("tmp"))
    #expect(try await bench.run(["build", "p.deb", "--template", "t", "--out", "kit"]).status == 0)
    return bench
  }

  static func environment(_ bench: CommandBench, _ mode: String) -> [String: String] {
    [
      "MODE": mode, "TMPDIR": bench.folder("tmp"), "PIDS": bench.folder("home/pids"),
      "PATH": "\(bench.folder("qemu")):/usr/bin:/bin",
    ]
  }

  /// Emulators that still run. One that was killed is given two seconds to be gone: a busy kernel ends it
  /// after kill(2) has returned.
  static func running(_ bench: CommandBench) async throws -> String {
    try await Tool.shell(
      """
      [ -e home/pids ] || exit 0
      for try in $(seq 20); do
        left=$(for p in $(cat home/pids); do readlink /proc/$p/exe || :; done)
        [ -n "$left" ] || exit 0
        sleep 0.1
      done
      echo "$left"
      """, in: bench.folder.path)
  }

  @Test("A failure is in the JSON, too")
  func failureJSON() async throws {
    let bench = try await Self.bench()
    let result = try await bench.run(
      ["boot", "kit", "--accel", "tcg", "--timeout", "1", "--expect", "four", "--json"],
      environment: Self.environment(bench, "talks"))
    #expect(result.status == 5)
    #expect(result.output.contains("\"problem\" : \"“four” did not come within 1 s\""))
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
    try await expect(["none"], 3, "none: there is no such folder; make a kit")
    try await expect(["tmp"], 3, "tmp: there is no vmlinuz-VER and initramfs-VER in it; make them")
    try await expect(["p.deb"], 3, "p.deb: there is no such folder")
    try await expect(["kit", "--kernel", "6.9"], 3, "vmlinuz-6.9")
    try await expect(["kit", "--root", "none.raw"], 3, "none.raw: can't be opened")
    try await expect(["kit", "--root", "tmp"], 1, "tmp: is not a regular file")
    try await expect(["kit", "--machine", "virt"], 2, "there is no machine virt for amd64")
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
      ["boot", "kit"], 3, "qemu-system-x86_64 is not installed, or not in PATH; install QEMU",
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
    for (mode, status, message) in [("dies", 5, "was ended by signal 9"), ("paints", 0, "ab")] {
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
}
