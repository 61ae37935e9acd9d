import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

@Suite struct UnpackTests {
  /// Everything that a file is, of all files below a folder.
  static let inventory =
    "find . -printf '%p %m %T@ %s %y %l\\n' | sort; find . -type f -exec sha256sum {} + | sort -k2"

  @Test("dpkg-deb gives the same files", arguments: ["cloud", "cloud-6.12"])
  func sameAsDpkg(_ name: String) async throws {
    let folder = try TemporaryFolder()
    let paths = try TestCache.packages(name)
    let result = try Unpacker(paths.map(DebArchive.init), into: folder("ours")).run(jobs: 2)
    for path in paths {
      try await Tool.output("dpkg-deb", ["-x", path, folder("theirs")])
    }
    let release = try TestCache.release(in: folder("theirs"))
    #expect(result.release.description == release)
    let usr = FileTree.isDirectory(folder("theirs/lib/modules")) ? "" : "usr/"
    let ours = try await Tool.shell(Self.inventory, in: folder("ours/lib/modules/\(release)"))
    let theirs = try await Tool.shell(
      Self.inventory, in: folder("theirs/\(usr)lib/modules/\(release)"))
    // A Bool, so that a failure does not print thousands of lines.
    let areEqual = ours == theirs
    #expect(areEqual)
    for file in ["vmlinuz", "config"] {
      try await Tool.shell(
        "cmp ours/\(file)-\(release) theirs/boot/\(file)-\(release)", in: folder.path)
    }
  }

  /// Makes a package with a made-up kernel.
  static func package(_ folder: TemporaryFolder, compression: String = "xz") async throws -> String
  {
    try await Tool.shell(
      """
      mkdir -p p/DEBIAN p/boot p/lib/modules/6.1.0-1-x/kernel/fs
      printf 'Package: linux-image-6.1.0-1-x\\nVersion: 1\\nArchitecture: amd64\\nMaintainer: x <x@x>\\nDescription: x\\n' >p/DEBIAN/control
      echo kernel >p/boot/vmlinuz-6.1.0-1-x; echo CONFIG_X=y >p/boot/config-6.1.0-1-x
      echo module >p/lib/modules/6.1.0-1-x/kernel/fs/x.ko; ln -s /usr/src p/lib/modules/6.1.0-1-x/build
      dpkg-deb --root-owner-group -Z\(compression) -b p p.deb
      """, in: folder.path)
    return folder("p.deb")
  }

  @Test("Every compression that dpkg-deb writes", arguments: ["xz", "gzip", "zstd", "none"])
  func compressions(_ compression: String) async throws {
    let folder = try TemporaryFolder()
    let package = try await Self.package(folder, compression: compression)
    _ = try Unpacker([DebArchive(package)], into: folder("out")).run(jobs: 2)
    try await Tool.shell("dpkg-deb -x p.deb judge", in: folder.path)
    try await Tool.shell(
      "diff -r out/lib judge/lib; cmp out/vmlinuz-6.1.0-1-x judge/boot/vmlinuz-6.1.0-1-x",
      in: folder.path)
  }

  @Test("A folder of the type of files is one by its final slash, as for dpkg-deb")
  func folderByItsSlash() async throws {
    let folder = try TemporaryFolder()
    var package = MadeUpPackage.kernel
    package.entries.append(MadeUpPackage.Entry("\(MadeUpPackage.tree)/extra/", mode: 0o755))
    package.add("\(MadeUpPackage.tree)/extra/y.ko", ELFModuleBuilder().bytes())
    try folder.write("p.deb", package.bytes)
    _ = try Unpacker([DebArchive(folder("p.deb"))], into: folder("out")).run(jobs: 2)
    try await Tool.shell(
      "dpkg-deb -x p.deb judge; diff -r out/lib judge/lib; [ -d out/lib/modules/*/extra ]",
      in: folder.path)
  }

  @Test("An earlier result is replaced as a whole, and kept when the new one fails")
  func replaces() async throws {
    let folder = try TemporaryFolder()
    let package = try await Self.package(folder)
    let tree = "out/lib/modules/6.1.0-1-x"
    try folder.write("\(tree)/updates/own.ko", [1])
    let error = #expect(throws: KitError.self) {
      try Unpacker([DebArchive(package)], into: folder("out")).run(jobs: 2)
    }
    #expect(error?.code == .invalid && error?.message.contains("\(tree)/updates:") == true)
    #expect(try folder.read("\(tree)/updates/own.ko") == [1])
    FileTree.remove(folder("\(tree)/updates"))
    try FileTree.makeLink(folder("\(tree)/mine"), to: "/usr/src/x")
    #expect(throws: KitError.self) {
      try Unpacker([DebArchive(package)], into: folder("out")).run(jobs: 2)
    }
    _ = try Unpacker([DebArchive(package)], into: folder("out"), replacesOthers: true).run(jobs: 2)
    #expect(FileTree.status(folder("\(tree)/mine")) == nil)
    // What depmod has made is nobody's own.
    try folder.write("\(tree)/modules.dep.bin", [])
    _ = try Unpacker([DebArchive(package)], into: folder("out")).run(jobs: 2)
    #expect(FileTree.status(folder("\(tree)/modules.dep.bin")) == nil)
    let before = try await Tool.shell("find out | sort", in: folder.path)
    var bytes = try folder.read("p.deb")
    bytes[bytes.count - 60] ^= 0xff
    try folder.write("damaged.deb", bytes)
    #expect(throws: (any Error).self) {
      try Unpacker([DebArchive(folder("damaged.deb"))], into: folder("out")).run(jobs: 2)
    }
    #expect(try await Tool.shell("find out | sort", in: folder.path) == before)
  }

  @Test("A link that a package plants is not written through")
  func plantedLink() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      """
      mkdir -p a/lib/modules/6.1.0-1-x b/lib/modules/6.1.0-1-x/kernel outside c
      ln -s \(folder("outside")) a/lib/modules/6.1.0-1-x/kernel; echo x >b/lib/modules/6.1.0-1-x/kernel/x
      tar -cf data.tar -C a ./lib; tar -rf data.tar -C b ./lib/modules/6.1.0-1-x/kernel/x
      printf 'Package: p\\nVersion: 1\\nArchitecture: all\\n' >c/control; tar -cf control.tar -C c ./control
      echo 2.0 >debian-binary; ar rc p.deb debian-binary control.tar data.tar
      """, in: folder.path)
    #expect(throws: (any Error).self) {
      try Unpacker([DebArchive(folder("p.deb"))], into: folder("out")).run(jobs: 1)
    }
    #expect(try FileTree.names(in: folder("outside")) == [])
    #expect(FileTree.status(folder("out")) == nil)
  }

  /// To Swift's strings the two names are equal; to the kernel one is a link and one a folder.
  @Test("A link whose name is the folder's in another form is not written through")
  func plantedLinkInAnotherForm() async throws {
    let folder = try TemporaryFolder()
    let tree = "lib/modules/6.1.0-1-x"
    try await Tool.shell(
      """
      mkdir -p "a/\(tree)" "b/\(tree)/caf\u{e9}" "c/\(tree)/cafe\u{301}" outside control
      ln -s "\(folder("outside"))" "a/\(tree)/cafe\u{301}"; echo x >"c/\(tree)/cafe\u{301}/x"
      tar -cf data.tar -C a ./lib; tar -rf data.tar -C b "./\(tree)/caf\u{e9}"
      tar -rf data.tar -C c "./\(tree)/cafe\u{301}/x"
      printf 'Package: p\\nVersion: 1\\nArchitecture: all\\n' >control/control
      tar -cf control.tar -C control ./control
      echo 2.0 >debian-binary; ar rc p.deb debian-binary control.tar data.tar
      """, in: folder.path)
    #expect(throws: (any Error).self) {
      try Unpacker([DebArchive(folder("p.deb"))], into: folder("out")).run(jobs: 1)
    }
    #expect(try FileTree.names(in: folder("outside")) == [])
    #expect(FileTree.status(folder("out")) == nil)
  }

  @Test(
    "What dpkg-deb refuses is refused, what it takes is taken",
    arguments: [
      "echo 2.1 >debian-binary; ar rc t.deb debian-binary control.tar.xz data.tar.xz",
      "printf '2.0\\nmore\\n' >debian-binary; ar rc t.deb debian-binary control.tar.xz data.tar.xz",
      "echo x >_extra; ar rc t.deb debian-binary _extra control.tar.xz data.tar.xz",
      "echo x >more; ar rc t.deb debian-binary control.tar.xz data.tar.xz more",
      "echo 3.0 >debian-binary; ar rc t.deb debian-binary control.tar.xz data.tar.xz",
      "printf 2.0 >debian-binary; ar rc t.deb debian-binary control.tar.xz data.tar.xz",
      "ar rc t.deb debian-binary data.tar.xz control.tar.xz",
      "echo x >other; ar rc t.deb debian-binary other control.tar.xz data.tar.xz",
      "ar rc t.deb debian-binary control.tar.xz", "ar rc t.deb control.tar.xz data.tar.xz",
      "echo hello >t.deb", ": >t.deb", "head -c 2000 p.deb >t.deb",
    ])
  func legal(_ making: String) async throws {
    let folder = try TemporaryFolder()
    _ = try await Self.package(folder)
    try await Tool.shell("ar x p.deb; \(making)", in: folder.path)
    let judge = try await Tool.run("dpkg-deb", ["-x", folder("t.deb"), folder("judge")])
    let isTaken =
      (try? Unpacker([DebArchive(folder("t.deb"))], into: folder("out")).run(jobs: 1)) != nil
    #expect(isTaken == (judge.status == 0), "\(judge.errors)")
  }

  @Test("A package without a kernel is named")
  func noKernel() throws {
    let folder = try TemporaryFolder()
    let package = try TestCache.packages("busybox")[0]
    let error = #expect(throws: KitError.self) {
      try Unpacker([DebArchive(package)], into: folder.path).run(jobs: 1)
    }
    #expect(error?.code == .invalid && error?.message.contains("busybox-static") == true)
    #expect(try FileTree.names(in: folder.path) == [])
  }
}
