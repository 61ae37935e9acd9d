import Formats
import KernelKit
import TestSupport
import Testing

/// `minivm run`, as its users call it.
@Suite(.serialized) struct RunTests {
  private static let folder = Result { try TemporaryFolder() }
  private static let cloud = Result { try makeKit("cloud") }

  private static func makeKit(_ name: String) throws -> String {
    let folder = try folder.get()
    let template = try TestKit.makeTemplate(folder)
    try TestKit.build(name, template: template, to: folder(name))
    return folder(name)
  }

  /// - Parameter options: before the command.
  private static func run(
    _ command: [String], _ options: [String] = [], kit: String? = nil, in folder: TemporaryFolder,
    environment: [String: String] = [:]
  ) async throws -> Tool.Result {
    let kit = try kit ?? cloud.get()
    return try await Tool.run(
      TestKit.program,
      ["run", kit, "--accel", "tcg", "--timeout", "120"] + options + ["--"] + command,
      in: folder.path, environment: environment)
  }

  @Test("Streams, status, files, variables and modules of one command")
  func command() async throws {
    let folder = try TemporaryFolder()
    let mark = "/etc/minivm-run-\(FileTree.name(of: folder.path))"
    let script = """
      echo "pwd $PWD"; echo "uid $(id -u)"; echo problem >&2
      echo "secret [$SECRET] named [$NAMED] set [$SET] home [$HOME]"
      echo changed >\(mark) && cat \(mark)
      echo from the guest >here
      ls /lib/modules | grep -v lost+found
      grep -c ^veth /proc/modules
      mkdir /tmp/again && mount -t virtiofs minivm0 /tmp/again && mount -o remount,rw /tmp/again
      echo broken >/tmp/again\(mark) || echo refused
      exit 7
      """
    let result = try await Self.run(
      ["sh", "-c", script],
      ["--env", "NAMED", "--env", "SET=a=b", "--module", "veth", "--json", folder("report")],
      in: folder, environment: ["SECRET": "s", "NAMED": "n", "HOME": "/root"])
    #expect(result.status == 7, "\(result.errors)")
    let release = try TestCache.release(in: TestCache.tree("cloud"))
    #expect(
      result.output == """
        pwd \(folder.path)
        uid 0
        secret [] named [n] set [a=b] home [/root]
        changed
        \(release)
        1
        refused

        """)
    #expect(result.errors.hasPrefix("problem\n"))
    #expect(FileTree.status(mark) == nil)
    #expect(try folder.read("here") == Array("from the guest\n".utf8))
    let report = String(decoding: try folder.read("report"), as: UTF8.self)
    for text in ["\"status\" : 7", "\"ended\" : \"exited\"", "\"transport\" : \"virtiofs\""] {
      #expect(report.contains(text), "\(report)")
    }
  }

  @Test(
    "Nothing but the command's own success is one",
    arguments: [
      ("exit 255", 255, ""),
      ("kill -15 $$", 143, ""),
      // The kernel keeps its first process from its own machine's signals.
      ("kill -9 1; exit 4", 4, ""),
      (
        "echo c >/proc/sysrq-trigger; sleep 60", 255, "the kernel panicked before the command ended"
      ),
      ("echo o >/proc/sysrq-trigger; sleep 60", 255, "the machine powered off or restarted"),
    ])
  func endings(_ script: String, _ status: Int, _ message: String) async throws {
    let folder = try TemporaryFolder()
    let result = try await Self.run(["sh", "-c", script], in: folder)
    #expect(result.status == status, "\(result.errors)")
    #expect(message.isEmpty ? result.errors.isEmpty : result.errors.contains(message))
  }

  @Test("A command that is not there, one that can't be run, one that does not end")
  func refusals() async throws {
    let folder = try TemporaryFolder()
    try folder.write("script", "#!/no/interpreter\n".utf8)
    try FileTree.setAttributes(folder("script"), mode: 0o755, seconds: 0)
    let missing = try await Self.run(["no-such-command"], in: folder)
    #expect(missing.status == 127)
    #expect(missing.errors == "minivm: no-such-command: command not found\n")
    let broken = try await Self.run(["./script"], in: folder)
    #expect(broken.status == 126)
    #expect(broken.errors.contains("./script: its interpreter"))
    let endless = try await Self.run(["sleep", "600"], ["--timeout", "10"], in: folder)
    #expect(endless.status == 124)
    #expect(endless.errors.contains("did not end within 10 s"))
  }

  @Test("Two runs at once: bytes come through whole, and a reader that leaves ends the writer")
  func streams() async throws {
    let folder = try TemporaryFolder()
    var random = SeededGenerator(seed: 21)
    var bytes: [UInt8] = []
    for _ in 0..<1 << 19 {
      let word = random.next()
      for shift in stride(from: 0, to: 64, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
      }
    }
    try folder.write("in", bytes)
    let run = "\(TestKit.program) run \(try Self.cloud.get()) --accel tcg --timeout 120"
    try await Tool.shell(
      """
      (set +e; \(run) -- yes; echo $? >left) | head -n 2 >two &
      set +e; \(run) -- sh -c 'cat; sha256sum in >sum; exit 9' <in >out; status=$?; set -e
      wait
      test $status = 9
      cmp in out
      sha256sum -c sum
      test "$(cat two)" = "$(printf 'y\\ny')"
      test $(cat left) = 141
      """, in: folder.path)
  }

  @Test("On a terminal the command has one, of its size")
  func terminal() async throws {
    let folder = try TemporaryFolder()
    let run = "\(TestKit.program) run \(try Self.cloud.get()) --accel tcg --timeout 120"
    try await Tool.shell(
      """
      set +e
      script -qec "stty rows 33 cols 101; \(run) -- sh -c 'tty; stty size; exit 3'" log </dev/null >out
      test $? = 3 && grep -q /dev/pts/0 out && grep -q '33 101' out
      """, in: folder.path)
  }

  @Test("9p, without virtiofs")
  func p9() async throws {
    let folder = try TemporaryFolder()
    let kit = try Self.makeKit("full")
    let result = try await Self.run(
      ["sh", "-c", "grep -o '^minivm1 [^ ]* 9p' /proc/mounts; echo x >made; exit 5"],
      ["--transport", "9p"], kit: kit, in: folder)
    #expect(result.status == 5, "\(result.errors)")
    #expect(result.output == "minivm1 \(folder.path) 9p\n")
    #expect(try folder.read("made") == Array("x\n".utf8))
  }

  @Test("After kill -9 of minivm neither QEMU nor virtiofsd is left")
  func killed() async throws {
    let folder = try TemporaryFolder()
    let run = "\(TestKit.program) run \(try Self.cloud.get()) --accel tcg --timeout 120"
    // Both have the temporary folder in their command lines.
    try await Tool.shell(
      """
      mkdir temporary
      TMPDIR=$PWD/temporary \(run) -- sh -c 'touch started; sleep 600' </dev/null &
      minivm=$!
      until test -e started; do kill -0 $minivm; sleep 0.2; done
      test "$(pgrep -fc "$PWD/temporary")" -ge 3
      kill -9 $minivm
      for try in $(seq 100); do pgrep -f "$PWD/temporary" >/dev/null || exit 0; sleep 0.1; done
      pgrep -fa "$PWD/temporary"
      exit 1
      """, in: folder.path)
  }

  @Test("What is wrong before the boot is minivm's own failure, 125")
  func ownFailures() async throws {
    let folder = try TemporaryFolder()
    for (options, message) in [
      (["--module", "no-such-module"], "has no module"),
      (["--transport", "9p"], "has no 9p"),
      (["--net", "bridge"], "--net is user or none"),
      (["--share", "/no/such/folder"], "/no/such/folder: no such folder"),
      (["--user", "no-such-user"], "no user"),
    ] {
      let result = try await Self.run(["true"], options, in: folder)
      #expect(result.status == 125, "\(options)")
      #expect(result.errors.contains(message), "\(result.errors)")
    }
    let kit = try await Tool.run(
      TestKit.program, ["run", "/no/such/kit", "--", "true"], in: folder.path)
    #expect(kit.status == 125)
  }
}
