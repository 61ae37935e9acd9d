import Formats
import TestSupport
import Testing

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// What earlier builds have made, judged by builds without a cache: the same bytes, whatever was
/// changed or damaged in between.
@Suite struct KitCacheTests {
  private static let build = ["build", "p.deb", "--template", "t", "--quiet"]

  /// Builds with the cache and without it.
  private func expectSameBytes(
    _ bench: CommandBench, _ what: String, _ options: [String] = [],
    environment: [String: String] = [:], location: SourceLocation = #_sourceLocation
  ) async throws {
    FileTree.remove(bench.folder("anew"))
    FileTree.remove(bench.folder("out"))
    for (folder, more) in [("anew", ["--no-cache"]), ("out", [])] {
      let result = try await bench.run(
        Self.build + ["--out", folder] + more + options, environment: environment)
      #expect(result.status == 0, "\(what): \(result.errors)", sourceLocation: location)
    }
    let difference = try await Tool.run("diff", ["-r", "anew", "out"], in: bench.folder.path)
    #expect(difference.status == 0, "\(what): \(difference.output)", sourceLocation: location)
  }

  private func results(_ bench: CommandBench) throws -> [String] {
    let folder = bench.folder("home/minivm/results")
    return FileTree.isDirectory(folder) ? try FileTree.names(in: folder) : []
  }

  @Test("A second build touches nothing; into another folder it gives the same bytes")
  func secondBuild() async throws {
    let bench = try CommandBench()
    try await bench.run(Self.build + ["--out", "out"])
    let list = "stat -c '%n %i %Y %s' out/*"
    let before = try await Tool.shell(list, in: bench.folder.path)
    try await bench.run(Self.build + ["--out", "out"])
    #expect(try await Tool.shell(list, in: bench.folder.path) == before)
    #expect(try results(bench).count == 2)
    try await bench.run(Self.build + ["--out", "other"])
    try await Tool.shell(
      "diff -r out other; cd other; sha256sum -c SHA256SUMS", in: bench.folder.path)
    #expect(try results(bench).count == 2)
  }

  @Test("A build that can't write its results does not cost the cache what it has")
  func unwritable() async throws {
    let bench = try CommandBench(OutputTests.big)
    try await bench.run(Self.build + ["--out", "out"])
    let result = try await bench.shell(
      "ulimit -f 100; exec \"$minivm\" build p.deb --template t --quiet --out other")
    #expect(result.status == 1 && result.errors.contains("File too large"), "\(result.errors)")
    #expect(try results(bench).count == 2)
  }

  @Test("Whatever changes the output changes the key")
  func keys() async throws {
    let bench = try CommandBench()
    try await expectSameBytes(bench, "first")
    let changes: [(String, [String], [String: String])] = [
      ("size", ["--disk-size", "300"], [:]), ("format", ["--disk-format", "raw"], [:]),
      ("disk compression", ["--disk-compression", "zlib"], [:]),
      ("no compression", ["--disk-compression", "none"], [:]),
      ("initramfs compression", ["--initramfs-compression", "none"], [:]),
      ("coldplug", ["--no-coldplug"], [:]), ("best", ["--best"], [:]),
      ("time", [], ["SOURCE_DATE_EPOCH": "1000000000"]),
    ]
    var known = try results(bench).count
    for (what, options, environment) in changes {
      try await expectSameBytes(bench, what, options, environment: environment)
      let now = try results(bench).count
      #expect(now > known, "\(what): nothing new was kept")
      known = now
    }
    try bench.folder.write("t/etc/more", "in the template\n".utf8)
    try await expectSameBytes(bench, "template")
    var other = MadeUpPackage.kernel
    other.add("\(MadeUpPackage.tree)/modules.builtin.modinfo", Array("x.alias=y\0".utf8))
    other.entries.remove(at: other.entries.count - 2)
    try bench.folder.write("p.deb", other.bytes)
    try await expectSameBytes(bench, "package")
    #expect(try results(bench).count > known + 1)
  }

  @Test(
    "A line of modules.ramfs makes an initramfs, of modules that the cache has",
    arguments: [
      [], ["--disk-compression", "zlib"], ["--disk-compression", "none"],
      ["--disk-format", "raw"],
    ])
  func lists(_ options: [String]) async throws {
    let bench = try CommandBench()
    try bench.folder.write("modules.ramfs", "".utf8)
    try bench.folder.write("modules.autoload", "".utf8)
    try await expectSameBytes(bench, "without modules", options)
    let before = try results(bench)
    try bench.folder.write("modules.ramfs", "fs/x.ko\n".utf8)
    try await expectSameBytes(bench, "with one", options)
    #expect(Set(try results(bench)).isSuperset(of: before))
    #expect(try results(bench).count == before.count + 1)
  }

  @Test("What is damaged in the cache is made again")
  func damage() async throws {
    let bench = try CommandBench()
    try await expectSameBytes(bench, "first")
    let files = try await Tool.shell(
      "find home/minivm/results -type f ! -name label | sort", in: bench.folder.path
    ).split(separator: "\n").map(String.init)
    #expect(files.count >= 6)
    for file in files {
      for script in [
        "truncate -s -1 \(file)", "truncate -s 0 \(file)", "rm \(file)",
        "printf X | dd of=\(file) bs=1 seek=20 conv=notrunc status=none",
      ] {
        try await Tool.shell("[ ! -e \(file) ] || \(script)", in: bench.folder.path)
        // Another list, so that the modules' records are used, too.
        try bench.folder.write("modules.ramfs", "fs/x.ko # \(file) \(script)\n".utf8)
        try await expectSameBytes(bench, "\(file): \(script)")
      }
    }
  }

  @Test("A file of the kit that was changed is put right")
  func changedOutput() async throws {
    let bench = try CommandBench()
    try await bench.run(Self.build + ["--out", "out"])
    try await Tool.shell(
      "cp -r out before; for f in out/*; do echo x >>$f; done", in: bench.folder.path)
    try await bench.run(Self.build + ["--out", "out"])
    try await Tool.shell("rm */SHA256SUMS; diff -r out before", in: bench.folder.path)
  }

  @Test("A cache that can't be used is no reason to fail")
  func unusableCache() async throws {
    let bench = try CommandBench()
    try bench.folder.write("home/minivm/results", "a file\n".utf8)
    try await expectSameBytes(bench, "a file where the results go")
    let shell = try await bench.shell(
      "ulimit -f 1; \"$minivm\" \(Self.build.joined(separator: " ")) --out out")
    #expect(shell.status != 0)  // the kit itself has no room
  }

  @Test("cache ls knows results, cache prune removes them")
  func listing() async throws {
    let bench = try CommandBench()
    try await bench.run(Self.build + ["--out", "out"])
    let list = try await bench.run(["cache", "ls"]).output
    #expect(list.contains("kernel \(CommandBench.release)"))
    #expect(list.contains("initramfs of \(CommandBench.release)"))
    #expect(try await bench.run(["cache", "prune"]).status == 0)
    #expect(try results(bench).isEmpty)
  }

  @Test("A real kernel's RAM disk is the same, made of packages or of the cache")
  func realKernel() async throws {
    let folder = try TemporaryFolder()
    let template = try TestKit.makeTemplate(folder)
    let package = try TestCache.packages("cloud")[0]
    try await Tool.shell(
      """
      echo '? none' >none.ramfs
      "$minivm" build "$package" --template "$template" --modules none.ramfs --out one --quiet
      "$minivm" build "$package" --template "$template" --out two --quiet
      "$minivm" build "$package" --template "$template" --out three --no-cache --quiet
      diff -r two three
      """, in: folder.path,
      environment: [
        "minivm": TestKit.program, "package": package, "template": template,
        "XDG_CACHE_HOME": folder("home"),
      ])
  }
}

/// What a result is kept by: every option, written out.
@Suite struct KitCacheKeyTests {
  private static let changes: [@Sendable (inout BuildOptions) -> Void] = [
    { $0.initramfsCompression = .xz }, { $0.addsColdplug = false },
    { $0.keepsModulesAsShipped = true }, { $0.lists.profile = nil },
    { $0.lists.profile = try? ProfileChoice("qemu,-gns3") },
    { $0.lists.modules = ModuleList([], name: "modules.ramfs") },
    { $0.lists.modules = ModuleList(Array("fs/x.ko".utf8), name: "modules.ramfs") },
    { $0.lists.modules = ModuleList([], name: "modules.ramfs", style: .names) },
    { $0.lists.autoload = ModuleList([], name: "modules.autoload") },
    { $0.diskFormat = .raw }, { $0.diskCompression = .zlib }, { $0.diskSize = 300 },
    { $0.isSmallest = true }, { $0.kernelFormat = .vmlinux }, { $0.stripsDebug = true },
  ]

  private static func key(_ options: BuildOptions) throws -> [String] {
    [try KitCache.description(options)] + KitCache.texts(of: options.lists)
  }

  @Test("Each option is in the key")
  func options() throws {
    var keys = [try Self.key(BuildOptions())]
    for change in Self.changes {
      let key = try Self.key(.with(change))
      #expect(!keys.contains(key), "\(key)")
      keys.append(key)
    }
  }

  @Test("The kernel's files do not depend on what is the initramfs's alone")
  func ofKernel() throws {
    let usual = try KitCache.description(BuildOptions().ofKernel)
    for (number, change) in Self.changes.enumerated() {
      let isOfKernel = number >= 9
      let key = try KitCache.description(BuildOptions.with(change).ofKernel)
      #expect((key != usual) == isOfKernel, "\(number)")
    }
  }

  @Test("Who adds an option tests it here: these are all there are")
  func all() {
    func names(_ value: Any) -> [String] { Mirror(reflecting: value).children.compactMap(\.label) }
    #expect(
      names(BuildOptions()) == [
        "lists", "initramfsCompression", "keepsModulesAsShipped", "addsColdplug", "diskFormat",
        "diskCompression", "diskSize", "isSmallest", "stripsDebug", "kernelFormat", "unknown",
      ])
    #expect(names(ModuleLists.defaults) == ["profile", "modules", "autoload"])
  }
}
