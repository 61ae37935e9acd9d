import Formats
import TestSupport
import Testing

/// What file systems are called, judged by blkid.
@Suite struct FileSystemIdentityTests {
  /// Commands that make one in `$1`, a file of 64 MiB, or of more where that is too small.
  static let makers = [
    "mke2fs -qFt ext4 -L 'my root' $1", "mke2fs -qFt ext4 $1", "mke2fs -qFt ext2 -b 1024 -L two $1",
    "mke2fs -qFt ext3 -b 4096 -L sixteen-bytes-xx $1",
    "mke2fs -qFt ext4 -O ^metadata_csum,^64bit -L Fünf $1",
    "truncate -s 320M $1; mkfs.xfs -qL twelve-bytes $1", "truncate -s 320M $1; mkfs.xfs -q $1",
    "truncate -s 128M $1; mkfs.btrfs -qL 'a label of btrfs, which may be long' $1",
    "rm $1; mkdir s; echo a >s/f; mksquashfs s $1 -quiet -no-progress >/dev/null",
    """
    rm $1; mkdir s; echo a >s/f; mkfs.erofs -E nosbcrc $1 s >/dev/null 2>&1
    printf erofs-label | dd of=$1 bs=1 seek=1088 conv=notrunc status=none
    """,
    "rm $1; mkdir s; echo a >s/f; mkfs.erofs $1 s 2>/dev/null >/dev/null",
    "truncate -s 128M $1; mkfs.f2fs -q -l 'féf2' $1 >/dev/null",
    "truncate -s 2M $1; mkfs.vfat -F 12 -n TWELVE $1 >/dev/null",
    "mkfs.vfat -F 16 -n 'BOOT DISK' $1 >/dev/null", "mkfs.vfat -F 32 -n ESP $1 >/dev/null",
    "mkfs.vfat -F 32 -s 1 $1 2>/dev/null >/dev/null",
    "mkfs.vfat -F 16 -S 4096 -n BIG $1 >/dev/null",
    "mkswap -L swapped $1 >/dev/null", "mkswap -p 65536 -L large $1 2>/dev/null >/dev/null",
    "rm $1; mkdir s; echo a >s/f; genisoimage -quiet -V 'A DISC' -o $1 s 2>/dev/null",
    // Changed later than made; and no time of a change.
    """
    rm $1; mkdir s; echo a >s/f; genisoimage -quiet -o $1 s 2>/dev/null
    printf 2020010203040506 | dd of=$1 bs=1 seek=33598 conv=notrunc status=none
    """,
    """
    rm $1; mkdir s; echo a >s/f; genisoimage -quiet -o $1 s 2>/dev/null
    printf '0000000000000000\\0' | dd of=$1 bs=1 seek=33598 conv=notrunc status=none
    """,
  ]

  @Test("Types, UUIDs and labels", arguments: makers)
  func identity(_ maker: String) async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell("truncate -s 64M disk; set -- disk; \(maker)", in: folder.path)
    let found = try #require(FileSystemIdentity(reading: FileDisk(folder("disk"))))
    func blkid(_ tag: String) async throws -> String {
      let output = try await Tool.run(
        "blkid", ["-p", "-o", "value", "-s", tag, folder("disk")])
      return String(output.output.split(separator: "\n").first ?? "")
    }
    let type = try await blkid("TYPE")
    #expect("\(found.kind.name)" == (type.hasPrefix("ext") ? "ext4" : type))
    #expect(String(decoding: found.uuid, as: UTF8.self) == (try await blkid("UUID")))
    #expect(String(decoding: found.label, as: UTF8.self) == (try await blkid("LABEL")))
  }

  @Test("The name of a squashfs is in its footer, wherever the image was copied to")
  func squashfsFooter() throws {
    let folder = try TemporaryFolder()
    let summary = try SquashfsTool.image(folder("disk"), identity: .sample(label: "Wurzel ö")) {
      try $0.add("file", noise(100_000))
    }
    let image = try folder.read("disk")
    for bytes in [image, image + [UInt8](repeating: 0x55, count: 1 << 20)] {
      try folder.write("disk", bytes)
      let found = try #require(FileSystemIdentity(reading: FileDisk(folder("disk"))))
      #expect("\(found.kind.name)" == "squashfs")
      #expect(found.label == Array("Wurzel ö".utf8))
      #expect(found.uuid == Array("a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf".utf8))
    }
    // Another file system took its place, and the end of the disk was cut off.
    var other = image
    other[40] -= 1
    for bytes in [other, Array(image.prefix(summary.used))] {
      try folder.write("disk", bytes)
      let found = try #require(FileSystemIdentity(reading: FileDisk(folder("disk"))))
      #expect("\(found.kind.name)" == "squashfs" && found.label.isEmpty && found.uuid.isEmpty)
    }
  }

  @Test("What holds a file system behind another device, before the remains of an earlier one")
  func members() async throws {
    let folder = try TemporaryFolder()
    // Each over an ext4, as mdadm and pvcreate may leave it.
    try await Tool.shell(
      """
      truncate -s 64M disk; mke2fs -qFt ext4 disk
      for name in luks lvm raid0 raid4096; do cp disk $name; done
      printf 'LUKS\\272\\276\\0\\002' | dd of=luks conv=notrunc status=none
      printf name | dd of=luks bs=1 seek=24 conv=notrunc status=none
      printf 0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0 | dd of=luks bs=1 seek=168 conv=notrunc status=none
      printf LABELONE | dd of=lvm bs=512 seek=1 conv=notrunc status=none
      printf 'LVM2 001' | dd of=lvm bs=1 seek=536 conv=notrunc status=none
      for at in 0 4096; do
        printf '\\374N+\\251\\001\\0\\0\\0' | dd of=raid$at bs=1 seek=$at conv=notrunc status=none
      done
      """, in: folder.path)
    for (name, kind) in [
      ("luks", "crypto_LUKS"), ("lvm", "LVM2_member"), ("raid0", "linux_raid_member"),
      ("raid4096", "linux_raid_member"),
    ] {
      let found = try #require(FileSystemIdentity(reading: FileDisk(folder(name))))
      #expect("\(found.kind.name)" == kind)
      #expect(found.kind.isMember)
      if name == "luks" {
        #expect(found.uuid == Array("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0".utf8))
        #expect(found.label == Array("name".utf8))
      }
    }
    try await Tool.shell(
      "printf '\\033[2J' | dd of=luks bs=1 seek=168 conv=notrunc status=none", in: folder.path)
    let hostile = try #require(FileSystemIdentity(reading: FileDisk(folder("luks"))))
    #expect(hostile.uuid == [])
    let plain = try #require(FileSystemIdentity(reading: FileDisk(folder("disk"))))
    #expect(!plain.kind.isMember)
  }

  @Test("A label that was given to a FAT later")
  func relabelled() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      "truncate -s 64M disk; mkfs.vfat -F 32 -n FIRST disk >/dev/null; fatlabel disk SECOND",
      in: folder.path)
    let found = try #require(FileSystemIdentity(reading: FileDisk(folder("disk"))))
    #expect(found.label == Array("SECOND".utf8))
  }

  @Test("Where there is no file system, none is found")
  func nothing() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      """
      truncate -s 64M zeros; truncate -s 10 few; : >empty
      head -c 1048576 /dev/urandom >noise
      truncate -s 64M journal; mke2fs -qF -O journal_dev journal
      truncate -s 8M table; echo , | sfdisk -qX gpt table
      """, in: folder.path)
    for name in ["zeros", "few", "empty", "noise", "journal", "table"] {
      #expect(FileSystemIdentity(reading: try FileDisk(folder(name))) == nil, "\(name)")
    }
  }

  @Test("Damaged superblocks give an answer, whatever it is")
  func damaged() async throws {
    let folder = try TemporaryFolder()
    var random = SeededGenerator(seed: 41)
    for maker in Self.makers {
      try await Tool.shell(
        "rm -rf s disk; truncate -s 64M disk; set -- disk; \(maker)", in: folder.path)
      var disk = try FileDisk(folder("disk")).read(at: 0, count: 70_000)
      // Where these file systems have something to be read.
      for _ in 0..<400 {
        var bytes = disk
        for _ in 0...Int.random(in: 0...8, using: &random) {
          let area = [0..<128, 0..<4096, 32768..<34816, 65536..<66560].randomElement(using: &random)
          guard let place = (area ?? 0..<1).randomElement(using: &random), place < bytes.count
          else { continue }
          bytes[place] =
            [0, 0xff, UInt8.random(in: 0...255, using: &random)]
            .randomElement(using: &random) ?? 0
        }
        if Bool.random(using: &random) {
          bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
        }
        let found = FileSystemIdentity(reading: MemoryDisk(bytes))
        #expect((found?.label.count ?? 0) <= 2048)
        _ = Ext4Check.isDue(MemoryDisk(bytes), now: 0)
      }
      disk = []
    }
  }
}
