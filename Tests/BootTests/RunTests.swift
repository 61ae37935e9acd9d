import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// `minivm run`, as its users call it.
@Suite struct RunTests {
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
      grep -c ^CONFIG_VIRTIO= /boot/config-$(uname -r)
      mkdir /tmp/again && mount -t virtiofs minivm0 /tmp/again && mount -o remount,rw /tmp/again
      echo broken >/tmp/again\(mark) || echo refused
      for hidden in proc sys dev run; do ls -A /tmp/again/$hidden; done | wc -l
      exit 7
      """
    let result = try await RunKits.run(
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
        1
        refused
        0

        """)
    #expect(result.errors.hasPrefix("problem\n"))
    #expect(FileTree.status(mark) == nil)
    #expect(try folder.read("here") == Array("from the guest\n".utf8))
    let report = String(decoding: try folder.read("report"), as: UTF8.self)
    for text in ["\"status\" : 7", "\"ended\" : \"exited\"", "\"transport\" : \"virtiofs\""] {
      #expect(report.contains(text), "\(report)")
    }
  }

  @Test("Two runs at once: bytes come through whole, and a reader that leaves ends the writer")
  func streams() async throws {
    let folder = try TemporaryFolder()
    try await RunKits.shell(
      """
      head -c 32M /dev/urandom >in
      (set +e; $run -- yes; echo $? >left) | head -n 2 >two &
      set +e
      $run -- sh -c "tee /dev/stderr | tr '\\000-\\377' '\\001-\\377\\000'; exit 9" <in >out 2>errors
      status=$?
      set -e
      wait
      test $status = 9
      cmp in errors
      tr '\\000-\\377' '\\001-\\377\\000' <in | cmp - out
      test "$(cat two)" = "$(printf 'y\\ny')"
      test $(cat left) = 141
      """, in: folder)
  }

  @Test("On a terminal the command has one, of its size")
  func terminal() async throws {
    let folder = try TemporaryFolder()
    try await RunKits.shell(
      """
      set +e
      script -qec "stty rows 33 cols 101; $run -- sh -c 'tty; stty size; exit 3'" log </dev/null >out
      test $? = 3 && grep -q /dev/pts/0 out && grep -q '33 101' out
      """, in: folder)
  }

  @Test("9p, without virtiofs")
  func p9() async throws {
    let folder = try TemporaryFolder()
    let result = try await RunKits.run(
      ["sh", "-c", "grep -o '^minivm1 [^ ]* 9p' /proc/mounts; echo x >made; exit 5"],
      ["--transport", "9p"], kit: RunKits.fullKit(), in: folder)
    #expect(result.status == 5, "\(result.errors)")
    #expect(result.output == "minivm1 \(folder.path) 9p\n")
    #expect(try folder.read("made") == Array("x\n".utf8))
  }

  @Test("After kill -9 of minivm neither QEMU nor virtiofsd is left")
  func killed() async throws {
    let folder = try TemporaryFolder()
    // Both have the temporary folder in their command lines.
    try await RunKits.shell(
      """
      mkdir temporary
      TMPDIR=$PWD/temporary $run -- sh -c 'touch started; sleep 600' </dev/null &
      minivm=$!
      until test -e started; do kill -0 $minivm; sleep 0.2; done
      test "$(pgrep -fc "$PWD/temporary")" -ge 3
      kill -9 $minivm
      for try in $(seq 100); do pgrep -f "$PWD/temporary" >/dev/null || exit 0; sleep 0.1; done
      pgrep -fa "$PWD/temporary"
      exit 1
      """, in: folder)
  }

  @Test("What is wrong before the boot is minivm's own failure, 125")
  func ownFailures() async throws {
    let folder = try TemporaryFolder()
    try FileTree.makeLink(folder("link"), to: "target")
    for (options, message) in [
      (["--console", folder("link")], "is a symbolic link"),
      (["--module", "no-such-module"], "has no module"),
      (["--transport", "9p"], "has no 9p"),
      (["--net", "bridge"], "--net is none, or user"),
      (["--share", "/no/such/folder"], "/no/such/folder: no such folder"),
      (["--user", "no-such-user"], "no user"),
    ] {
      let result = try await RunKits.run(["true"], options, in: folder)
      #expect(result.status == 125, "\(options)")
      #expect(result.errors.contains(message), "\(result.errors)")
    }
    let kit = try await Tool.run(
      TestKit.program, ["run", "/no/such/kit", "--", "true"], in: folder.path)
    #expect(kit.status == 125)
  }

  @Test("Modules come when they are asked for, and can be added")
  func modules() async throws {
    let folder = try TemporaryFolder()
    let result = try await RunKits.run(
      [
        "sh", "-euxc",
        """
        truncate -s 1M /tmp/disk
        mkfs.ext4 -q /tmp/disk
        mkdir /tmp/mounted
        mount -o loop /tmp/disk /tmp/mounted
        ip link add type veth
        stat -c %a /dev/net/tun /dev/fuse
        modules=/lib/modules/$(uname -r)
        mkdir $modules/updates
        cp $modules/kernel/drivers/net/dummy.ko $modules/updates
        depmod
        modinfo -n dummy
        """,
      ], in: folder)
    #expect(result.status == 0, "\(result.errors)")
    let release = try TestCache.release(in: TestCache.tree("cloud"))
    #expect(result.output == "666\n666\n/lib/modules/\(release)/updates/dummy.ko\n")
  }

  @Test("A root with one static program: the agent is the kernel's modprobe")
  func staticRoot() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      """
      mkdir -p root/bin
      dpkg-deb --fsys-tarfile \(try TestCache.packages("busybox")[0]) | tar x -O ./bin/busybox >root/bin/busybox
      chmod 755 root/bin/busybox
      """, in: folder.path)
    let script = """
      busybox mount -t btrfs nothing /tmp
      busybox grep -c btrfs /proc/filesystems
      busybox cat /proc/sys/kernel/modprobe
      busybox test -c /dev/loop-control && exit 7
      """
    let result = try await RunKits.run(
      ["/bin/busybox", "sh", "-c", script], ["--root", folder("root"), "--no-cwd"], in: folder)
    #expect(result.status == 7, "\(result.errors)")
    #expect(result.output == "1\n/run/minivm/modprobe\n")
  }
}
