import Basics
import Formats
import Kits
import Machines
import TestSupport
import Testing

/// Root disks with the init of `minivm root --init minivm`, as the initramfs of a kit starts it.
@Suite(.serialized) struct RootInitBootTests {
  private static let inputs = Result { try TemporaryFolder() }

  /// Makes a container image, `image:base`, with a static busybox and a ping that needs its file capability.
  private static func makeImage() async throws -> TemporaryFolder {
    let folder = try inputs.get()
    guard FileTree.status(folder("root.tar")) == nil else { return folder }
    let busybox = try TestCache.packages("busybox")[0]
    try await Tool.shell(
      """
      dpkg-deb -x \(busybox) package
      mkdir -p root/bin root/etc
      cp package/bin/busybox root/bin
      for tool in sh cat id sleep kill ls stat grep hostname ps touch; do ln -s busybox root/bin/$tool; done
      cp package/bin/busybox root/bin/ping
      setcap cap_net_raw+ep root/bin/ping
      printf 'root:x:0:0::/root:/bin/sh\\nann:x:12:34::/home/ann:/bin/sh\\n' >root/etc/passwd
      printf 'staff:x:56:\\nextra:x:78:joe,ann\\n' >root/etc/group
      tar --xattrs --xattrs-include='security.*' --owner=0 --group=0 -C root -cf layer.tar .
      umoci init --layout image; umoci new --image image:base
      umoci raw add-layer --image image:base layer.tar
      mv layer.tar root.tar
      """, in: folder.path)
    return folder
  }

  /// Writes a root disk of an image with a command.
  private static func write(
    _ command: RootCommand, to path: String, _ options: [String] = []
  ) async throws {
    let folder = try await makeImage()
    let tag = FileTree.name(of: path)
    var words = ["config", "--image", "image:base", "--tag", tag]
    for word in command.entrypoint { words += ["--config.entrypoint", word] }
    for word in command.cmd { words += ["--config.cmd", word] }
    for word in command.env { words += ["--config.env", word] }
    if !command.user.isEmpty { words += ["--config.user", command.user] }
    if !command.workingDir.isEmpty { words += ["--config.workingdir", command.workingDir] }
    if let signal = command.stopSignal { words += ["--config.stopsignal", signal] }
    try await Tool.output("umoci", words, in: folder.path)
    let result = try await Tool.run(
      TestKit.program, ["root", "oci:image:\(tag)", "--out", path] + options, in: folder.path)
    #expect(result.status == 0, "\(result.errors)")
  }

  private static func command(_ script: String) -> RootCommand {
    var command = RootCommand()
    (command.entrypoint, command.cmd) = (["sh", "-c"], [script])
    return command
  }

  /// Boots a disk with `minivm boot`.
  private static func boot(
    _ disk: String, _ options: [String] = []
  ) async throws -> Tool.Result {
    let kit = try RunKits.cloudKit()
    return try await BootSlots.shared.use {
      try await Tool.run(
        TestKit.program,
        ["boot", kit, "--root", disk, "--accel", "tcg", "--timeout", "300"] + options)
    }
  }

  /// The lines that a command wrote with `@` before them.
  private static func said(_ result: Tool.Result) -> [String] {
    result.errors.split(whereSeparator: \.isNewline).compactMap { line in
      line.hasPrefix("@") ? line.dropFirst().trimmingPrefix(" ").description : nil
    }
  }

  @Test(
    "User, groups, folder and variables are the image's; orphans are reaped, signals handed on; the status is boot's"
  )
  func command() async throws {
    let folder = try TemporaryFolder()
    var command = Self.command(
      """
      echo "@ $(id -u) $(id -g) $(id -G)"; echo "@ $PWD $A $HOME $PATH $HOSTNAME"
      /bin/ping -c 1 127.0.0.1 >/dev/null && echo "@ pinged"
      for n in 1 2 3; do (sleep 0.1 &); done; sleep 0.5
      echo "@ zombies: $(grep -l '^State:.Z' /proc/[0-9]*/status | grep -c .)"
      touch /nobodys 2>/dev/null || echo "@ refused"; exit 7
      """)
    command.env = ["A=b c", "PATH=/bin"]
    (command.workingDir, command.user) = ("/work/../srv/x", "ann")
    try await Self.write(command, to: folder("disk.raw"))
    let result = try await Self.boot(folder("disk.raw"))
    #expect(
      Self.said(result) == [
        "12 34 34 78", "/srv/x b c /home/ann /bin minivm", "pinged", "zombies: 0", "refused",
      ], "\(result.errors)")
    #expect(result.status == 7, "\(result.errors)")
    #expect(result.errors.contains("minivm: the command ended: exit status 7"))
    // What the kernel is told behind `--` takes the place of Cmd; a group leaves out supplementary ones.
    command.user = "12:staff"
    command.entrypoint = ["/bin/busybox", "sh"]
    try await Self.write(command, to: folder("other.squashfs"))
    let other = try await Self.boot(
      folder("other.squashfs"),
      [
        "--json", "--append",
        #"quiet -- -c "echo @ $(id -G); kill -s TERM $$; sleep 9""#,
      ])
    #expect(Self.said(other) == ["56"], "\(other.errors)")
    #expect(other.status == 143, "\(other.errors)")
    #expect(other.output.contains("\"status\" : 143"), "\(other.output)")
  }

  @Test("Files of the network are the running system's alone, unless they are to stay")
  func network() async throws {
    let folder = try TemporaryFolder()
    let command = Self.command(
      """
      cat /etc/resolv.conf /etc/hosts /etc/hostname | while read -r line; do echo "@ $line"; done
      echo kept >/kept; (sleep 100 <>/kept >&0 &); exit 0
      """)
    for isPersistent in [false, true] {
      let disk = folder("disk\(isPersistent).raw")
      try await Self.write(command, to: disk, isPersistent ? ["--persist"] : [])
      let result = try await Self.boot(disk, ["--net", "user"])
      #expect(result.status == 0, "\(result.errors)")
      #expect(
        Self.said(result).map { $0.replacing("\t", with: " ") } == [
          "nameserver 10.0.2.3", "127.0.0.1 localhost",
          "::1 localhost ip6-localhost ip6-loopback", "10.0.2.15 minivm", "minivm",
        ], "\(result.errors)")
      let check = try await Tool.run("e2fsck", ["-fn", disk])
      #expect(check.status == 0 && !check.output.contains("recover"), "\(check.output)")
      func file(_ path: String) async throws -> String {
        try await Tool.output("debugfs", ["-R", "cat \(path)", disk])
      }
      #expect(try await file("kept") == "kept\n")
      #expect(try await file("etc/resolv.conf") == (isPersistent ? "nameserver 10.0.2.3\n" : ""))
      #expect(try await file("etc/hostname") == (isPersistent ? "minivm\n" : ""))
    }
  }

  @Test("The power button sends StopSignal; signals to the init are the command's")
  func signals() async throws {
    let folder = try TemporaryFolder()
    var command = Self.command(
      """
      trap 'echo "@ handed on"; echo "@ ready"' HUP; trap 'echo "@ stopped"; exit 9' USR1
      kill -HUP 1; while :; do sleep 0.1; done
      """)
    command.stopSignal = "SIGUSR1"
    try await Self.write(command, to: folder("disk.squashfs"))
    let kit = try RunKits.cloudKit()
    let path = folder.path
    let result = try await BootSlots.shared.use {
      try await Tool.run(
        "sh",
        [
          "-c",
          """
          \(TestKit.program) boot \(kit) --root disk.squashfs --accel tcg --timeout 300 --console log -- \
            -monitor unix:monitor,server=on,wait=off </dev/null &
          until grep -q '@ ready' log 2>/dev/null || ! kill -0 $! 2>/dev/null; do sleep 0.1; done
          # QEMU drops a command of which it reads after the hang-up.
          python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect("monitor")
          s.sendall(b"system_powerdown\\n")
          try:
              while s.recv(999): pass
          except ConnectionError: pass'
          wait $!
          """,
        ], in: path)
    }
    #expect(Self.said(result) == ["handed on", "ready", "stopped"], "\(result.errors)")
    #expect(result.status == 9)
  }

  @Test("A command that is not there, or can't be run, ends with a shell's status and says why")
  func absent() async throws {
    let folder = try TemporaryFolder()
    var command = RootCommand()
    command.cmd = ["nothing-there"]
    try await Self.write(command, to: folder("disk.raw"))
    let absent = try await Self.boot(folder("disk.raw"))
    #expect(absent.status == 127)
    #expect(
      absent.errors.contains("minivm: nothing-there: command not found: exit status 127"),
      "\(absent.errors)")
    let refused = try await Self.boot(folder("disk.raw"), ["--append", "-- /etc/passwd"])
    #expect(refused.status == 126)
    #expect(refused.errors.contains("minivm: /etc/passwd: permission denied"), "\(refused.errors)")
  }
}
