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
}
