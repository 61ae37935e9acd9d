import Formats
import TestSupport
import Testing

/// Images and file systems that others have made.
@Suite struct DiskImageReaderTests {
  private static let size = 24 << 20

  /// A folder with what an ext4 file system may hold, and mke2fs's image of it.
  private static func makeImage(_ options: String) async throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      """
      mkdir -p tree/deep/er/still tree/many
      seq 1 200000 >tree/deep/er/still/large
      : >tree/empty
      head -c 3000000 /dev/urandom >tree/noise
      truncate -s 5000000 tree/holes; printf end >>tree/holes
      i=0; while [ $i -lt 700 ]; do echo $i >tree/many/a-rather-long-name-for-a-file-$i; i=$((i + 1)); done
      ln -s deep/er tree/link
      mke2fs -q -t ext4 \(options) -d tree raw \(size / 1024)k
      for t in zlib zstd; do
        qemu-img convert -q -f raw -O qcow2 -c -o compression_type=$t raw $t.qcow2
      done
      qemu-img convert -q -f raw -O qcow2 raw plain.qcow2
      """, in: folder.path)
    return folder
  }

  @Test(
    "Files of mke2fs in images of qemu-img",
    arguments: ["", "-O ^64bit -b 1024", "-I 128 -O ^metadata_csum,^dir_index", "-b 2048 -g 2048"])
  func foreignImages(_ options: String) async throws {
    let folder = try await Self.makeImage(options)
    let raw = try folder.read("raw")
    for name in ["raw", "zlib.qcow2", "zstd.qcow2", "plain.qcow2"] {
      let image = try DiskImage.open(InputFile(folder(name)))
      #expect(image.size == Self.size)
      #expect(try image.read(at: 5_000_001, count: 200_000) == Array(raw[5_000_001..<5_200_001]))
      let system = try Ext4Reader(image)
      for file in [
        "deep/er/still/large", "empty", "noise", "holes", "many/a-rather-long-name-for-a-file-699",
      ] {
        let expected = try folder.read("tree/\(file)")
        #expect(try system.contents(of: file, limit: 1 << 24) == expected, "\(name) \(file)")
      }
      #expect(try system.entries(of: "many")?.count == 700)
      #expect(try system.contents(of: "deep", limit: 1) == nil)
      #expect(try system.contents(of: "noise/inside", limit: 1) == nil)
      #expect(try system.contents(of: "none", limit: 1) == nil)
      #expect(try system.entries(of: "/")?.contains { $0.kind == .symbolicLink } == true)
      #expect(throws: FormatError.self) { try system.contents(of: "noise", limit: 2_999_999) }
    }
  }

  @Test("What our own writers made is read back")
  func ownImages() async throws {
    let folder = try TemporaryFolder()
    for compression in [Qcow2Compression.zstd, .zlib, .none] {
      let file = try OutputFile(replacing: folder("own.qcow2"))
      let writer = try Ext4Writer(
        Qcow2Writer(file, compression: compression, jobs: 2), size: 64 << 20, mayGrow: false)
      let time = try Ext4Time(seconds: 1)
      let bytes = noise(400_000)
      try writer.addFile(
        "6.1/kernel/a.ko", Ext4Attributes(mode: 0o644, modified: time), bytes: bytes)
      try writer.finish(
        Ext4Identity(
          uuid: [UInt8](repeating: 1, count: 16), hashSeed: [UInt8](repeating: 2, count: 16),
          label: "x", timestamp: time))
      try file.commit()
      let system = try Ext4Reader(DiskImage.open(InputFile(folder("own.qcow2"))))
      #expect(try system.contents(of: "6.1/kernel/a.ko", limit: 1 << 20) == bytes)
    }
  }

  @Test("Images of other kinds are refused with what they are")
  func refused() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      """
      truncate -s 4M raw
      qemu-img create -q -f qcow2 -b raw -F raw backed
      qemu-img create -q -f qcow2 -o cluster_size=4k small 4M
      qemu-img create -q -f qcow2 -o extended_l2=on extended 4M
      qemu-img create -q -f qcow2 -o data_file=data,data_file_raw=on external 4M
      """, in: folder.path)
    for name in ["backed", "small", "extended", "external"] {
      let error = #expect(throws: FormatError.self) { try DiskImage.open(InputFile(folder(name))) }
      #expect(error?.kind == .unsupported, "\(name): \(error as Any)")
    }
    #expect(throws: FormatError.self) { try Ext4Reader(DiskImage.open(InputFile(folder("raw")))) }
  }

  @Test("A journal that is to be replayed: what is on the disk is not what is in the files")
  func journal() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      "truncate -s 8M raw; mke2fs -q -t ext4 raw; debugfs -wR 'feature needs_recovery' raw",
      in: folder.path)
    let error = #expect(throws: FormatError.self) {
      try Ext4Reader(DiskImage.open(InputFile(folder("raw"))))
    }
    #expect(error?.kind == .unsupported && error?.reason.contains("e2fsck -fy") == true)
    try await Tool.shell("e2fsck -fy raw >/dev/null || [ $? = 1 ]", in: folder.path)
    _ = try Ext4Reader(DiskImage.open(InputFile(folder("raw"))))
  }

  @Test("Damaged images end in an error or in bytes, soon, and never in a trap")
  func damaged() async throws {
    let folder = try await Self.makeImage("-b 1024")
    var generator = SplitMix(seed: 7)
    let raw = try folder.read("raw")
    let image = try folder.read("zstd.qcow2")
    for round in 0..<150 {
      var bytes = round % 2 == 0 ? raw : image
      // The tables are what matters: the superblock, descriptors, inodes, or the header, L1 and L2.
      let span = round % 2 == 0 ? 600_000 : bytes.count
      for _ in 0..<(1 + round % 40) {
        bytes[Int(generator.next() % UInt64(span))] = UInt8(truncatingIfNeeded: generator.next())
      }
      try folder.write("damaged", bytes)
      guard let disk = try? DiskImage.open(InputFile(folder("damaged"))),
        let system = try? Ext4Reader(disk)
      else { continue }
      for path in ["deep/er/still/large", "noise", "holes", "many/a-rather-long-name-for-a-file-9"]
      {
        _ = try? system.contents(of: path, limit: 1 << 24)
        _ = try? system.entries(of: path)
      }
      _ = try? system.entries(of: "many")
    }
  }

  private struct SplitMix {
    var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var value = state
      value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
      value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
      return value ^ (value >> 31)
    }
  }
}
