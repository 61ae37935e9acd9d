import Formats
import TestSupport
import Testing

/// What squashfs-tools and squashfs-tools-ng make of our images.
@Suite struct SquashfsWriterTests {
  private static let large = noise(300_000)

  private static func fill(_ writer: SquashfsWriter) throws {
    try writer.add("a/deep/folder/file", Array("late parents\n".utf8), .plain(0o600, 1000, 100))
    try writer.add("a/deep", .directory, .plain(0o700, 7, 8, seconds: 1_500_000_000))
    try writer.add("empty", [])
    try writer.add(
      "large", large,
      .plain(0o4755, 70000, 4_000_000_000, extended: [("user.note", Array("x".utf8))]))
    try writer.add("block", [UInt8](repeating: 0x61, count: 1 << 17))
    try writer.add("dev/null", .characterDevice(major: 1, minor: 3), .plain(0o666))
    try writer.add("dev/sda1", .blockDevice(major: 8, minor: 1), .plain(0o640, 0, 6))
    try writer.add("pipe", .fifo)
    try writer.add("socket", .socket, .plain(0o755))
    try writer.add("link", .symbolicLink(target: Array("../where/ever".utf8)))
    try writer.link("a/again", to: "large")
    try writer.link("zzz", to: "large")
    try writer.link("null", to: "dev/null")
    try writer.add(
      "ping", Array("#!".utf8),
      .plain(
        0o755,
        extended: [
          ("security.capability", [1, 0, 0, 2, 0, 0x20]), ("trusted.overlay.opaque", [0x79]),
        ]))
    try writer.add(
      "pong", Array("same".utf8), .plain(0o755, extended: [("user.note", Array("x".utf8))]))
    try writer.add("old", .directory, .plain(0o755, seconds: -5, extended: [("user.dir", [])]))
    try writer.add("new", .fifo, .plain(seconds: 1 << 40))
  }

  @Test("unsquashfs lists every kind of file as it was added")
  func listing() async throws {
    let folder = try TemporaryFolder()
    try SquashfsTool.image(folder("image"), Self.fill)
    let list = try await SquashfsTool.list(folder("image")).joined(separator: "\n")
    #expect(
      list == """
        drwxr-xr-x 0/0 181 2023-11-14 22:13
        drwxr-xr-x 0/0 40 2020-09-13 12:26 /a
        -rwsr-xr-x 70000/4000000000 300000 2020-09-13 12:26 /a/again
        drwx------ 7/8 29 2017-07-14 02:40 /a/deep
        drwxr-xr-x 0/0 27 2020-09-13 12:26 /a/deep/folder
        -rw------- 1000/100 13 2020-09-13 12:26 /a/deep/folder/file
        -rw-r--r-- 0/0 131072 2020-09-13 12:26 /block
        drwxr-xr-x 0/0 39 2020-09-13 12:26 /dev
        crw-rw-rw- 0/0 1, 3 2020-09-13 12:26 /dev/null
        brw-r----- 0/6 8, 1 2020-09-13 12:26 /dev/sda1
        -rw-r--r-- 0/0 0 2020-09-13 12:26 /empty
        -rwsr-xr-x 70000/4000000000 300000 2020-09-13 12:26 /large
        lrwxrwxrwx 0/0 13 2020-09-13 12:26 /link -> ../where/ever
        prw-r--r-- 0/0 0 2106-02-07 06:28 /new
        crw-rw-rw- 0/0 1, 3 2020-09-13 12:26 /null
        drwxr-xr-x 0/0 3 1970-01-01 00:00 /old
        -rwxr-xr-x 0/0 2 2020-09-13 12:26 /ping
        prw-r--r-- 0/0 0 2020-09-13 12:26 /pipe
        -rwxr-xr-x 0/0 4 2020-09-13 12:26 /pong
        srwxr-xr-x 0/0 0 2020-09-13 12:26 /socket
        -rwsr-xr-x 70000/4000000000 300000 2020-09-13 12:26 /zzz
        """, "\(list)")
  }

  @Test("sqfs2tar has the same attributes, links and bytes")
  func archive() async throws {
    let folder = try TemporaryFolder()
    try SquashfsTool.image(folder("image")) { writer in
      try Self.fill(writer)
      try writer.add("dev/big", .characterDevice(major: 4095, minor: 1_048_575))
    }
    let list = try await SquashfsTool.tar(folder("image")).joined(separator: "\n")
    #expect(
      list == """
        . 5 755 0:0 1700000000
        ./a 5 755 0:0 1600000000
        ./a/again 0 4755 70000:4000000000 1600000000 300000 09cbfc7f2b30c329 user.note=78
        ./a/deep 5 700 7:8 1500000000
        ./a/deep/folder 5 755 0:0 1600000000
        ./a/deep/folder/file 0 600 1000:100 1600000000 13 9e1aea1a804c3aad
        ./block 0 644 0:0 1600000000 131072 b44ffb72fcc25967
        ./dev 5 755 0:0 1600000000
        ./dev/big 3 644 0:0 1600000000 4095,1048575
        ./dev/null 3 666 0:0 1600000000 1,3
        ./dev/sda1 4 640 0:6 1600000000 8,1
        ./empty 0 644 0:0 1600000000 0 e3b0c44298fc1c14
        ./large 1 4755 70000:4000000000 1600000000 > ./a/again
        ./link 2 777 0:0 1600000000 > ../where/ever
        ./new 6 644 0:0 4294967295
        ./null 1 666 0:0 1600000000 > ./dev/null
        ./old 5 755 0:0 0 user.dir=
        ./ping 0 755 0:0 1600000000 2 3612ddaf46e149a4 security.capability=010000020020 trusted.overlay.opaque=79
        ./pipe 6 644 0:0 1600000000
        ./pong 0 755 0:0 1600000000 4 0967115f2813a354 user.note=78
        ./zzz 1 4755 70000:4000000000 1600000000 > ./a/again
        """, "\(list)")
  }

  @Test("The same bytes come of any number of jobs")
  func jobs() async throws {
    let folder = try TemporaryFolder()
    var images: [[UInt8]] = []
    for jobs in [1, 2, 5] {
      try SquashfsTool.image(folder("image"), jobs: jobs) { writer in
        try Self.fill(writer)
        for number in 0..<40 {
          let bytes = noise(4096, seed: UInt64(number)) + [UInt8](repeating: 0, count: 60_000)
          try writer.add("many/\(number)", bytes + bytes + bytes)
        }
      }
      images.append(try folder.read("image"))
    }
    #expect(images[0] == images[1] && images[1] == images[2])
    #expect(images[0].count % 4096 == 0)
  }

  @Test("A folder of 20,000 names and files of 12,000 inodes apart are found by name")
  func manyNames() async throws {
    let folder = try TemporaryFolder()
    let names = (0..<20_000).map { "file-\($0)" }
    let summary = try SquashfsTool.image(folder("image")) { writer in
      for name in names { try writer.add("many/\(name)", Array(name.utf8)) }
      // More than 32,767 numbers from one another, and in other metadata blocks.
      for number in 0..<40_000 { try writer.add("z/\(number % 200)/\(number)", .fifo) }
      for number in 0..<300 {
        try writer.link("links/\(number)", to: "z/\(number % 200)/\(number)")
      }
    }
    #expect(summary.inodes == 60_204)
    let list = try await SquashfsTool.list(folder("image"))
    #expect(list.count == 60_504)
    let listed = list.compactMap { line in
      line.hasPrefix("-") ? line.split(separator: "/").last.map(String.init) : nil
    }
    #expect(listed == names.sorted())
    let found = try await Tool.run(
      "unsquashfs", ["-cat", folder("image"), "many/file-0", "many/file-19999", "many/file-4711"])
    #expect(found.output == "file-0file-19999file-4711", "\(found.errors)")
  }

  @Test("A file of more than 4 GiB with holes takes the room of what is in it")
  func sparse() async throws {
    let folder = try TemporaryFolder()
    let source = SparseSource(mebibytes: 4100, islands: [0: [1], 4099: Array("end".utf8)])
    try SquashfsTool.image(folder("image")) { writer in
      try writer.add(
        Array("sparse".utf8), .file(size: 4100 << 20), .plain(), content: source)
      try writer.add("behind", Array("it".utf8))
    }
    #expect(try folder.read("image").count < 1 << 16)
    let list = try await SquashfsTool.list(folder("image"))
    #expect(list.contains("-rw-r--r-- 0/0 4299161600 2020-09-13 12:26 /sparse"), "\(list)")
    let unpacked = try await Tool.run(
      "unsquashfs", ["-no-progress", "-d", folder("tree"), folder("image")])
    #expect(unpacked.status == 0, "\(unpacked.errors)")
    let end = try InputFile(folder("tree/sparse")).read(at: 4099 << 20, count: 4)
    #expect(end == Array("end".utf8) + [0])
    #expect(try folder.read("tree/behind") == Array("it".utf8))
  }

  @Test("What was added is read back before and after the end")
  func readBack() throws {
    let folder = try TemporaryFolder()
    let bytes = [UInt8](repeating: 0, count: 1 << 17) + noise(200_000)
    let file = try OutputFile(replacing: folder("image"))
    let writer = SquashfsWriter(file, jobs: 2)
    try writer.add("a", bytes)
    try writer.add("b", Array("end".utf8))
    for isEnded in [false, true] {
      if isEnded { try writer.finish(.sample()) }
      #expect(try allBytes(writer.contents(of: Array("a".utf8))) == bytes)
      #expect(try allBytes(writer.contents(of: Array("b".utf8))) == Array("end".utf8))
      #expect(try writer.contents(of: Array("c".utf8)) == nil)
    }
  }

  @Test(
    "What squashfs can't hold, and paths that lead nowhere, are refused",
    arguments: [
      "twice", "file as folder", "dots", "empty part", "long name", "size", "no content", "target",
      "device", "acl", "link to folder", "link to nothing", "root", "again",
    ])
  func refused(_ which: String) throws {
    let folder = try TemporaryFolder()
    #expect(throws: FormatError.self) {
      try SquashfsTool.image(folder("image")) { writer in
        try writer.add("file", [1])
        try writer.add("folder", .directory)
        switch which {
        case "twice": try writer.add("file", [1])
        case "file as folder": try writer.add("file/x", [1])
        case "dots": try writer.add("folder/..", [1])
        case "empty part": try writer.add("folder//x", [1])
        case "long name": try writer.add(String(repeating: "x", count: 256), [1])
        case "size":
          try writer.add(Array("x".utf8), .file(size: 2), .plain(), content: MemorySource([1]))
        case "no content": try writer.add("x", .file(size: 0))
        case "target": try writer.add("x", .symbolicLink(target: []))
        case "device": try writer.add("x", .blockDevice(major: 4096, minor: 0))
        case "acl":
          try writer.add("x", [1], .plain(extended: [("system.posix_acl_access", [2])]))
        case "link to folder": try writer.link("x", to: "folder")
        case "link to nothing": try writer.link("x", to: "y")
        case "root": try writer.add("", [1])
        default: try writer.add("folder", .directory)
        }
      }
    }
    #expect(FileTree.status(folder("image")) == nil)
  }

  @Test("The attributes that can be kept are those of three namespaces")
  func attributes() {
    for (name, isKept) in [
      ("user.a", true), ("trusted.b", true), ("security.capability", true), ("user.", false),
      ("system.posix_acl_access", false), ("x", false),
    ] { #expect(SquashfsWriter.canHold(attribute: Array(name.utf8)) == isKept) }
  }
}
