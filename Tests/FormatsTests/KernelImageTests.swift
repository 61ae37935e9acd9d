import Formats
import TestSupport
import Testing

/// Kernels as boot loaders take them, made up here with the tools that the kernel's own build uses,
/// and Debian's.
@Suite struct KernelImageTests {
  /// Starts as an ELF file of x86-64 does.
  static let elf: [UInt8] =
    [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 11) + [62, 0]
    + CompressionTests.sample.prefix(600_000)

  /// Starts as an Image of arm64, or of riscv64.
  static func image(_ magic: String) -> [UInt8] {
    [0x4d, 0x5a] + [UInt8](repeating: 0, count: 54) + Array(magic.utf8)
      + CompressionTests.sample.prefix(600_000)
  }

  /// What scripts/Makefile.lib of the kernel packs with. All but gzip get the size at their end.
  static let packers = [
    "gzip -n -c -9", "xz --check=crc32 --x86 --lzma2=dict=128MiB -c", "xz --format=lzma -9 -c",
    "bzip2 -9 -c", "lz4 -q -l -9 -c", "zstd -q -22 --ultra -c",
  ]

  static func bytes(_ number: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
  }

  static func pack(_ bytes: [UInt8], _ packer: String) async throws -> [UInt8] {
    let folder = try TemporaryFolder()
    try folder.write("in", bytes)
    try await Tool.shell("\(packer) <in >out", in: folder.path)
    return try folder.read("out")
  }

  static func isGzip(_ packer: String) -> Bool { packer.hasPrefix("gzip") }

  /// Documentation/arch/x86/boot.rst: sectors 0, header, version 2.15, one byte of padding and the
  /// payload, and something after it, as signatures are.
  static func bzImage(_ payload: [UInt8], setupSectors: Int = 3) -> [UInt8] {
    var image = [UInt8](repeating: 0, count: (setupSectors + 1) * 512)
    image[0x1f1] = UInt8(setupSectors)
    image.replaceSubrange(0x202..<0x208, with: Array("HdrS".utf8) + [0x0f, 0x02])
    image.replaceSubrange(0x248..<0x250, with: bytes(1) + bytes(payload.count))
    return image + [0x90] + payload + [1, 2, 3]
  }

  static func zboot(_ packed: [UInt8], size: Int?) -> [UInt8] {
    var image = Array("MZ\0\0zimg".utf8) + bytes(0x100) + bytes(packed.count)
    image += [UInt8](repeating: 0, count: 0x100 - image.count)
    return image + packed + (size.map(bytes) ?? []) + [UInt8](repeating: 0, count: 9)
  }

  static func unpack(_ image: [UInt8]) throws -> (machine: Architecture, bytes: [UInt8]) {
    func read(_ offset: Int, _ count: Int) -> [UInt8] {
      Array(image.dropFirst(offset).prefix(count))
    }
    let kernel = try KernelImage(size: image.count, read: read)
    var result: [UInt8] = []
    try kernel.unpack(read: read) { result += $0 }
    return (kernel.architecture, result)
  }

  @Test("Whatever the kernel's build packs with", arguments: packers)
  func payloads(_ packer: String) async throws {
    let packed = try await Self.pack(Self.elf, packer)
    let payload = packed + (Self.isGzip(packer) ? [] : Self.bytes(Self.elf.count))
    for sectors in [3, 27] {
      let result = try Self.unpack(Self.bzImage(payload, setupSectors: sectors))
      #expect(result.machine == .amd64 && result.bytes == Self.elf)
    }
    let image = Self.image("ARM\u{64}")
    let other = try await Self.pack(image, packer)
    let zboot = try Self.unpack(
      Self.zboot(other, size: Self.isGzip(packer) ? nil : image.count))
    #expect(zboot.machine == .arm64 && zboot.bytes == image)
    // The size that gzip has at its end is checked by gzip itself.
    if !Self.isGzip(packer) {
      #expect(throws: FormatError.self) {
        try Self.unpack(Self.bzImage(packed + Self.bytes(Self.elf.count + 1)))
      }
      #expect(throws: FormatError.self) {
        try Self.unpack(Self.bzImage(packed + Self.bytes(Self.elf.count - 1)))
      }
    }
  }

  @Test("Images that are not packed, or packed as a whole")
  func images() async throws {
    for (magic, machine) in [
      ("ARM\u{64}", Architecture.arm64), ("RSC\u{5}", .riscv64),
    ] {
      let image = Self.image(magic)
      let plain = try Self.unpack(image)
      #expect(plain.machine == machine && plain.bytes == image)
      let packed = try Self.unpack(await Self.pack(image, "gzip -c"))
      #expect(packed.machine == machine && packed.bytes == image)
    }
  }

  @Test("The release that a bzImage says, and texts that are none")
  func release() throws {
    func release(_ place: Int, _ text: String) throws -> String? {
      var image = Self.bzImage(Self.elf)
      image.replaceSubrange(0x20e..<0x210, with: Self.bytes(place).prefix(2))
      if !text.isEmpty { image.replaceSubrange(0x400..<0x400 + text.utf8.count, with: text.utf8) }
      return try KernelImage(size: image.count) { Array(image.dropFirst($0).prefix($1)) }.release
    }
    #expect(try release(0x200, "6.1.0-1-x (me@there) #1\0") == "6.1.0-1-x")
    #expect(try release(0x200, "6.1.0\0") == "6.1.0")
    #expect(try release(0, "6.1.0\0") == nil && release(0x200, "") == nil)
    #expect(try release(0xffff, "6.1.0\0") == nil)
    #expect(try release(0x200, String(repeating: "6", count: 300)) == nil)
    // The text would be behind the image's end.
    var short = Self.bzImage(Self.elf, setupSectors: 60).prefix(0x300)
    short.replaceSubrange(0x20e..<0x210, with: [0, 0x40])
    let image = try KernelImage(size: short.count) { offset, count in
      #expect(offset < short.count)
      return Array(short.dropFirst(offset).prefix(count))
    }
    #expect(image.release == nil)
  }

  @Test("Headers that lie")
  func hostile() async throws {
    let payload = try await Self.pack(Self.elf, "gzip -c")
    let good = Self.bzImage(payload)
    func expectError(_ image: [UInt8], _ reason: String) {
      let error = #expect(throws: FormatError.self) { try Self.unpack(image) }
      #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }
    func changed(_ offset: Int, _ bytes: [UInt8]) -> [UInt8] {
      var image = good
      image.replaceSubrange(offset..<offset + bytes.count, with: bytes)
      return image
    }
    expectError(changed(0x248, [255, 255, 255, 255]), "does not say where its payload is")
    expectError(changed(0x24c, [255, 255, 255, 255]), "does not say where its payload is")
    expectError(changed(0x24c, Self.bytes(4)), "does not say where its payload is")
    expectError(changed(0x206, [0x07, 0x02]), "does not say where its payload is")
    expectError(Array(good.prefix(good.count - 4)), "does not say where its payload is")
    expectError(changed(0x24c, Self.bytes(payload.count - 9)), "payload")
    // "4 GB": nothing is unpacked to find out.
    expectError(Self.bzImage(Array("BZh9".utf8) + Self.bytes(-1)), "unpacks to more than")
    expectError(
      Self.bzImage(Array("none of the known".utf8) + Self.bytes(17)), "payload: is not an ELF")
    let zeros = [UInt8](repeating: 0, count: 1 << 22)
    let bomb = try await Self.pack(Self.elf + zeros, "zstd -q -c")
    expectError(Self.bzImage(bomb + Self.bytes(700_000)), "unpacks to more than 700000 bytes")
    expectError(Array("MZ\0\0zimg".utf8), "")
    expectError(Self.zboot(payload, size: nil), "is not a Linux kernel")
    for text in ["", "MZ", "#!/bin/sh\nexit\n"] { expectError(Array(text.utf8), "") }
    for length in stride(from: 0, to: 0x600, by: 7) {
      #expect(throws: FormatError.self) { try Self.unpack(Array(good.prefix(length))) }
    }
  }

  @Test("Damaged ones are an error, or other bytes", arguments: packers)
  func mutations(_ packer: String) async throws {
    let small = Array(Self.elf.prefix(4000))
    let packed = try await Self.pack(small, packer)
    let image = Self.bzImage(packed + (Self.isGzip(packer) ? [] : Self.bytes(small.count)))
    let start = Self.image("ARM\u{64}")
    let arm = Self.zboot(try await Self.pack(Array(start.prefix(4000)), packer), size: nil)
    var random = SeededGenerator(seed: 71)
    for round in 0..<400 {
      for original in [image, arm] {
        let bytes = ArchiveMutationTests.damaged(original, round, &random)
        #expect((try? Self.unpack(bytes).bytes.count) ?? 0 <= KernelImage.sizeLimit)
      }
    }
  }

  /// Where it is packed with lz4, xz and zstd. The other way to it: look for the format's first bytes,
  /// and unpack from there with the format's own tool.
  @Test(
    "Debian's kernels",
    arguments: [
      ("cloud", "\\x02\\x21\\x4c\\x18", "lz4 -dc"),
      ("full", "\\xfd7zXZ\\x00", "xz -dc --single-stream"),
      ("cloud-6.12", "\\x28\\xb5\\x2f\\xfd", "zstd -dc"),
    ])
  func debian(_ name: String, _ magic: String, _ tool: String) async throws {
    let tree = try TestCache.tree(name)
    let release = try TestCache.release(in: tree)
    let path = "\(tree)/boot/vmlinuz-\(release)"
    let file = try InputFile(path)
    let result = try Self.unpack(file.readAll(limit: 1 << 28))
    #expect(result.machine == .amd64)
    let folder = try TemporaryFolder()
    try folder.write("vmlinux", result.bytes)
    let output = try await Tool.shell(
      """
      readelf -hlSW vmlinux 2>warnings | grep -E 'Machine|Entry|PVH|\\.notes'
      [ ! -s warnings ] || { cat warnings; exit 1; }
      readelf -nW vmlinux | grep -c 'Xen.*0x00000012'
      LC_ALL=C grep -abom1 -P '\(magic)' \(path) | head -n1 | cut -d: -f1 >offset
      tail -c +$(($(cat offset) + 1)) \(path) | \(tool) >other 2>/dev/null || true
      # What follows the stream is not the tool's; it may complain of it.
      cmp -n \(result.bytes.count) vmlinux other
      """, in: folder.path)
    #expect(output.contains("X86-64"), "\(output)")
  }
}
