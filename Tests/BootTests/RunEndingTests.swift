import Formats
import TestSupport
import Testing

/// The ways in which a run can end: the exit status, and what `minivm` says. docs/RUN.md has the table.
@Suite struct RunEndingTests {
  struct Ending: Sendable, CustomTestStringConvertible {
    var name: String
    /// For the guest's shell.
    var script: String
    var status: Int
    /// Parts of what is said; none where nothing is said.
    var messages: [String]
    var options: [String]

    init(
      _ name: String, _ script: String, _ status: Int, _ messages: String..., options: [String] = []
    ) {
      (self.name, self.script, self.status) = (name, script, status)
      (self.messages, self.options) = (messages, options)
    }

    var testDescription: String { name }
  }

  private static let endless = "sleep 600"

  static let endings = [
    Ending("success", "exit 0", 0),
    Ending("255, which is the command's own", "exit 255", 255),
    Ending("SIGTERM", "kill -TERM $$", 143),
    Ending("SIGSEGV", "kill -SEGV $$", 139),
    Ending("SIGKILL", "kill -KILL $$", 137),
    // The kernel keeps its first process from its own machine's signals.
    Ending("kill -9 1", "kill -9 1; exit 4", 4),
    Ending("what it left behind has its output", "sleep 600 & echo left >&2; exit 3", 3, "left"),
    Ending(
      "panic", "echo c >/proc/sysrq-trigger; \(endless)", 255,
      "the kernel panicked before the command ended", "Kernel panic - not syncing: sysrq"),
    Ending(
      "panic without a restart", "echo 0 >/proc/sys/kernel/panic; echo c >/proc/sysrq-trigger", 255,
      "the kernel panicked before the command ended", "Kernel panic - not syncing: sysrq"),
    Ending(
      "power off", "echo o >/proc/sysrq-trigger; \(endless)", 255,
      "the machine powered off before the command ended"),
    Ending(
      "restart", "echo b >/proc/sysrq-trigger; \(endless)", 255,
      "the machine restarted before the command ended"),
    // LINUX_REBOOT_CMD_HALT: QEMU goes on.
    Ending(
      "halt", "perl -e 'syscall(169, 0xfee1dead, 672274793, 0xcdef0123, 0)'", 255,
      "the machine halted before the command ended"),
    Ending(
      "out of memory", "tail /dev/zero", 137, "the guest ran out of memory; raise --memory",
      "Killed process", options: ["--memory", "256"]),
    // Its parent tells.
    Ending(
      "out of memory, in a child", "tail /dev/zero; exit $?", 137, "the guest ran out of memory",
      options: ["--memory", "256"]),
    Ending(
      "no room in /tmp", "head -c 300M /dev/zero >/tmp/large", 1, "No space left on device",
      options: ["--memory", "256"]),
    Ending(
      "hang: a thread that nothing interrupts, on the only processor",
      "echo -1 >/proc/sys/kernel/sched_rt_runtime_us; exec chrt -f 99 sh -c 'while :; do :; done'",
      124, "the command did not end within 15 s", options: ["--timeout", "15"]),
  ]

  @Test("Status and message of each end", arguments: endings)
  func ends(_ ending: Ending) async throws {
    let folder = try TemporaryFolder()
    let result = try await RunKits.run(["sh", "-c", ending.script], ending.options, in: folder)
    #expect(result.status == ending.status, "\(result.errors)")
    for message in ending.messages { #expect(result.errors.contains(message), "\(result.errors)") }
    if ending.messages.isEmpty { #expect(result.errors.isEmpty) }
    #expect(result.output.isEmpty)
  }

  @Test(
    "An oops ends the process that caused it, and the kernel with panic_on_oops",
    arguments: [
      ("", 139, ""),
      (
        "echo 1 >/proc/sys/kernel/panic_on_oops; ", 255,
        "the kernel panicked before the command ended"
      ),
    ])
  func oops(_ before: String, _ status: Int, _ message: String) async throws {
    let folder = try TemporaryFolder()
    try folder.write("broken.ko", try brokenModule())
    let result = try await RunKits.run(["sh", "-c", "\(before)insmod broken.ko"], in: folder)
    #expect(result.status == status, "\(result.errors)")
    if message.isEmpty {
      #expect(!result.errors.contains("minivm:"))
    } else {
      #expect(
        result.errors.contains(message) && result.errors.contains("invalid opcode: 0000 [#1]"))
    }
  }

  /// Returns a module of the kernel that begins with an invalid instruction, and whose signature is gone.
  private func brokenModule() throws -> [UInt8] {
    let tree = "\(try TestCache.tree("cloud"))/lib/modules"
    let release = try TestCache.release(in: TestCache.tree("cloud"))
    var module = try InputFile.contents(
      of: "\(tree)/\(release)/kernel/fs/nls/nls_iso8859-1.ko", limit: 1 << 20)
    // call __fentry__; mov $this_module, %rsi: the beginning of init_module.
    let begin: [UInt8] = [0xe8, 0, 0, 0, 0, 0x48, 0xc7, 0xc6]
    let place = try #require(
      module.indices.dropLast(begin.count).first { module[$0...].starts(with: begin) })
    // ud2.
    module.replaceSubrange(place + 5..<place + 7, with: [0x0f, 0x0b])
    return module.dropLast("~Module signature appended~\n".utf8.count)
  }

  @Test(
    "Commands that can't be run: 126 and 127, as a shell has them",
    arguments: [
      ("no-such-command", 127, "command not found"), ("./no-such-file", 127, "command not found"),
      ("./plain/x", 127, "command not found"), ("./plain", 126, "Permission denied"),
      ("./script", 126, "its interpreter or dynamic loader does not exist"),
      ("./foreign", 126, "not a program for this kernel"),
      ("./text", 126, "not a program for this kernel"),
    ])
  func refusals(_ command: String, _ status: Int, _ message: String) async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      """
      printf '#!/no/interpreter\\n' >script
      printf 'echo\\n' >text
      cp /bin/true foreign && printf '\\267' | dd of=foreign bs=1 seek=18 conv=notrunc status=none
      touch plain && chmod 755 script text foreign && chmod 644 plain
      """, in: folder.path)
    let result = try await RunKits.run([command], in: folder)
    #expect(result.status == status, "\(result.errors)")
    #expect(result.errors.hasPrefix("minivm: \(command): \(message)"), "\(result.errors)")
    #expect(result.output.isEmpty)
  }

  @Test("A folder to start in that the guest does not have")
  func noFolder() async throws {
    let folder = try TemporaryFolder()
    let result = try await RunKits.run(["true"], ["--workdir", "/no/such/folder"], in: folder)
    #expect(result.status == 125)
    #expect(
      result.errors.contains("folder /no/such/folder: No such file or directory"),
      "\(result.errors)")
  }

  @Test(
    "What ends the run from this side: the status, and what is said",
    arguments: [
      ("kill -INT $minivm", 130, ""), ("kill -TERM $minivm", 143, ""),
      ("kill -9 $(pgrep -f qemu-system.*$PWD/temporary)", 125, "was killed by signal 9"),
      // The root's.
      ("kill -9 $(pgrep -o -f virtiofsd.*$PWD/temporary)", 125, "virtiofsd was killed by signal 9"),
    ])
  func interruptions(_ action: String, _ status: Int, _ message: String) async throws {
    let folder = try TemporaryFolder()
    // A shell has its background programs ignore SIGINT.
    try await RunKits.shell(
      """
      mkdir temporary
      TMPDIR=$PWD/temporary perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' $run -- \
        sh -c 'touch started; exec sleep 600' </dev/null 2>errors &
      minivm=$!
      until test -e started; do kill -0 $minivm; sleep 0.1; done
      \(action)
      status=0
      wait $minivm || status=$?
      test $status = \(status) || { echo "$status"; cat errors; exit 1; }
      grep -q '\(message)' errors || test -z '\(message)'
      ! pgrep -f "$PWD/temporary"
      """, in: folder)
  }

  @Test(
    "Keys on a terminal: Ctrl-C is the command's, Ctrl-] three times ends the machine",
    arguments: [(#"\003"#, 130, "^C"), (#"\035\035\035"#, 125, "minivm: the machine was ended")])
  func keys(_ keys: String, _ status: Int, _ shown: String) async throws {
    let folder = try TemporaryFolder()
    try await RunKits.shell(
      """
      mkfifo keys
      script -qec "$run -- sh -c 'echo ready; exec sleep 600'" log <keys >out &
      exec 3>keys
      until grep -q ready out; do kill -0 $!; sleep 0.1; done
      printf '\(keys)' >&3
      status=0
      wait $! || status=$?
      cat out
      test $status = \(status)
      grep -qF '\(shown)' out
      """, in: folder)
  }

  @Test("A full disk on this side is a failure, whatever the command says")
  func fullDisk() async throws {
    let folder = try TemporaryFolder()
    try await RunKits.shell(
      """
      status=0
      $run -- sh -c 'head -c 1M /dev/zero; exit 7' >/dev/full 2>errors || status=$?
      cat errors
      test $status = 125
      grep -q "output can't be written: No space left on device; its exit status was 7" errors
      """, in: folder)
  }

  @Test("A kernel that is none")
  func noKernel() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell("cp -r \(try RunKits.cloudKit()) kit", in: folder.path)
    let kernel = try #require(
      FileTree.textNames(in: folder("kit")).first { $0.hasPrefix("vmlinuz-") })
    try folder.write("kit/\(kernel)", "no kernel\n".utf8)
    let result = try await RunKits.run(["true"], kit: folder("kit"), in: folder)
    #expect(result.status == 125, "\(result.errors)")
    #expect(result.errors.contains(kernel), "\(result.errors)")
  }
}
