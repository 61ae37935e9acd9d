import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// Made-up trees, through kmod's depmod and ours.
@Suite struct DepmodTreeTests {
  typealias Files = [String: [UInt8]]

  private func module(
    _ information: [String] = [], exports: [String] = [], needs: [String] = []
  ) -> [UInt8] {
    ELFModuleBuilder(information: information, exports: exports, needs: needs).bytes()
  }

  private func compare(
    _ files: Files, rules: String = "", _ place: SourceLocation = #_sourceLocation
  ) async throws {
    let oracle = try DepmodOracle()
    for (path, bytes) in files { try oracle.write(bytes, to: path) }
    #expect(try await oracle.depmod(rules: rules) == 0, sourceLocation: place)
    let ours = try ours(oracle, rules: rules).files()
    for name in DepmodOracle.fileNames {
      let bytes = ours.first { $0.name == name }?.bytes
      #expect(oracle.read(name) == bytes, "\(name)", sourceLocation: place)
    }
  }

  private func ours(_ oracle: DepmodOracle, rules: String = "") throws -> ModuleIndex {
    var configuration = DepmodConfiguration()
    configuration.read(rules, name: "rules", release: oracle.release)
    return try ModuleTree(root: oracle.root, release: oracle.release).index(configuration)
  }

  private func lines(_ lines: String...) -> [UInt8] {
    lines.flatMap { Array($0.utf8) + [0x0a] }
  }

  @Test func emptyTrees() async throws {
    try await compare([:])
    try await compare(["modules.order": [], "modules.builtin": [], "modules.builtin.modinfo": []])
  }

  @Test func aliasesWithBrackets() async throws {
    try await compare([
      "kernel/a-b.ko": module([
        "alias=x[a-z]-y", "alias=bad]x", "alias=bad[x", "alias=a[[b-]-c", "alias=", "alias",
        "alias=a[b-]]-c", "alias=[]-]x", "alias=a[!-b]-c", "alias=with blank", "softdep=pre: q",
      ])
    ])
  }

  @Test func records() async throws {
    var odd = ELFModuleBuilder()
    odd.replaced[".modinfo"] = Array(
      "\0\0alias=a\0\0\0alias=b\0none\0alias\0=x\0alias=c=d\0aliasx=q\0alias=open".utf8)
    try await compare(["kernel/a.ko": odd.bytes()])
  }

  @Test func orders() async throws {
    let names = ["a", "b", "c", "d-e", "f_g", "h", "i"]
    let files = Files(uniqueKeysWithValues: names.map { ("kernel/\($0).ko", module()) })
    try await compare(files)
    let order = lines(
      "kernel/h.ko", "", "kernel/d-e.ko", "kernel/zz.ko", "kernel/h.ko", "kernel/a.ko\r")
    try await compare(files.merging(["modules.order": order]) { $1 })
    try await compare(files.merging(["modules.order": Array(order.dropLast())]) { $1 })
    let dots: Files = ["kernel/a.b.ko": module(), "kernel/c.d.ko": module(exports: ["x"])]
    try await compare(dots.merging(["modules.order": lines("kernel/c.d.", "kernel/a.b.")]) { $1 })
  }

  @Test func brokenModulesKeepTheirLine() async throws {
    let whole = module(exports: ["x"])
    var badNames = ELFModuleBuilder(exports: ["e"], needs: ["x"], versions: ["x"])
    badNames.exportStrings = ["k"]
    badNames.replaced[".symtab"] = [UInt8](repeating: 0xff, count: 48)
    var odd = badNames
    odd.replaced[".symtab"] = [UInt8](repeating: 0, count: 47)
    try await compare([
      "kernel/a.ko": Array("hello".utf8), "kernel/b.ko": [], "kernel/c.ko": Array(whole.prefix(99)),
      "kernel/d.ko": whole, "kernel/e.ko": module(needs: ["x"]), "kernel/f.ko": badNames.bytes(),
      "kernel/g.ko": odd.bytes(),
    ])
  }

  @Test func circlesAreErrors() async throws {
    let oracle = try DepmodOracle()
    try oracle.write(module(exports: ["A"], needs: ["B"]), to: "kernel/a.ko")
    try oracle.write(module(exports: ["B"], needs: ["C"]), to: "kernel/b.ko")
    try oracle.write(module(exports: ["C"], needs: ["A"]), to: "kernel/c.ko")
    try oracle.write(module(needs: ["A"]), to: "kernel/user.ko")
    #expect(try await oracle.depmod() == 1)
    let error = #expect(throws: KitError.self) { try ours(oracle) }
    #expect(error?.code == .invalid)
    #expect(
      error?.message.hasSuffix("c -> a -> b -> c") == true || error?.message.contains("->") == true)
  }

  @Test func rules() async throws {
    let files: Files = [
      "kernel/a-b.ko": module(exports: ["kernel"]), "extra/a-b.ko": module(exports: ["extra"]),
      "updates/a-b.ko": module(exports: ["updates"]), "kernel/q.ko": module(),
      "updates/q.ko": module(), "gone/z.ko": module(), "kernel/gone/y.ko": module(),
      "extra/w.ko": module(), "kernel/w.ko": module(),
    ]
    for rules in [
      "", "search updates extra built-in", "search extra updates built-in\n",
      "search built-in extra",
      "search extra\nsearch updates built-in\n", "search extra/ built-in\n",
      "search extra updates extra built-in\n", "override a-b * extra\n", "override a_b * extra\n",
      "override a-b 1.0-test extra\n", "override a-b 1.1 extra\n", "override a-b ^1.0 extra\n",
      "override a-b (1|2).0 extra\n", "override a-b * kernel\noverride a-b * extra\n",
      "override a-b * extra\noverride q * kernel\noverride w * extra\noverride a-b * kernel\n",
      "override a-b *\nsearch extra updates built-in\n", "exclude gone\n", "exclude kernel/gone\n",
      "exclude gone extra\nexclude kern\n", "search \\\nextra \\\n updates built-in\n",
      "  search extra updates\n\t search built-in # c\n#foo\nnonsense\nmake_map_files yes\n",
      "search extra updates\r\noverride a-b * extra\r\n",
      "# foo \\\nsearch extra built-in updates\n", "search extra updates built-in\\\n",
    ] {
      try await compare(files, rules: rules)
    }
  }

  /// kmod gives them to the C library as they are.
  @Test(arguments: [
    String(repeating: "+", count: 40), "((((((((1+)+)+)+)+)+)+)+)+(1+)+(1+)+(1+)+(1+)+",
    "1{9999}{9999}",
    "(1*)*\\1",
  ])
  func patternsThatGrow(_ pattern: String) throws {
    var configuration = DepmodConfiguration()
    configuration.read(
      "override a \(pattern) x\n", name: "c", release: try KernelRelease("1.0-test"))
    #expect(configuration.warnings.count == 1)
    #expect(configuration.warnings.first?.hasPrefix("c:1: the pattern") == true)
  }

  @Test func usualPatternsAreNotTooLarge() throws {
    var configuration = DepmodConfiguration()
    configuration.read(
      "override a ^[0-9]+\\.[0-9]+\\.[0-9]+-[0-9]{1,3}+?-(cloud-)?(amd64|arm64)+$ x\n", name: "c",
      release: try KernelRelease("1.0-test"))
    #expect(configuration.warnings.isEmpty)
  }

  @Test func externalFolders() async throws {
    let outside = try DepmodOracle()
    for folder in ["e", "f"] {
      try outside.write(module(exports: [folder]), to: "\(outside.root)/\(folder)/q.ko")
      try outside.write(
        module(exports: ["\(folder)2"]), to: "\(outside.root)/\(folder)/sub/r-\(folder).ko")
    }
    let (e, f) = ("\(outside.root)/e", "\(outside.root)/f")
    let files: Files = ["kernel/q.ko": module(), "updates/q.ko": module(exports: ["u"])]
    for rules in [
      "external * \(e)\nexternal * \(f)\nsearch updates external built-in\n",
      "external * \(e) \(f)\nsearch external updates built-in\n",
      "external * \(f)\nexternal * \(e)\nsearch external updates built-in\n",
      "external 2.0 \(e)\nexternal 1.* \(f)\nsearch updates built-in external\n",
      "search updates external built-in\nexternal * \(e)\nexternal * \(f)\n",
    ] {
      try await compare(files, rules: rules)
    }
  }

  @Test func classesAndByteOrders() async throws {
    for (is64Bit, isLittleEndian) in [(true, true), (true, false), (false, true), (false, false)] {
      var files: Files = [:]
      for number in 0..<40 {
        var builder = ELFModuleBuilder(is64Bit: is64Bit, isLittleEndian: isLittleEndian)
        builder.information = ["alias=of:N*T-x\(number % 7)", "softdep=post: m1"]
        builder.exports = ["e\(number)", "shared\(number % 3)"]
        builder.needs = number > 0 ? ["e\(number / 2)", ".e\(number / 3)"] : []
        builder.versions = number > 1 ? ["e\(number - 1)", "absent"] : []
        if number % 5 == 0 {
          builder.exports = []
          builder.exportStrings = ["e\(number)"]
        }
        if number > 0 { files["kernel/x\(number % 4)/m-\(number).ko"] = builder.bytes() }
      }
      try await compare(files)
    }
  }

  @Test func compressedModules() async throws {
    let a = module(["alias=q"], exports: ["x"])
    let b = module(needs: ["x"])
    try await compare([
      "kernel/a.ko.xz": try Compression.xz.compress(a),
      "kernel/b-c.ko.zst": try Compression.zstd.compress(b),
      "modules.order": lines("kernel/b-c.ko", "kernel/a.ko"),
    ])
    // kmod as Debian builds it can't read gzip.
    let oracle = try DepmodOracle()
    try oracle.write(try Compression.gzip.compress(a), to: "kernel/a.ko.gz")
    try oracle.write(b, to: "kernel/b.ko")
    let index = try ours(oracle)
    let files = try index.files()
    #expect(
      files.first?.bytes
        == Array("kernel/b.ko: kernel/a.ko.gz\nkernel/a.ko.gz:\n".utf8))
  }

  @Test func filesThatAreNoModules() async throws {
    try await compare([
      "kernel/a.ko.xzz": module(), "kernel/b.kox": module(), "kernel/.ko": module(),
      "g.ko": module(),
      "kernel/build/e.ko": module(), "source/f.ko": module(), "kernel/.hidden.ko": module(),
    ])
  }

  @Test func builtinLists() async throws {
    try await compare([
      "modules.builtin": lines("kernel/fs/ext-4.ko", "kernel/x.ko", "kernel/x.ko")
        + Array("kernel/last.ko".utf8),
      "modules.builtin.modinfo": Array(
        "a-b.alias=x[b-c]d-e\0a-b.license=GPL\0x.alias=bad[\0y.alias=fs-ext4\0z.alias=open".utf8),
    ])
  }

  @Test func deviceNodes() async throws {
    try await compare([
      "kernel/a.ko": module(["alias=char-major-10-200", "alias=devname:net/tun"]),
      "kernel/b.ko": module(["alias=devname:x"]),
      "kernel/c.ko": module([
        "alias=devname:y", "alias=char-major-1-2", "alias=block-major-3-4", "alias=devname:z",
      ]),
      "kernel/d.ko": module(["alias=char-major-1-2x", "alias=block-major-3-4", "alias=devname:z"]),
      "kernel/e.ko": module(["alias=char-major-1-*", "alias=devname:z"]),
      "kernel/f.ko": module(["alias=char-major- 1- +7", "alias=devname:z"]),
      "kernel/g.ko": module(["alias=char-major-99999999999-7", "alias=devname:z"]),
      "kernel/h.ko": module(["alias=char-major--1-7", "alias=devname:z"]),
    ])
  }

  /// As kmod from 33 on writes it.
  @Test func weakDependencies() throws {
    let oracle = try DepmodOracle()
    try oracle.write(module(["weakdep=b c", "weakdep=d"]), to: "kernel/a-x.ko")
    let file = try ours(oracle).files().first { $0.name == "modules.weakdep" }
    #expect(
      file?.bytes
        == lines(
          "# Weak dependencies extracted from modules themselves.", "weakdep a_x b c",
          "weakdep a_x d"))
  }
}
