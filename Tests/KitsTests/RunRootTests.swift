import Basics
import Formats
import Machines
import TestSupport
import Testing

@testable import Kits

/// What `minivm run --root` and `--transport disk` make of archives, images and folders, as e2fsprogs see it.
@Suite struct RunRootTests {
  private static func debugfs(_ path: String, _ command: String) async throws -> String {
    try await Tool.output("debugfs", ["-R", command, path])
  }

  private static func check(_ image: String) async throws {
    let result = try await Tool.run("e2fsck", ["-fn", image])
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }

  private static func root(_ argument: String, _ folder: TemporaryFolder) throws -> RunRoot {
    try RunRoot(argument: argument, temporaryFolder: folder.path, jobs: 2)
  }

  /// Makes a tree and a tar archive of it, with owners that this user may not have.
  private static func makeArchive(_ folder: TemporaryFolder) async throws {
    try await Tool.shell(
      """
      mkdir -p tree/etc tree/bin tree/dev
      printf 'root:x:0:0::/root:/bin/sh\\nann:x:12:34::/home/ann:/bin/sh\\n' >tree/etc/passwd
      echo tool >tree/bin/tool; chmod 4755 tree/bin/tool
      ln tree/bin/tool tree/bin/other; ln -s tool tree/bin/link; mkfifo tree/dev/pipe
      tar --sort=name --owner=7 --group=8 --mtime=@1600000000 -C tree -cf root.tar .
      """, in: folder.path)
  }

  @Test(
    "A tar archive becomes a file system with its owners, modes, links and FIFOs",
    arguments: [
      "cat", "gzip", "xz", "zstd", "bzip2",
    ])
  func archive(_ compressor: String) async throws {
    let folder = try TemporaryFolder()
    try await Self.makeArchive(folder)
    try await Tool.shell("\(compressor) <root.tar >root", in: folder.path)
    let root = try Self.root(folder("root"), folder)
    let image = try #require(root.share.image)
    #expect(image.fileSystem == "ext4" && image.partition == nil)
    try await Self.check(image.disk.path)
    let tool = try await Self.debugfs(image.disk.path, "stat bin/tool")
    #expect(tool.contains("Mode:  04755") && tool.contains("Links: 2"), "\(tool)")
    #expect(tool.contains("User:     7   Group:     8"), "\(tool)")
    #expect(tool.contains("mtime: 0x5f5e1000"), "\(tool)")
    #expect(try await Self.debugfs(image.disk.path, "stat bin/link").contains("\"tool\""))
    #expect(try await Self.debugfs(image.disk.path, "stat dev/pipe").contains("Type: FIFO"))
    #expect(try root.user("ann").group == 34)
    #expect(throws: KitError.self) { try root.user("joe") }
  }

  @Test("Of a name that comes again in an archive, the last one counts")
  func again() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      """
      mkdir d; echo old >d/a; echo b >d/b; tar -cf root.tar d
      rm d/a; ln -s b d/a; chmod 700 d; tar -rf root.tar d/a d
      """, in: folder.path)
    let image = try #require(try Self.root(folder("root.tar"), folder).share.image)
    try await Self.check(image.disk.path)
    #expect(try await Self.debugfs(image.disk.path, "stat d/a").contains("Type: symlink"))
    #expect(try await Self.debugfs(image.disk.path, "stat d").contains("Mode:  0700"))
    #expect(try await Self.debugfs(image.disk.path, "cat d/b") == "b\n")
  }

  @Test("Archives whose paths lead elsewhere, or that are none, are refused and leave nothing")
  func hostile() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      """
      mkdir t images; cd t; echo x >x; ln -s /etc etc; mkdir d
      tar -cPf ../up.tar --transform 's,^x,../x,' x
      tar -cPf ../absolute.tar --transform 's,^x,/x,' x
      tar -cf ../through.tar etc; tar -rf ../through.tar --transform 's,^x,etc/x,' x
      tar -cf ../folder.tar d; tar -rf ../folder.tar --transform 's,^x,d,' x
      head -c 600 ../up.tar >../cut.tar; gzip <../up.tar | head -c 40 >../cut.gz
      head -c 20480 /dev/zero | gzip >../empty.gz; head -c 4096 /dev/zero >../zeros
      echo text >../text; head -c 50000000 /dev/zero | gzip >../bomb.gz
      """, in: folder.path)
    for (name, word) in [
      ("up.tar", "leads out of"), ("absolute.tar", "leads out of"), ("through.tar", "no directory"),
      ("folder.tar", "twice"), ("cut.tar", ""), ("cut.gz", ""), ("empty.gz", "empty"),
      ("zeros", "no file system"), ("text", "no file system"), ("bomb.gz", ""), ("none", "no such"),
    ] {
      var message = ""
      do {
        _ = try RunRoot(
          argument: folder(name), temporaryFolder: folder("images"), jobs: 1)
      } catch {
        message = "\(error)"
      }
      #expect(message.contains(folder(name)) && message.contains(word), "\(name): \(message)")
    }
    #expect(try FileTree.names(in: folder("images")) == [])
  }

  @Test(
    "The file system of a disk image is found: the whole disk's, or that of its largest partition")
  func disks() async throws {
    let folder = try TemporaryFolder()
    try await Self.makeArchive(folder)
    try await Tool.shell(
      """
      truncate -s 8M whole; mkfs.ext4 -q -d tree whole
      qemu-img convert -O qcow2 whole whole.qcow2
      truncate -s 40M gpt mbr
      printf 'label: gpt\\nsize=2M\\nsize=8M\\nsize=16M\\n' | sfdisk -q gpt
      printf 'label: dos\\nsize=2M\\nsize=8M\\n' | sfdisk -q mbr
      for disk in gpt mbr; do dd if=whole of=$disk bs=1M seek=3 conv=notrunc status=none; done
      truncate -s 8M swap; mkswap -q swap >/dev/null
      truncate -s 8M blank; printf 'label: gpt\\nsize=2M\\n' | sfdisk -q blank
      """, in: folder.path)
    for (name, partition) in [("whole", nil), ("whole.qcow2", nil), ("gpt", 2), ("mbr", 2)]
      as [(String, Int?)]
    {
      let root = try Self.root(folder(name), folder)
      #expect(root.share.image?.partition == partition, "\(name)")
      #expect(root.share.image?.fileSystem == "ext4")
      #expect(root.share.image?.disk.access == .unchanged)
      #expect(try root.user("ann").user == 12)
    }
    for (name, word) in [("swap", "holds swap"), ("blank", "no file system")] {
      let error = #expect(throws: KitError.self) { try Self.root(folder(name), folder) }
      #expect(error?.message.contains(word) == true, "\(String(describing: error))")
    }
  }

  @Test("A folder's copy has its files, and one that is too large is refused")
  func folders() async throws {
    let folder = try TemporaryFolder()
    try await Self.makeArchive(folder)
    let image = try FolderImage.write(folder("tree"), to: folder("image"))
    #expect(image.unreadable.isEmpty)
    try await Self.check(folder("image"))
    let tool = try await Self.debugfs(folder("image"), "stat tree/bin/tool")
    #expect(tool.contains("Mode:  04755") && tool.contains("Links: 2"), "\(tool)")
    #expect(try await Self.debugfs(folder("image"), "cat tree/bin/other") == "tool\n")
    #expect(!(try await Self.debugfs(folder("image"), "ls tree/dev")).contains("pipe"))
    let error = #expect(throws: KitError.self) {
      try FolderImage.write(folder("tree"), to: folder("second"), sizeLimit: 20)
    }
    #expect(error?.message.contains("has more than 0 MiB") == true)
    #expect(FileTree.status(folder("second")) == nil)
  }
}
