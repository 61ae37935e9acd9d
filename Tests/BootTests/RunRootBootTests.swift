import Formats
import TestSupport
import Testing

/// `minivm run` on roots that are no folders of this machine, and without a way to share folders.
@Suite(.serialized) struct RunRootBootTests {
  private static let inputs = Result { try TemporaryFolder() }

  /// Roots with a static busybox.
  private static func makeRoots() async throws -> TemporaryFolder {
    let folder = try inputs.get()
    guard FileTree.status(folder("root.tar.xz")) == nil else { return folder }
    let busybox = try TestCache.packages("busybox")[0]
    try await Tool.shell(
      """
      dpkg-deb -x \(busybox) package
      mkdir -p root/bin root/etc
      cp package/bin/busybox root/bin
      for tool in sh cat id ls grep stat; do ln -s busybox root/bin/$tool; done
      echo 'ann:x:12:34::/:/bin/sh' >root/etc/passwd
      echo own >root/etc/own
      tar --owner=7 --group=8 -C root -cJf root.tar.xz .
      truncate -s 24M file-system; mkfs.ext4 -q -d root file-system
      debugfs -w -R 'feature needs_recovery' file-system 2>/dev/null
      truncate -s 40M disk; printf 'label: gpt\\nsize=2M\\nsize=30M\\n' | sfdisk -q disk
      dd if=file-system of=disk bs=1M seek=3 conv=notrunc status=none
      qemu-img convert -O qcow2 disk disk.qcow2
      """, in: folder.path)
    return folder
  }

  private static func run(
    _ options: [String], _ script: String, in place: TemporaryFolder
  ) async throws -> Tool.Result {
    try await RunKits.run(["sh", "-c", script], ["-v"] + options, in: place)
  }

  @Test("The root is a tar archive, nothing is shared, and resources are told")
  func archive() async throws {
    let folder = try await Self.makeRoots()
    let place = try TemporaryFolder()
    let result = try await Self.run(
      ["--root", folder("root.tar.xz"), "--no-cwd", "--json", place("report")],
      "id -u; stat -c %u:%g /etc/own; echo new >/etc/own && cat /etc/own; ls /lib/modules; exit 5",
      in: place)
    #expect(result.status == 5, "\(result.errors)")
    let release = try TestCache.release(in: TestCache.tree("cloud"))
    #expect(
      result.output.replacing("lost+found\n", with: "") == "0\n7:8\nnew\n\(release)\n")
    #expect(result.errors == "minivm: \(release) with disk\n")
    let report = String(decoding: try place.read("report"), as: UTF8.self)
    let memory = try #require(report.firstMatch(of: /"maxResidentBytes" : (\d+)/)?.1)
    #expect((100_000...100_000_000).contains(Int(memory) ?? 0), "\(report)")
    #expect(report.contains(/"userSeconds" : \d+\.?\d*,?\n/), "\(report)")
  }

  @Test("A container image has the defaults: command, user, folder, variables; changes are kept")
  func image() async throws {
    let folder = try await Self.makeRoots()
    try await Tool.shell(
      """
      rm -rf image; umoci init --layout image; umoci new --image image:it
      tar --owner=0 --group=0 -C root -cf layer.tar .; umoci raw add-layer --image image:it layer.tar
      umoci config --image image:it --config.user ann --config.workingdir /srv/x \\
        --config.env 'A=b c' --config.entrypoint /bin/sh --config.entrypoint -c \\
        --config.cmd 'id -u; pwd; echo $A $HOME; echo y >/srv/y || echo refused; exit 6'
      """, in: folder.path)
    let place = try TemporaryFolder()
    try place.write("here", "".utf8)
    let kit = try RunKits.cloudKit()
    func run(_ options: [String]) async throws -> Tool.Result {
      try await BootSlots.shared.use {
        try await Tool.run(
          TestKit.program,
          [
            "run", kit, "--accel", "tcg", "--timeout", "300", "--image",
            "oci:\(folder("image")):it",
          ]
            + options, in: place.path)
      }
    }
    let plain = try await run([])
    #expect(plain.status == 6, "\(plain.errors)")
    #expect(plain.output == "12\n/srv/x\nb c /\nrefused\n", "\(plain.errors)")
    let options = ["--keep", place("changes"), "--user", "0:9", "--workdir", "/etc"]
    let first = try await run(
      options + [
        "--env", "A=x", "--",
        "id -u; id -g; pwd; echo $A; ls \(place.path) || mkdir /new && echo kept >/new/file",
      ])
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.output == "0\n9\n/etc\nx\n", "\(first.output)")
    try await Tool.shell("qemu-img convert -O raw changes raw && e2fsck -fn raw", in: place.path)
    let second = try await run(options + ["--entrypoint", "cat", "--", "/new/file", "own"])
    #expect(second.status == 0, "\(second.errors)")
    #expect(second.output == "kept\nown\n")
  }

  @Test(
    "The root is a partition of a qcow2 image, which was not unmounted; the current folder is shared"
  )
  func disk() async throws {
    let folder = try await Self.makeRoots()
    let place = try TemporaryFolder()
    let before = try folder.read("disk.qcow2")
    let result = try await Self.run(
      ["--root", folder("disk.qcow2"), "--user", "0"],
      "cat /etc/own; echo x >/etc/own; echo made >here", in: place)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output == "own\n")
    #expect(result.errors.contains("was not unmounted"), "\(result.errors)")
    #expect(result.errors.contains("with virtiofs"))
    #expect(try place.read("here") == Array("made\n".utf8))
    #expect(try folder.read("disk.qcow2") == before)
  }

  @Test("Folders are copied to disks where nothing shares them")
  func copies() async throws {
    let folder = try await Self.makeRoots()
    let place = try TemporaryFolder()
    try place.write("inside/file", "text\n".utf8)
    let options = ["--transport", "disk", "--root", folder("root")]
    let result = try await Self.run(
      options + ["--share", ".:ro"],
      "ls; cat inside/file; echo x >made || echo refused; echo x >/etc/own; exit 4", in: place)
    #expect(result.status == 4, "\(result.errors)")
    #expect(result.output == "inside\ntext\nrefused\n")
    #expect(try folder.read("root/etc/own") == Array("own\n".utf8))
    let written = try await Self.run(options, "true", in: place)
    #expect(written.status == 125)
    #expect(written.errors.contains("shared for writing"), "\(written.errors)")
    #expect(written.errors.contains("--share .:ro"))
  }

  @Test(
    "Disks have the names of their order, and are written to, are read-only or forget",
    arguments: ["q35", "microvm"])
  func disks(_ machine: String) async throws {
    let place = try TemporaryFolder()
    try await Tool.shell(
      "for name in a b c; do printf \"$name-disk\" >$name; truncate -s 1M $name; done",
      in: place.path)
    let result = try await RunKits.run(
      [
        "sh", "-c",
        """
        for disk in vda vdb vdc; do head -c 6 /dev/$disk; cat /sys/block/$disk/ro; done
        for disk in vda vdb vdc; do printf new >/dev/$disk || echo refused; done; head -c 6 /dev/vdc
        """,
      ],
      [
        "--machine", machine, "--no-cwd", "--user", "0", "--disk", place("a"), "--disk",
        "\(place("b")):ro", "--disk", "\(place("c")):snapshot",
      ], in: place)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("a-disk0\nb-disk1\nc-disk0\n"), "\(result.output)")
    #expect(result.output.hasSuffix("newisk"))
    for (name, text) in [("a", "newisk"), ("b", "b-disk"), ("c", "c-disk")] {
      #expect(try place.read(name).starts(with: text.utf8), "\(name)")
    }
  }

  @Test("A kernel that warns makes a success a failure, where that is asked for")
  func warnings() async throws {
    let place = try TemporaryFolder()
    let options = ["--fail-on-warnings", "--no-cwd", "--user", "0", "--json", place("report")]
    let warned = try await RunKits.run(
      ["sh", "-c", "echo '<4>WARNING: CPU: 0 PID: 1 at made/up.c:7' >/dev/kmsg"], options, in: place
    )
    #expect(warned.status == 254, "\(warned.errors)")
    #expect(warned.errors.contains("the kernel warned once"), "\(warned.errors)")
    #expect(warned.errors.contains("at made/up.c:7"))
    let report = String(decoding: try place.read("report"), as: UTF8.self)
    #expect(report.contains("\"ended\" : \"warned\"") && report.contains("up.c:7"), "\(report)")
    let silent = try await RunKits.run(["true"], options, in: place)
    #expect(silent.status == 0, "\(silent.errors)")
  }

  @Test("A port of this machine leads to the guest")
  func forwarding() async throws {
    let place = try TemporaryFolder()
    try place.write("page", "from the guest\n".utf8)
    try await RunKits.shell(
      """
      port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
      $run --net "user,hostfwd=tcp::$port-:80" --user 0 -- python3 -c '
      import http.server
      http.server.HTTPServer(("", 80), http.server.SimpleHTTPRequestHandler).handle_request()' 2>log &
      for try in $(seq 600); do
        python3 -c "import urllib.request as u; print(u.urlopen('http://127.0.0.1:$port/page', timeout=60).read().decode())" \
          >got 2>/dev/null && break
        kill -0 $!; sleep 0.2
      done
      grep 'from the guest' got
      wait $!
      """, in: place)
  }
}
