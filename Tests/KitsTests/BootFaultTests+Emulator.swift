import Formats
import TestSupport
import Testing

extension BootFaultTests {
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
      closes) echo one; exec >&-; sleep 0.3; exit ${STATUS:-0} ;;
      lingers) echo one; exec >&-; exec sleep 60 ;;
      clean) echo '[ 1.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000000'; exec >&-; sleep 0.3; exit ${STATUS:-0} ;;
      halts) echo "[ 1.0] Kernel panic - not syncing: x exitcode=0x0000000$CODE"; exec sleep 60 ;;
      shell) echo one; printf "minivm: this is a shell in the RAM disk; leave it with 'exit' to try again\r\n"; exec sleep 60 ;;
      lost) echo "minivm: can't find the root device /dev/x"; echo Block devices:; echo '  /dev/vda'
        echo 'minivm: starting again (panic=-1)' ;;
      bare) printf 'minivm: starting /bin/sh\r\n# '; exec sleep 60 ;;
      last) printf 'minivm: a\r\nlast word'; exit 1 ;;
      echoes) printf '[    0.000000] Command line: %s\r\n[    0.1] [drm] word\r\n' "$*"; printf "$SAY"; exit 0 ;;
      dumps) for n in 1 2 3; do echo "minivm: line $n"; done; echo 'init: no config'
        echo '[    1.0] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100'
        for n in $(seq 120); do echo "[    1.1]  ? do_exit+0x$n/0x320"; echo "[    1.1] RAX: $n RBX: 2"; done
        for n in $(seq 20); do echo "[    1.2] note $n"; done ;;
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
}
