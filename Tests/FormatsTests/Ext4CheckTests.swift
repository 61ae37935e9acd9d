import Formats
import Glibc
import TestSupport
import Testing

/// Whether a check is due, judged by what e2fsck -p does.
@Suite struct Ext4CheckTests {
  /// What is done to a file system that is clean, and whether e2fsck has work then.
  static let cases: [(String, isDue: Bool)] = [
    (":", false), ("tune2fs -c 10 -C 9 disk", false), ("tune2fs -c 10 -C 10 disk", true),
    ("tune2fs -c -1 -C 500 disk", false), ("tune2fs -i 1d disk", false),
    ("tune2fs -i 1d -T 20200101 disk", true), ("tune2fs -i 1d -T 20371231 disk", true),
    ("tune2fs -T 20200101 disk", false),
    ("debugfs -w -R 'set_super_value state 0' disk", true),
    ("debugfs -w -R 'set_super_value state 2' disk", true),
    ("debugfs -w -R 'set_super_value state 3' disk", true),
    ("debugfs -w -R 'feature needs_recovery' disk", true),
    ("debugfs -w -R 'set_super_value last_orphan 11' disk", true),
    ("tune2fs -E mmp_update_interval=1 -O mmp disk", true),
    ("tune2fs -L renamed disk", false), ("tune2fs -O ^has_journal disk", false),
  ]

  @Test(
    "After tune2fs and debugfs", arguments: cases.indices,
    ["ext4 -O metadata_csum", "ext4 -O ^metadata_csum,^64bit -b 1024", "ext2"])
  func changed(_ index: Int, _ features: String) async throws {
    let (change, isDue) = Self.cases[index]
    // These are about a journal.
    guard features != "ext2" || !change.contains("recovery") else { return }
    let folder = try TemporaryFolder()
    try await Tool.shell(
      "truncate -s 160M disk; mke2fs -qFt \(features) disk; (\(change)) >log 2>&1",
      in: folder.path)
    let answer = Ext4Check.isDue(try FileDisk(folder("disk")), now: time(nil))
    #expect(answer == isDue)
    let judge = try await Tool.run("e2fsck", ["-p", folder("disk")])
    let isSkipped =
      judge.output.contains(": clean, ") && judge.status == 0
      && !judge.output.contains("recovering journal")
    // To check too often costs time; to check too seldom would cost data.
    if !answer { #expect(isSkipped, "\(judge.output)\(judge.errors)") }
  }

  @Test("A backup of the superblock that says something else")
  func backup() async throws {
    let folder = try TemporaryFolder()
    for blockSize in [1024, 4096] {
      try await Tool.shell(
        """
        rm -f disk; truncate -s 300M disk
        mke2fs -qFt ext4 -b \(blockSize) -U 6f0e4c7e-9d2a-4f1a-9b0c-9e773b1f6c52 disk
        """, in: folder.path)
      #expect(!Ext4Check.isDue(try FileDisk(folder("disk")), now: time(nil)))
      // Without sparse_super's groups every group has one; the first of them counts.
      let place = blockSize == 1024 ? 8193 * 1024 : 32768 * 4096
      for offset in [0x00, 0x04, 0x38, 0x5C, 0x60, 0x64, 0x68] {
        let script = """
          cp --sparse=always disk copy; printf '\\1' |
          dd of=copy bs=1 seek=\(place + offset) conv=notrunc status=none
          """
        try await Tool.shell(script, in: folder.path)
        #expect(Ext4Check.isDue(try FileDisk(folder("copy")), now: time(nil)), "\(offset)")
      }
    }
  }

  @Test("A superblock that does not fit its checksum, and no superblock")
  func damaged() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell("truncate -s 6M disk; mke2fs -qFt ext4 disk", in: folder.path)
    var bytes = try FileDisk(folder("disk")).read(at: 0, count: 4096)
    #expect(!Ext4Check.isDue(MemoryDisk(bytes), now: time(nil)))
    bytes[1024 + 0x88] ^= 1
    #expect(Ext4Check.isDue(MemoryDisk(bytes), now: time(nil)))
    #expect(Ext4Check.isDue(MemoryDisk([]), now: 0))
    #expect(Ext4Check.isDue(MemoryDisk([UInt8](repeating: 0, count: 4096)), now: 0))
  }
}
