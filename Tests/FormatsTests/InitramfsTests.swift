import TestSupport
import Testing

@testable import Formats

/// An initramfs as Linux unpacks it. GNU cpio and the compressors' own programs make the archives;
/// `BootTests` has a guest that says what its kernel made of one.
@Suite struct InitramfsTests {
  /// One entry, with any number in any field.
  static func entry(
    _ path: String, mode: UInt32 = 0o100644, body: [UInt8] = [], links: UInt32 = 1,
    inode: UInt32 = 1, magic: String = "070701", checksum: UInt32 = 0, modified: UInt32 = 7
  ) -> [UInt8] {
    let fields = [
      inode, mode, 0, 0, links, modified, UInt32(body.count), 0, 0, 0, 0,
      UInt32(path.utf8.count + 1), checksum,
    ]
    var bytes = Array(magic.utf8)
    for field in fields {
      let digits = String(field, radix: 16)
      bytes += Array((String(repeating: "0", count: 8 - digits.count) + digits).utf8)
    }
    bytes += Array(path.utf8) + [0]
    bytes += [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4) + body
    return bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
  }

  static let trailer = entry("TRAILER!!!", mode: 0, inode: 0)

  static func read(_ bytes: [UInt8], _ folder: TemporaryFolder) throws -> (
    tree: InitramfsTree<[UInt8]>, parts: [InitramfsReader.Part]
  ) {
    let reader = try InitramfsReader(InputFile(folder.write("initramfs", bytes)))
    let tree = try InitramfsTree(reading: reader) { _, _ in try reader.body(limit: 1 << 20) }
    return (tree, reader.parts)
  }

  private func read(_ bytes: [UInt8]...) throws -> InitramfsTree<[UInt8]> {
    try Self.read(Array(bytes.joined()), TemporaryFolder()).tree
  }

  @Test(
    "A second archive, in each form, behind a first one in each form",
    arguments: [
      "cat", "gzip -nc", "bzip2 -c", "xz -c --check=crc32", "lzma -c", "zstd -qc", "lz4 -lc",
    ])
  func forms(_ second: String) async throws {
    let folder = try TemporaryFolder()
    for first in ["cat", "gzip -nc", "bzip2 -c", "xz -c --check=crc32", "lzma -c", "zstd -qc"] {
      try await Tool.shell(
        """
        rm -rf a b; mkdir a b; echo first >a/init; echo kept >a/kept; echo second >b/init
        for x in a b; do (cd $x; find . | cpio -o -H newc --quiet) >$x.cpio; done
        \(first) <a.cpio >i; \(second) <b.cpio >>i
        \(second == "cat" ? "\(first) <a.cpio >i; truncate -s %4 i; cat b.cpio >>i" : "")
        """, in: folder.path)
      let (tree, parts) = try Self.read(folder.read("i"), folder)
      #expect(tree.node("init")?.content == Array("second\n".utf8), "\(first), \(second)")
      #expect(tree.node("kept")?.content == Array("kept\n".utf8))
      #expect(tree.isReplaced("init") && !tree.isReplaced("kept"))
      // Plain archives are one part.
      #expect(parts.count == (first == "cat" && second == "cat" ? 1 : 2))
    }
  }

  @Test("lz4 ends at a zero block: what follows zeros is another archive")
  func lz4() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      "echo a >a; echo b >b; echo a | cpio -o -H newc --quiet | lz4 -lc >i; truncate -s %4 i; "
        + "head -c 8 /dev/zero >>i; echo b | cpio -o -H newc --quiet >>i", in: folder.path)
    let (tree, parts) = try Self.read(folder.read("i"), folder)
    #expect(tree.entries.keys.sorted() == ["a", "b"])
    #expect(parts.map(\.compression) == [.lz4, .none])
  }

  @Test("Entries of other types take each other's place, but for folders with something in them")
  func types() throws {
    let tree = try read(
      Self.entry("file", body: [1]), Self.entry("folder", mode: 0o040755),
      Self.entry("full", mode: 0o040755), Self.entry("full/x", body: [2]),
      Self.entry("link", mode: 0o120777, body: Array("full".utf8)), Self.trailer,
      Self.entry("file", mode: 0o040700), Self.entry("folder", body: [3]),
      Self.entry("full", body: [4]), Self.entry("link", body: [5]),
      Self.entry("full/x", mode: 0o120777, body: Array("../link".utf8)), Self.trailer)
    #expect(tree.entries["file"]?.mode == 0o040700)
    #expect(tree.entries["folder"]?.content == [3])
    #expect(tree.entries["full"]?.isDirectory == true)
    #expect(tree.entries["link"]?.content == [5] && tree.node("full/x")?.content == [5])
    #expect(tree.dropped == ["full"])
    #expect(tree.isReplaced("full/x") && tree.isReplaced("link") && !tree.isReplaced("full"))
  }

  @Test("A folder over a folder has its mode; links on the way are followed; no folder, no file")
  func folders() throws {
    let tree = try read(
      Self.entry("usr", mode: 0o040755), Self.entry("usr/lib", mode: 0o040755),
      Self.entry("lib", mode: 0o120777, body: Array("/usr/lib".utf8)), Self.trailer,
      Self.entry("usr/lib", mode: 0o040711), Self.entry("/lib/x", body: [1]),
      Self.entry("no/y", body: [2]), Self.entry("dev/z", body: [3]),
      Self.entry("loop", mode: 0o120777, body: Array("loop".utf8)),
      Self.entry("loop/x", body: [4]), Self.trailer)
    #expect(tree.entries["usr/lib"]?.mode == 0o040711)
    #expect(tree.entries["usr/lib/x"]?.content == [1] && tree.node("lib/x")?.content == [1])
    #expect(tree.dropped == ["no/y", "loop/x"])
    #expect(tree.entries["dev/z"] != nil && tree.entries["dev"] == nil, "the kernel brings /dev")
    #expect(tree.realPath("lib/x") == "usr/lib/x" && tree.realPath("loop") == nil)
  }

  @Test(
    "Names of one file: within an archive only, with the content at any; a file written anew is so by all names"
  )
  func hardLinks() throws {
    let first = [
      Self.entry("a", links: 2), Self.entry("b", body: [1, 2], links: 2), Self.trailer,
    ]
    let tree = try read(
      Array(first.joined()), Self.entry("c", body: [3], links: 2), Self.entry("a", body: [4]),
      Self.trailer)
    #expect(tree.node("a")?.content == [4] && tree.node("b")?.content == [4])
    #expect(tree.number(of: "a") == tree.number(of: "b"))
    #expect(tree.node("c")?.content == [3] && tree.number(of: "c") != tree.number(of: "a"))
    #expect(tree.isReplaced("b"))
    // One archive without a trailer between: the same file.
    let other = try read(
      Self.entry("a", body: [1], links: 2), Self.entry("b", links: 2), Self.trailer)
    #expect(other.node("b")?.content == [1])
  }

  @Test(
    "Numbers that are not eight hexadecimal digits",
    arguments: [
      "+0000001", "-0000001", " 0000001", "0x000001", "0000001 ", "0000001\0", "0000001g",
    ])
  func numbers(_ number: String) throws {
    for field in 0..<13 {
      var bytes = Self.entry("a", body: [1])
      bytes.replaceSubrange(6 + 8 * field..<14 + 8 * field, with: number.utf8)
      let error = #expect(throws: FormatError.self) { _ = try read(bytes, Self.trailer) }
      #expect(error?.offset == 6 + 8 * field)
    }
  }

  @Test("What Linux does not unpack is an error with its place")
  func refused() async throws {
    let sound = Self.entry("a", body: [1]) + Self.trailer
    let cases: [(String, [UInt8], String)] = [
      ("junk behind", sound + Array("junk".utf8), "neither a cpio archive nor compressed"),
      ("not aligned", sound + [0, 0] + sound, "multiple of 4"),
      ("no trailer", Self.entry("a"), "without its trailer"),
      ("cut", Array(sound.prefix(50)), "ends"),
      ("old cpio", Array("070707".utf8) + sound, "cpio -H newc"),
      ("lzo", sound + [0x89, 0x4c, 0x5a, 0x4f, 0, 0x0d, 0x0a, 0x1a, 0x0a], "lzo"),
      ("zeros", [0, 0, 0, 0], "no cpio archive"),
      (
        "checksum", Self.entry("a", body: [1], magic: "070702", checksum: 2) + Self.trailer,
        "checksum"
      ),
      ("a path that leads out", Self.entry("../a") + Self.trailer, "leads out"),
    ]
    for (name, bytes, text) in cases {
      let error = #expect(throws: FormatError.self, "\(name)") { _ = try read(bytes) }
      #expect(error?.description.contains(text) == true, "\(name): \(error?.description ?? "")")
    }
    _ = try read(Self.entry("a", body: [1, 2], magic: "070702", checksum: 3), Self.trailer)
    _ = try read(sound, [UInt8](repeating: 0, count: 511), [0], sound)
    let folder = try TemporaryFolder()
    try folder.write("a", sound + Array("no".utf8))
    try await Tool.shell("gzip -n a", in: folder.path)
    let error = #expect(throws: FormatError.self) { _ = try Self.read(folder.read("a.gz"), folder) }
    #expect(error?.reason.contains("compressed archive") == true)
  }

  @Test("xz with a check that Linux lacks, and the boot configuration behind an archive")
  func obstacles() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      "echo x >x; echo x | cpio -o -H newc --quiet >i; for c in none crc32 crc64 sha256; do xz -c --check=$c i >$c; done",
      in: folder.path)
    for (check, text) in [("none", nil), ("crc32", nil), ("crc64", "CRC64"), ("sha256", "SHA-256")]
    {
      let part = try Self.read(folder.read(check), folder).parts[0]
      #expect(part.obstacle?.contains(text ?? "?") ?? (text == nil), "\(check)")
    }
    let data = Array("kernel.x = 1\n\0".utf8)
    let sum = data.reduce(0 as UInt32) { $0 + UInt32($1) }
    var writer = ByteWriter()
    writer.append(data)
    writer.littleEndian(UInt32(data.count))
    writer.littleEndian(sum)
    writer.append(Array("#BOOTCONFIG\n".utf8))
    let archive = try folder.read("i")
    let tree = try read(archive, writer.bytes)
    #expect(tree.entries.keys.sorted() == ["x"])
  }

  @Test("Many parts, many links")
  func limits() throws {
    let sound = try folderOfGzip()
    let parts = [[UInt8]](repeating: sound, count: InitramfsReader.partLimit)
    let error = #expect(throws: FormatError.self) { _ = try read(Array(parts.joined()) + sound) }
    #expect(error?.kind == .limit)
    // A path of 2,000 links, each through all before it, would be walked forever.
    var entries = Self.entry("l0", mode: 0o120777, body: [0x2e])
    for number in 1...39 {
      let target = String(repeating: "l\(number - 1)/", count: 100)
      entries += Self.entry("l\(number)", mode: 0o120777, body: Array(target.utf8))
    }
    for number in 0..<2000 { entries += Self.entry("l39/\(number)") }
    _ = try? read(entries, Self.trailer)
  }

  private func folderOfGzip() throws -> [UInt8] {
    try Compression.gzip.compress(Self.trailer)
  }
}
