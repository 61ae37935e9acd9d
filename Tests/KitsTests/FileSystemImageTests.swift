import Basics
import Formats
import TestSupport
import Testing

/// `minivm ls`, `cat`, `extract` and `diff` of images.
@Suite struct FileSystemImageTests {
  private let bench: CommandBench

  init() throws {
    bench = try CommandBench()
  }

  /// Makes `disk`, by mke2fs, and `initrd`, by cpio, of one tree.
  private func makeImages() async throws {
    try await Tool.shell(
      """
      mkdir -p tree/etc tree/usr/lib/deep; echo hello >tree/etc/file; ln tree/etc/file tree/usr/hard
      ln -s ../etc tree/usr/config; ln -s /usr/config/file tree/absolute; ln -s circle tree/circle
      head -c 3000000 /dev/urandom >tree/usr/lib/large; printf x >"tree/$(printf 'latin\\351')"
      chmod 4751 tree/usr/lib/large; find tree -exec touch -h -d @1600000000 {} +
      truncate -s 64M disk.raw; mke2fs -q -t ext4 -E root_owner=0:0 -d tree disk.raw
      qemu-img convert -O qcow2 disk.raw disk.qcow2
      (cd tree && find . ! -name latin\\* | sort | cpio -o --quiet -H newc) | zstd -q >initrd
      """, in: bench.folder.path)
  }

  @Test("Names, long lines, folders in folders and JSON; links are followed inside the image")
  func list() async throws {
    try await makeImages()
    for image in ["disk.raw", "disk.qcow2", "initrd"] {
      #expect(try await bench.run(["ls", image, "usr/config/"]).output == "file\n", "\(image)")
      #expect(try await bench.run(["cat", image, "/absolute"]).output == "hello\n", "\(image)")
      let long = try await bench.run(["ls", "-l", image, "/usr"]).output
      #expect(long.contains(" 2020-09-13 12:26 config -> ../etc\n"), "\(image): \(long)")
      #expect(long.contains("-rw-r--r-- 2 0 0 "), "\(long)")
      let large = try await bench.run(["ls", "-l", image, "usr/lib/large"]).output
      #expect(large.hasPrefix("-rwsr-x--x 1 "), "\(large)")
      let all = try await bench.run(["ls", "-R", image]).output
      #expect(
        all.contains("\n/usr:\nconfig\nhard\nlib\n\n/usr/lib:\ndeep\nlarge\n\n/usr/lib/deep:\n"),
        "\(all)")
    }
    let json = try await bench.run(["ls", "disk.raw", "--json"]).output
    let names = try await Tool.output(
      "python3",
      [
        "-c",
        "import json, sys; print([(f['path'], f['kind'], f['mode']) for f in json.load(sys.stdin)][1:4])",
      ],
      input: Array(json.utf8))
    #expect(
      names
        == "[('/circle', 'link', '777'), ('/etc', 'directory', '755'), ('/latin\\\\xE9', 'file', '644')]\n"
    )
  }

  @Test("A tree comes out as it went in")
  func extract() async throws {
    try await makeImages()
    for image in ["disk.qcow2", "initrd"] {
      let result = try await bench.run(["extract", image, "--out", "out/\(image)"])
      #expect(result.status == 0 && result.output == "out/\(image)\n", "\(result.errors)")
      try await Tool.shell(
        """
        rm -rf 'out/\(image)/lost+found'
        [ \(image) = disk.qcow2 ] || rm tree/latin*
        diff -r --no-dereference tree 'out/\(image)'
        for folder in tree 'out/\(image)'; do
          (cd "$folder" && find . ! -path . -printf '%P %y %m %n %T@ %l\\n' | grep -v ' d ' | sort) >"list-${folder##*/}"
        done
        cmp list-tree list-\(image)
        """, in: bench.folder.path)
      let archive = try await Tool.run(
        "sh", ["-c", "'\(TestKit.program)' extract \(image) --out - | tar --numeric-owner -tvf -"],
        in: bench.folder.path)
      #expect(
        archive.status == 0 && archive.output.contains(" ./usr/hard link to ./etc/file\n")
          || archive.output.contains("usr/hard link to etc/file"), "\(archive)")
    }
    try await bench.run(["extract", "disk.raw", "/etc/file", "--out", "one"])
    #expect(String(decoding: try bench.folder.read("one/file"), as: UTF8.self) == "hello\n")
  }

  @Test("Files that are new, gone or changed, with their owners; the exit code is that of diff")
  func diff() async throws {
    try await makeImages()
    let same = try await bench.run(["diff", "disk.raw", "disk.qcow2"])
    #expect(same.status == 0 && same.output == "the images hold the same files\n", "\(same)")
    try await Tool.shell(
      """
      cp disk.raw other.raw; echo new >new
      debugfs -w -R 'write new added' other.raw 2>/dev/null
      debugfs -w -R 'rm absolute' other.raw 2>/dev/null
      debugfs -w -R 'set_inode_field etc/file uid 77' other.raw 2>/dev/null
      """, in: bench.folder.path)
    let other = try await bench.run(["diff", "disk.raw", "other.raw"])
    #expect(other.status == 1)
    for line in [
      "+ added  4 bytes", "- absolute  -> /usr/config/file", "~ etc/file  owner: 0:0 -> 77:0",
    ] {
      #expect(other.output.contains(line), "\(other.output)")
    }
  }

  @Test("What is no image, has no such file, or is there already")
  func refused() async throws {
    try await makeImages()
    try bench.folder.write("full/file", "mine".utf8)
    try bench.folder.write("text", [UInt8](repeating: 65, count: 5000))
    for (arguments, code, message) in [
      (["ls", "nowhere"], 3, "nowhere: no such file"),
      (["ls", "text"], 1, "text: is neither an ext4 or squashfs disk nor an initramfs"),
      (["ls", "tree"], 1, "tree: is a folder"),
      (["ls", "disk.raw", "/etc/none"], 3, "disk.raw: has no “/etc/none”"),
      (["cat", "disk.raw", "/circle"], 1, "leads through too many links"),
      (["cat", "disk.raw", "/etc"], 1, "“/etc” is no file"),
      (["extract", "disk.raw", "--out", "full"], 2, "full: already exists"),
      (["diff", "disk.raw", "text"], 1, "text: is neither"),
    ] as [([String], Int, String)] {
      try await bench.expectFailure(arguments, code, message)
    }
    #expect(String(decoding: try bench.folder.read("full/file"), as: UTF8.self) == "mine")
  }
}
