import TestSupport
import Testing

@testable import Formats

@Suite struct TarReaderTests {
  /// A tree with what tar archives can hold, and its listing by find(1).
  static func makeTree(_ folder: TemporaryFolder) async throws {
    let long = String(repeating: "d", count: 120)
    try await Tool.shell(
      """
      mkdir -p "tree/a b" tree/\(long)/\(long)
      printf 'hello' >tree/plain; printf '' >tree/empty; printf 'x' >"tree/a b/ä"
      head -c 100000 /dev/zero >tree/\(long)/\(long)/zeros
      ln -s plain tree/link; ln -s /\(long)/\(long) tree/longlink; ln tree/plain tree/hard
      chmod 4711 tree/plain; chmod 750 "tree/a b"; touch -d '2001-02-03 04:05:06' tree/empty
      """, in: folder.path)
  }

  static func listing(_ tar: [UInt8]) throws -> [String] {
    let reader = TarReader(MemorySource(tar))
    var lines: [String] = []
    while let entry = try reader.next() {
      var bytes = 0
      try reader.body.forEachPiece { bytes += $0.count }
      #expect(bytes == entry.size)
      let kind =
        switch entry.kind {
        case .file: "f"
        case .directory: "d"
        case .symbolicLink(let target): "l \(target)"
        case .hardLink(let path): "h \(path)"
        default: "?"
        }
      let mode = kind.hasPrefix("l") ? "" : String(entry.mode, radix: 8)
      lines.append("\(entry.path) \(mode) \(entry.size) \(entry.modified) \(kind)")
    }
    return lines.sorted()
  }

  @Test("The same entries in every form that tar writes")
  func forms() async throws {
    let folder = try TemporaryFolder()
    try await Self.makeTree(folder)
    var listings: [[String]] = []
    for form in ["gnu", "pax", "posix"] {
      try await Tool.shell(
        "tar --format=\(form) --sort=name --numeric-owner -cf \(form).tar -C tree .",
        in: folder.path)
      listings.append(try Self.listing(folder.read("\(form).tar")))
    }
    #expect(listings[0] == listings[1] && listings[1] == listings[2])
    let expected = try await Tool.shell(
      "cd tree; find . -type d -printf '%P %m 0 %T@ d\\n' -o -type l -printf '%P  0 %T@ l %l\\n' -o -type f -printf '%P %m %s %T@ f\\n'",
      in: folder.path
    ).split(separator: "\n").map { $0.replacing(#/\.\d{10}/#, with: "") }
    // One of the two names of a file is a link to the other in the archive.
    let ours = listings[0].filter { !$0.contains(" h ") }
    #expect(Set(ours).isSubset(of: Set(expected.map(String.init))))
    #expect(ours.count == expected.count - 1)
  }

  @Test(
    "Paths that lead out are refused",
    arguments: [
      "../x", "/etc/passwd", "a/../../x", "a/..",
      // A letter of its own to Swift's strings, a slash and an accent to the kernel.
      "../\u{301}x", "/\u{301}x",
    ])
  func paths(_ path: String) async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      "echo x >x; tar -Pcf out.tar --transform 's|^x$|\(path)|' x", in: folder.path)
    let reader = TarReader(MemorySource(try folder.read("out.tar")))
    #expect(throws: FormatError.self) { try reader.next() }
  }

  /// One entry with a pax header before it.
  static func archive(pax key: String, _ value: String) -> [UInt8] {
    func block(_ type: String, size: Int) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: 512)
      func put(_ text: String, at offset: Int) {
        bytes.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8)
      }
      func octal(_ value: Int, _ count: Int) -> String {
        let digits = String(value, radix: 8)
        return String(repeating: "0", count: count - digits.count) + digits
      }
      put("x", at: 0)
      for offset in [100, 108, 116] { put(octal(0, 7), at: offset) }
      put(octal(size, 11), at: 124)
      put(octal(0, 11), at: 136)
      put("        ", at: 148)
      put(type, at: 156)
      put("ustar\u{0}00", at: 257)
      put(octal(bytes.reduce(0) { $0 + Int($1) }, 6), at: 148)
      return bytes
    }
    let field = " \(key)=\(value)\n"
    let record = "\(field.utf8.count + 2)" + field
    let padding = [UInt8](repeating: 0, count: 512 - record.utf8.count)
    return block("x", size: record.utf8.count) + Array(record.utf8) + padding + block("0", size: 0)
  }

  @Test(
    "Numbers at the edge of what there is are an error, not a trap",
    arguments: [
      ("size", "9223372036854775807"), ("size", "2305843009213693952"),
      ("mtime", "-9223372036854775808.5"),
    ])
  func edges(_ key: String, _ value: String) throws {
    let reader = TarReader(MemorySource(Self.archive(pax: key, value)))
    #expect(throws: FormatError.self) {
      while try reader.next() != nil {}
    }
    let sound = TarReader(MemorySource(Self.archive(pax: "mtime", "-11111111111.5")))
    #expect(try sound.next()?.modified == -11_111_111_112)
  }

  @Test(
    "Keys and numbers of pax headers that readers take for different things are an error",
    arguments: [
      ("path\0x", "y"), ("\0", "y"), ("", "y"), ("size", "+5"), ("size", " 5"),
      ("size", "5 "), ("mtime", "+5"), ("mtime", "5.x"), ("mtime", "."), ("uid", "0x5"),
    ])
  func strictPax(_ key: String, _ value: String) throws {
    let reader = TarReader(MemorySource(Self.archive(pax: key, value)))
    let error = #expect(throws: FormatError.self) { while try reader.next() != nil {} }
    #expect(error?.reason.contains("pax") == true, "\(error?.reason ?? "")")
  }

  @Test(
    "Numbers of tar that are not octal digits",
    arguments: ["+0000001", "-0000001", "0x000001", "0000009\0"])
  func strictOctal(_ field: String) throws {
    #expect(throws: FormatError.self) { try TarHeader.number(Array(field.utf8)[...], "size") }
    #expect(try TarHeader.number(Array("  17 \0".utf8)[...], "size") == 15)
  }

  @Test("Mutations end in an error or in entries, never in a trap")
  func mutations() async throws {
    let folder = try TemporaryFolder()
    try await Self.makeTree(folder)
    try await Tool.shell("tar --format=pax -cf out.tar -C tree .", in: folder.path)
    let tar = try folder.read("out.tar")
    var generator = SeededGenerator(seed: 3)
    for round in 0..<2000 {
      var bytes = tar
      for _ in 0...round % 4 {
        bytes[Int.random(in: 0..<min(bytes.count, 12_000), using: &generator)] = UInt8.random(
          in: 0...255, using: &generator)
      }
      if round % 3 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
      let reader = TarReader(MemorySource(bytes))
      while let entry = try? reader.next() {
        let names = entry.path.utf8.split(
          separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        #expect(entry.path.isEmpty || !names.contains { $0.isEmpty || $0.elementsEqual("..".utf8) })
      }
    }
  }
}

@Suite struct NewcTests {
  @Test("cpio lists and unpacks what is written")
  func cpio() async throws {
    let folder = try TemporaryFolder()
    var writer = NewcWriter()
    try writer.add("bin", .directory, mode: 0o755, modified: 1_000_000)
    try writer.add("bin/tool", .file(Array("hello".utf8)), mode: 0o755, modified: 1_000_000)
    try writer.add("bin/link", .symbolicLink(target: "tool"), mode: 0o777, modified: 1_000_000)
    try writer.add("empty", .file([]), mode: 0o600, modified: 2_000_000)
    let bytes = try writer.finish()
    try folder.write("archive", bytes)
    try await Tool.shell(
      "mkdir out; cd out; cpio -id --quiet --no-preserve-owner -m <../archive", in: folder.path)
    let listing = try await Tool.shell(
      "cd out; find . -mindepth 1 -printf '%p %m %s %l %y\\n' | sort", in: folder.path)
    #expect(
      listing
        == """
        ./bin 755 4096  d
        ./bin/link 777 4 tool l
        ./bin/tool 755 5  f
        ./empty 600 0  f

        """.replacing("4096", with: listing.split(separator: " ").dropFirst(2).first ?? ""))
    let verbose = try await Tool.shell("cpio -itvn --quiet <archive", in: folder.path)
    #expect(verbose.split(separator: "\n").allSatisfy { $0.contains(" 0 ") })
  }

  @Test("A file with two names is there once, as cpio has it, and wherever its bytes are")
  func hardLinks() async throws {
    let folder = try TemporaryFolder()
    var writer = NewcWriter()
    let file = try writer.add("a", .file([1, 2, 3]), mode: 0o755, modified: 5, links: 2)
    try writer.add("b", .hardLink(file), mode: 0o755, modified: 5, links: 2)
    try folder.write("ours", try writer.finish())
    try await Tool.shell(
      """
      mkdir out; cd out; cpio -id --quiet <../ours
      [ a -ef b ]; [ $(stat -c %s b) = 3 ]; [ $(stat -c %h b) = 2 ]
      printf 'a\\nb\\n' | cpio -o -H newc --quiet >../theirs
      """, in: folder.path)
    for name in ["ours", "theirs"] {
      let reader = try InitramfsReader(InputFile(folder(name)))
      let tree = try InitramfsTree(reading: reader) { _, _ in try reader.body(limit: 3) }
      #expect(tree.entries.count == 2 && tree.number(of: "a") == tree.number(of: "b"))
      for path in ["a", "b"] { #expect(tree.node(path)?.content == [1, 2, 3], "\(name): \(path)") }
    }
  }

  @Test("What is written is read back")
  func roundTrip() throws {
    var writer = NewcWriter()
    try writer.add("a", .directory, mode: 0o755, modified: 5)
    try writer.add("a/b", .file([1, 2, 3]), mode: 0o644, modified: 6)
    let reader = NewcReader(MemorySource(try writer.finish()))
    #expect(try reader.next()?.path == "a")
    let file = try #require(try reader.next())
    #expect(file.path == "a/b" && file.isFile && file.size == 3 && file.modified == 6)
    #expect(try reader.body(limit: 3) == [1, 2, 3])
    #expect(try reader.next() == nil)
  }
}
