import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// Module trees with links in them, through all commands that read one.
@Suite struct LinkedModulesTests {
  private static let release = CommandBench.release

  /// A kernel of the user's own in the bench's folder, with links of all kinds.
  private func bench() async throws -> CommandBench {
    let bench = try CommandBench()
    try await bench.run(["unpack", "p.deb"])
    let module = ELFModuleBuilder(information: ["license=GPL"]).bytes()
    for path in ["elsewhere/out.ko", "elsewhere/sub/deep.ko"] {
      try bench.folder.write(path, module)
    }
    try await Tool.shell(
      """
      mkdir extra; ln -s ../kernel/fs/x.ko extra/inside.ko; ln -s \(bench.folder("elsewhere/out.ko")) extra/
      ln -s \(bench.folder("elsewhere/sub")) extra/sub; ln -s nowhere extra/dangling.ko; ln -s .. extra/loop
      mkfifo extra/pipe.ko; ln -s \(bench.folder.path) build; ln -s /nowhere source
      """, in: bench.folder("lib/modules/\(Self.release)"))
    return bench
  }

  private static let listed = ["extra/inside.ko", "extra/out.ko", "extra/sub/deep.ko"]

  /// The modules that a text of depmod lists.
  private func modules(_ text: some StringProtocol) -> Set<String> {
    Set(text.split(separator: "\n").map { String($0.prefix { $0 != ":" }) })
  }

  private func expectWarnings(_ result: Tool.Result, _ place: SourceLocation = #_sourceLocation) {
    for (name, reason) in [
      ("dangling.ko", "dangling link"), ("loop", "link to a parent folder"),
      ("pipe.ko", "neither a file nor a folder"),
    ] {
      #expect(
        result.errors.contains("warning: extra/\(name): skipped: \(reason)"), "\(result)",
        sourceLocation: place)
    }
    #expect(!result.errors.contains("source"), sourceLocation: place)
  }

  @Test(
    "depmod, modules2qcow2, build and mkinitramfs list what kmod lists, and name what they leave out"
  )
  func allCommands() async throws {
    let bench = try await bench()
    let tree = bench.folder("lib/modules/\(Self.release)")
    let depmod = try await bench.run(["depmod", "-b", ".", Self.release])
    expectWarnings(depmod)
    let ours = modules(
      String(
        decoding: try bench.folder.read("lib/modules/\(Self.release)/modules.dep"), as: UTF8.self))
    // kmod goes round in circles, which it ends where it can open no more files.
    FileTree.remove("\(tree)/extra/loop")
    let oracle = try DepmodOracle()
    let judge = try await oracle.run(
      "depmod -n -C /dev/null -b \(bench.folder.path) \(Self.release)")
    let judged = modules(judge.output).filter { $0.hasSuffix(".ko") }
    #expect(ours == judged)
    #expect(judged.isSuperset(of: Self.listed))
    try FileTree.makeLink("\(tree)/extra/loop", to: "..")

    let disk = try await bench.run(["modules2qcow2", Self.release, "--disk-format", "raw"])
    expectWarnings(disk)
    let image = bench.folder("modules-\(Self.release).raw")
    func debugfs(_ command: String) async throws -> String {
      try await Tool.output("debugfs", ["-R", command, image])
    }
    #expect(modules(try await debugfs("cat /\(Self.release)/modules.dep")) == judged)
    for path in Self.listed {
      #expect(try await debugfs("stat /\(Self.release)/\(path)").contains("Type: regular"))
    }
    #expect(try await Tool.run("e2fsck", ["-fn", image]).status == 0)

    try FileTree.copy(bench.folder("p.deb"), to: bench.folder("q.deb"))
    try bench.folder.write("own.ramfs", "extra/inside.ko\nextra/out.ko\nextra/sub/deep.ko\n".utf8)
    let initramfs = try await bench.run([
      "mkinitramfs", "t", Self.release, "--modules", "own.ramfs",
    ])
    #expect(initramfs.status == 0)
    expectWarnings(initramfs)
    let built = try await bench.run([
      "build", ".", "--template", "t", "--modules", "own.ramfs", "-o", "kit",
    ])
    #expect(built.status == 0, "\(built)")
    expectWarnings(built)
    for module in ["inside", "out", "deep"] {
      let explained = try await bench.run(["explain", "kit", module])
      #expect(explained.output.contains("in the initramfs"), "\(explained)")
    }
  }

  @Test("A tree whose folder kernel is a link, and one that is a link itself")
  func linkedFolders() async throws {
    let bench = try CommandBench()
    try await bench.run(["unpack", "p.deb"])
    let tree = bench.folder("lib/modules/\(Self.release)")
    func expectModules() async throws {
      #expect(try await bench.run(["depmod", "-b", ".", Self.release]).status == 0)
      let text = try bench.folder.read("lib/modules/\(Self.release)/modules.dep")
      #expect(String(decoding: text, as: UTF8.self).contains("kernel/fs/x.ko:"))
      #expect(try await bench.run(["modules2qcow2", Self.release]).status == 0)
      #expect(try await bench.run(["mkinitramfs", "t", Self.release]).status == 0)
      #expect(
        try await bench.run(["build", ".", "--template", "t", "-o", "kit", "-q"]).status == 0)
      let explained = try await bench.run(["explain", "kit", "x"])
      #expect(explained.output.contains("kernel/fs/x.ko"), "\(explained)")
    }
    try await Tool.shell(
      "mv kernel \(bench.folder("store")); ln -s \(bench.folder("store")) kernel", in: tree)
    try await expectModules()
    try await Tool.shell(
      "mv \(tree) moved; ln -s \(bench.folder("moved")) \(tree)", in: bench.folder.path)
    try await expectModules()
  }

  @Test(
    "Links of packages: those to its modules are modules, those that lead out are none and are named"
  )
  func packages() async throws {
    typealias Entry = MadeUpPackage.Entry
    let tree = "./lib/modules/\(Self.release)"
    var package = MadeUpPackage.kernel
    package.entries += [
      Entry("\(tree)/kernel/fs/twin.ko", "2", link: "x.ko"),
      Entry("\(tree)/kernel/fs/chain.ko", "2", link: "../fs/twin.ko"),
      Entry("\(tree)/kernel/fs/secret.ko", "2", link: "../../../../../../../etc/hostname"),
      Entry("\(tree)/kernel/fs/absolute.ko", "2", link: "/etc/hostname"),
      Entry("\(tree)/kernel/fs/hop", "2", link: ".."),
      Entry("\(tree)/kernel/fs/hidden.ko", "2", link: "hop/../../../../../../../etc/hostname"),
      Entry("\(tree)/build", "2", link: "/usr/src/x"),
    ]
    let bench = try CommandBench(package)
    let built = try await bench.run(CommandTests.build + ["-o", "kit"])
    #expect(built.status == 0, "\(built)")
    let unpacked = try await bench.run(["unpack", "p.deb"])
    #expect(unpacked.status == 0, "\(unpacked)")
    for name in ["secret", "absolute", "hidden"] {
      #expect(
        built.errors.contains("warning: kernel/fs/\(name).ko: left out of the indexes"), "\(built)")
      #expect(unpacked.errors.contains("warning: kernel/fs/\(name).ko: left out"), "\(unpacked)")
      let path = bench.folder("lib/modules/\(Self.release)/kernel/fs/\(name).ko")
      #expect(FileTree.status(path) == nil)
    }
    #expect(FileTree.status(bench.folder("lib/modules/\(Self.release)/build")) != nil)
    for name in ["twin", "chain"] {
      let explained = try await bench.run(["explain", "kit", name])
      #expect(explained.status == 0, "\(explained)")
    }
    #expect(try await bench.run(["explain", "kit", "secret"]).status != 0)
    // What was unpacked gives the same index.
    #expect(try await bench.run(["build", ".", "--template", "t", "-o", "own", "-q"]).status == 0)
    #expect(try await bench.run(["explain", "own", "chain"]).status == 0)
  }
}
