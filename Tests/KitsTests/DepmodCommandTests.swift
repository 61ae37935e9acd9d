import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// The program's depmod beside kmod's, called with the same words.
@Suite struct DepmodCommandTests {
  private func module(
    _ information: [String] = ["license=GPL"], exports: [String] = [], needs: [String] = []
  ) -> [UInt8] {
    ELFModuleBuilder(information: information, exports: exports, needs: needs).bytes()
  }

  /// A tree with the build's lists, so that nothing is warned of.
  private func tree(_ modules: [String: [UInt8]]) throws -> DepmodOracle {
    let oracle = try DepmodOracle(release: "6.1.0-1-test")
    for list in ["modules.order", "modules.builtin", "modules.builtin.modinfo"] {
      try oracle.write([], to: list)
    }
    for (path, bytes) in modules { try oracle.write(bytes, to: path) }
    return oracle
  }

  private func ours(_ oracle: DepmodOracle, _ arguments: [String]) async throws -> Tool.Result {
    try await Tool.run(TestKit.program, ["depmod"] + arguments, in: oracle.root)
  }

  /// What both write: modules.dep, with the exit codes.
  private func compare(
    _ oracle: DepmodOracle, _ arguments: [String], _ place: SourceLocation = #_sourceLocation
  ) async throws {
    oracle.read("modules.dep").map { _ in FileTree.remove("\(oracle.tree)/modules.dep") }
    let words = arguments.map { "'\($0)'" }.joined(separator: " ")
    let judge = try await oracle.run("cd \(oracle.root); depmod \(words)")
    let expected = oracle.read("modules.dep")
    FileTree.remove("\(oracle.tree)/modules.dep")
    let result = try await ours(oracle, arguments)
    #expect(
      (judge.status == 0) == (result.status == 0), "\(words): \(judge) \(result)",
      sourceLocation: place)
    #expect(oracle.read("modules.dep") == expected, "\(words)", sourceLocation: place)
  }

  @Test(
    "-e names the symbols that nothing has, or in another version, as kmod does",
    arguments: ["-E", "-F"])
  func symbols(option: String) async throws {
    let oracle = try tree([:])
    let kernel = try ModuleTree(cached: "cloud").path
    // Most of what these modules need; each seventh in another version, and a line that makes no sense.
    try await Tool.shell(
      """
      for name in bridge llc stp virtio_blk; do cp $(find \(kernel)/kernel -name $name.ko) \(oracle.tree); done
      for file in \(oracle.tree)/*.ko; do modprobe --dump-modversions $file; done | sort -u -k2 >all
      awk 'NR % 5 { print (NR % 7 ? $1 : "0x1234567") "\\t" $2 "\\tvmlinux\\tEXPORT_SYMBOL\\t" }' all >map-E
      printf '0x1\\tnetif_rx\\tdrivers/x\\tEXPORT_SYMBOL\\n' >>map-E
      awk 'NR % 5 { print "ffffffff81000000 r __ksymtab_" $2 }; { print "ffffffff81000000 T " $2 }' all >map-F
      """, in: oracle.root)
    let words = ["-n", "-e", option, "map\(option)", "-b", oracle.root, oracle.release.description]
    let judge = try await oracle.run("cd \(oracle.root); depmod \(words.joined(separator: " "))")
    let result = try await ours(oracle, words)
    func lines(_ text: String, _ prefix: String) -> [String] {
      text.split(separator: "\n").filter { $0.hasPrefix(prefix) }
        .map { String($0.dropFirst(prefix.count)) }.sorted()
    }
    let expected = lines(judge.errors, "depmod: WARNING: ")
    #expect(expected.contains { $0.contains("needs unknown symbol") })
    #expect(expected.contains { $0.contains("disagrees about version") } == (option == "-E"))
    #expect(lines(result.errors, "minivm: warning: ") == expected)
    #expect(result.status == judge.status)
  }

  @Test("-e alone checks nothing and says so; a checksum that is none is named; -q says neither")
  func symbolFiles() async throws {
    let oracle = try tree(["kernel/b.ko": module(needs: ["x"])])
    try await Tool.shell("printf '0x1\\tx\\tvmlinux\\nnone\\ty\\tvmlinux\\n' >map", in: oracle.root)
    let words = ["-n", "-e", "-b", oracle.root, oracle.release.description]
    #expect(try await ours(oracle, words).errors.contains("-e has no effect without -E or -F"))
    let named = try await ours(oracle, words + ["-E", "map"]).errors
    #expect(named.contains("map: line 2: “none” is no checksum"), "\(named)")
    #expect(try await ours(oracle, words + ["-E", "map", "-q"]).errors.isEmpty)
  }

  @Test("kmod's options, abbreviated or not, do what they do there")
  func options() async throws {
    let oracle = try tree([
      "kernel/a.ko": module(exports: ["x"]), "kernel/b.ko": module(needs: ["x"]),
    ])
    let release = oracle.release.description
    let a = "\(oracle.tree)/kernel/a.ko"
    try oracle.write([], to: "\(oracle.root)/map")
    for words in [
      [release], ["-a", release], ["-A", release], ["--quick", release], ["-w", release],
      ["-v", release], ["-P", "_", release], ["-P", "__", release], ["-P", "", release],
      ["-E", "map", release], ["-E", "nosuch", release], ["-F", "nosuch", release],
      ["-F", "map", release], ["-e", "-E", "map", release], ["-u", "-r", "-m", release],
      ["-C", "/dev/null", release], ["-C", "/nosuch", release], [release, a],
      ["-a", release, a], [release, "kernel/a.ko"], [release, "/nosuch.ko"],
      ["--al", "--er", release],
      ["--show", release], ["--s", release], ["--ve", release], ["--nosuch", release],
      ["-x", release],
      ["6.2"], ["nonsense"], [],
    ] {
      try await compare(oracle, ["-b", oracle.root] + words)
    }
    for words in [["--base", oracle.root], ["--basedi=\(oracle.root)"], ["-b\(oracle.root)"]] {
      try await compare(oracle, words + [release])
    }
    // Since kmod 32.
    for words in [["-m", "/lib/modules"], ["-m/lib/modules"], ["--moduledir", "lib/modules"]] {
      FileTree.remove("\(oracle.tree)/modules.dep")
      #expect(try await ours(oracle, ["-b", oracle.root] + words + [release]).status == 0)
      #expect(oracle.read("modules.dep") != nil)
    }
    #expect(try await ours(oracle, ["-V"]).output.hasPrefix("minivm "))
  }

  @Test("-v prints which module takes which symbol, as kmod does")
  func verbose() async throws {
    let oracle = try tree([
      "kernel/a.ko": module(exports: ["x", "y"]), "kernel/b.ko": module(needs: ["x", "y", "none"]),
      "kernel/c.ko": module(exports: ["z"], needs: ["x"]), "updates/d.ko": module(needs: ["z"]),
    ])
    let words = ["-v", "-b", oracle.root, oracle.release.description]
    let judge = try await oracle.run("depmod \(words.joined(separator: " "))")
    let result = try await ours(oracle, words)
    #expect(judge.output.contains(" needs \"z\": "))
    #expect(
      result.output.split(separator: "\n").sorted() == judge.output.split(separator: "\n").sorted())
  }

  @Test("--quick writes when a module is newer, came or went, and not otherwise")
  func quick() async throws {
    let oracle = try tree(["kernel/a.ko": module(), "kernel/fs/b.ko": module()])
    let words = ["-A", "-b", oracle.root, oracle.release.description]
    func wasWritten() async throws -> Bool {
      let before = FileTree.status("\(oracle.tree)/modules.dep")?.identity
      #expect(try await ours(oracle, words).status == 0)
      return FileTree.status("\(oracle.tree)/modules.dep")?.identity != before
    }
    func setTimes() async throws {
      try await Tool.shell(
        "find . -exec touch -d @1000000000 {} +; touch -d @1000000001 modules.dep", in: oracle.tree)
    }
    #expect(try await wasWritten())
    try await setTimes()
    #expect(try await !wasWritten())
    try await Tool.shell("touch -d @1000000002 kernel/a.ko", in: oracle.tree)
    #expect(try await wasWritten())
    try await setTimes()
    FileTree.remove("\(oracle.tree)/kernel/fs/b.ko")
    #expect(try await wasWritten())
    #expect(oracle.read("modules.dep") == Array("kernel/a.ko:\n".utf8))
  }

  @Test("Rules that are masked, dangling, folders, or not there")
  func configurations() async throws {
    let oracle = try tree([
      "kernel/a.ko": module(), "extra/a.ko": module(exports: ["x"]), "updates/b.ko": module(),
      "kernel/b.ko": module(), "/ext/a.ko": module(), "/ext/c.ko": module(),
    ])
    // Of two in the tree kmod takes the one that the file system has first.
    FileTree.remove("\(oracle.tree)/extra")
    try oracle.write(module(), to: "\(oracle.root)/ext/a.ko")
    try oracle.write(module(), to: "\(oracle.root)/ext/c.ko")
    try FileTree.makeDirectories("\(oracle.root)/c/folder.conf")
    try FileTree.makeLink("\(oracle.root)/c/null.conf", to: "/dev/null")
    try FileTree.makeLink("\(oracle.root)/c/dangling.conf", to: "nowhere")
    for rules in [
      "", "search\n", "search built-in updates\n", "external * \(oracle.root)/ext\n",
      "external * \(oracle.root)/ext\nsearch\n", "external * \(oracle.root)/nosuch\n",
      "external * \(oracle.root)/ext\nsearch built-in\nsearch updates\n",
      "external * \(oracle.root)/ext\nsearch external built-in\n",
      "external * \(oracle.root)/ext\nsearch built-in external\n",
      "external * \(oracle.root)/ext\nsearch updates external built-in\n",
    ] {
      try oracle.write(Array(rules.utf8), to: "\(oracle.root)/c/rules.conf")
      for folder in ["c", "c/rules.conf", "c/null.conf", "c/dangling.conf", "c/folder.conf"] {
        try await compare(
          oracle, ["-C", folder, "-b", oracle.root, oracle.release.description])
      }
    }
    let result = try await ours(oracle, ["-C", "c", "-b", oracle.root, oracle.release.description])
    #expect(result.errors.contains("dangling.conf: skipped: dangling link"))
    #expect(result.errors.contains("folder.conf: skipped: is a folder"))
    #expect(!result.errors.contains("null.conf"))
  }

  @Test("A circle names all modules in it")
  func circles() async throws {
    let oracle = try tree([:])
    for number in 0..<30 {
      try oracle.write(
        module(exports: ["e\(number)"], needs: ["e\((number + 1) % 30)"]),
        to: "kernel/m\(number).ko")
    }
    try oracle.write(module(exports: ["p"], needs: ["q"]), to: "kernel/p.ko")
    try oracle.write(module(exports: ["q"], needs: ["p"]), to: "kernel/q.ko")
    try oracle.write(module(exports: ["u"], needs: ["p"]), to: "kernel/user.ko")
    let result = try await ours(oracle, ["-b", oracle.root, oracle.release.description])
    #expect(result.status == 1)
    for name in (0..<30).map({ "m\($0)" }) + ["p", "q"] {
      #expect(
        result.errors.contains(" \(name) ") || result.errors.contains(" \(name),")
          || result.errors.hasSuffix(" \(name)\n"), "\(name): \(result.errors)")
    }
    #expect(!result.errors.contains("user"))
  }
}
