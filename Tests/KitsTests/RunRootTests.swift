import Basics
import Formats
import Machines
import Packages
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
    try RunRoot(
      argument: argument, architecture: .amd64, store: store(folder), access: .test(folder))
  }

  private static func store(_ folder: TemporaryFolder) -> RootStore {
    RootStore(
      Cache(folder: folder("cache"), temporaryFolder: folder.path), Clock(now: { 1_700_000_000 }),
      progress: .none, jobs: 2)
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
    "A tar archive becomes a squashfs that is kept, with its owners, modes, links and FIFOs",
    arguments: ["cat", "zstd"])
  func archive(_ compressor: String) async throws {
    let folder = try TemporaryFolder()
    try await Self.makeArchive(folder)
    try await Tool.shell("\(compressor) <root.tar >root", in: folder.path)
    let root = try Self.root(folder("root"), folder)
    let image = try #require(root.share.image)
    #expect(image.fileSystem == "squashfs" && image.partition == nil)
    let listing = try await Tool.output("unsquashfs", ["-lln", image.disk.path])
    #expect(
      listing.contains(/-rwsr-xr-x 7\/8 +5 2020-09-13 .* squashfs-root\/bin\/tool\n/), "\(listing)")
    #expect(
      listing.contains("bin/link -> tool") && listing.contains(/prw.* squashfs-root\/dev\/pipe/))
    #expect(!listing.contains("sbin/init"))
    #expect(root.command == nil)
    #expect(try root.user("ann").group == 34)
    #expect(try root.user("77").group == 77)
    #expect(throws: KitError.self) { try root.user("joe") }
    // It is found again, and its users, too.
    let before = FileTree.status(image.disk.path)?.identity
    let again = try Self.root(folder("root"), folder)
    #expect(again.share == root.share && again.identity == root.identity)
    #expect(FileTree.status(image.disk.path)?.identity == before)
    #expect(try again.user("ann").group == 34)
  }

  @Test("Archives that lead elsewhere, or that are none, are refused and leave nothing")
  func hostile() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      """
      mkdir t; cd t; echo x >x
      tar -cPf ../up.tar --transform 's,^x,../x,' x
      head -c 600 ../up.tar >../cut.tar; gzip <../up.tar | head -c 40 >../cut.gz
      head -c 20480 /dev/zero | gzip >../empty.gz; head -c 4096 /dev/zero >../zeros
      echo text >../text; head -c 50000000 /dev/zero | gzip >../bomb.gz
      """, in: folder.path)
    for (name, word) in [
      ("up.tar", "leads out of"), ("cut.tar", ""), ("cut.gz", ""), ("empty.gz", "empty"),
      ("zeros", "no file system"), ("text", "no file system"), ("bomb.gz", ""), ("none", "no such"),
    ] {
      var message = ""
      do {
        _ = try Self.root(folder(name), folder)
      } catch {
        message = "\(error)"
      }
      #expect(message.contains(folder(name)) && message.contains(word), "\(name): \(message)")
    }
    #expect(
      try await Tool.output("find", [folder("cache"), "-type", "f", "-size", "+0"]) == "")
  }

  @Test("A disk of changes is made once, and belongs to one root")
  func changes() async throws {
    let folder = try TemporaryFolder()
    for name in ["disk.qcow2", "disk.raw"] {
      let path = folder(name)
      let disk = try RunChanges.disk(path, root: "a", jobs: 2)
      #expect(disk.format == (name.hasSuffix("raw") ? .raw : .qcow2))
      #expect(try InputFile(path).size < 20 << 30)
      let before = FileTree.status(path)?.identity
      #expect(try RunChanges.disk(path, root: "a", jobs: 2) == disk)
      #expect(FileTree.status(path)?.identity == before)
      let error = #expect(throws: KitError.self) { try RunChanges.disk(path, root: "b", jobs: 2) }
      #expect(error?.message.contains("of another root") == true)
    }
    try await Self.check(folder("disk.raw"))
    #expect(try await Self.debugfs(folder("disk.raw"), "stat upper").contains("directory"))
    try await Tool.shell("truncate -s 8M other; mkfs.ext4 -q other; echo x >text", in: folder.path)
    for name in ["other", "text"] {
      #expect(throws: (any Error).self) { try RunChanges.disk(folder(name), root: "a", jobs: 2) }
    }
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
