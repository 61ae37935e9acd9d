import Formats
import TestSupport
import Testing
@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

@Suite struct ModuleIndexTests {
  private func facts(
    exports: [String] = [], needs: [String] = [], information: [String] = []
  ) -> ModuleFacts {
    var facts = ModuleFacts()
    facts.exports = ByteStrings(exports)
    facts.needs = ByteStrings(needs)
    facts.information = ByteStrings(information)
    return facts
  }

  @Test func namesAndPositions() throws {
    let index = try ModuleIndex(
      [
        ("kernel/a-b.ko", facts(exports: ["a"])), ("kernel/c.ko", facts(needs: ["a"])),
        ("kernel/d.ko", facts(exports: ["d"], needs: ["c", "a"])),
      ],
      lists: .init(
        order: Array("kernel/c.ko\nkernel/a-b.ko\n".utf8), builtin: Array("kernel/x-y.ko\n".utf8)))
    #expect(index.modules.map(\.name) == ["c", "a_b", "d"])
    #expect(index.position(of: "a-b") == 1)
    #expect(index.position(of: "a_b") == 1)
    #expect(index.position(of: "x_y") == nil)
    #expect(index.isBuiltIn("x-y") && index.isBuiltIn("x_y") && !index.isBuiltIn("c"))
    #expect(index.closure(of: 0) == [1])
    #expect(index.closure(of: 1) == [])
  }

  @Test func aliasesAreNormalized() throws {
    let index = try ModuleIndex([
      ("kernel/a.ko", facts(information: ["alias=x-y[a-c]-z", "alias=bad]", "alias=q"]))
    ])
    #expect(index.aliases(of: 0) == ["x_y[a-c]_z", "q"])
    #expect(index.warnings.contains("kernel/a.ko: unmatched bracket in alias bad]"))
  }

  /// kmod's own index finds nothing at all once such a key is in it.
  @Test func keysThatAreNotSevenBitAreLeftOut() throws {
    let odd = [(path: "kernel/a.ko", facts: facts(information: ["alias=\u{e9}", "alias=q"]))]
    let plain = [(path: "kernel/a.ko", facts: facts(information: ["alias=q"]))]
    func file(_ index: ModuleIndex) throws -> [UInt8]? {
      try index.files().first { $0.name == "modules.alias.bin" }?.bytes
    }
    #expect(try file(ModuleIndex(odd)) == file(ModuleIndex(plain)))
    #expect(try ModuleIndex(odd).warnings.contains { $0.contains("can't look up") })
  }

  /// The order in which things are found on a disk does not matter, nor how often a name is there.
  @Test func orderOfInputDoesNotMatter() throws {
    let modules = (0..<50).map { number in
      (
        path: "kernel/d\(number % 3)/m\(number % 40).ko",
        facts: facts(exports: ["e\(number)"], needs: number % 40 > 0 ? ["e\(number % 40 / 2)"] : [])
      )
    }.filter { $0.path != "kernel/d0/m0.ko" }
    let files = try ModuleIndex(modules).files().map(\.bytes)
    #expect(try ModuleIndex(modules.reversed()).files().map(\.bytes) == files)
  }

  /// A chain of modules as deep as a hostile package may have it, through every recursion there is.
  @Test func deepChains() throws {
    let count = 3000
    let modules = (0..<count).map { number in
      (
        path: "kernel/m\(number).ko",
        facts: facts(
          exports: ["e\(number)"], needs: ["e\(number + 1)"],
          information: ["alias=" + String(repeating: "a", count: number)])
      )
    }
    let index = try ModuleIndex(modules)
    let first = try #require(index.position(of: "m0"))
    #expect(index.closure(of: first).count == count - 1)
    #expect(try ModuleIndex(modules.suffix(100)).files().count == 11)
  }

  @Test func rulesOfFiles() throws {
    var configuration = DepmodConfiguration()
    try configuration.read(
      "search extra\nnonsense\nexternal * /a /b\n", name: "x.conf", release: KernelRelease("1.0"))
    #expect(configuration.externalFolders == ["/a"])
    #expect(
      configuration.warnings == [
        "x.conf:2: `nonsense` is not a command of depmod.d",
        "x.conf:3: folders after /a are ignored",
      ])
    let missing = DepmodConfiguration(
      paths: ["/nowhere/at/all"], release: try KernelRelease("1.0"))
    #expect(missing.warnings == ["/nowhere/at/all: no such file or folder of rules"])
  }

  @Test(arguments: ["", ".", "..", "../1", "a/b", "-x", "1 0", "1\n", "x1"])
  func badReleases(name: String) {
    #expect(throws: FormatError.self) { try KernelRelease(name) }
  }

  @Test func missingTrees() throws {
    let release = try KernelRelease("1.0")
    let error = #expect(throws: KitError.self) {
      try ModuleTree(root: "/nowhere", release: release)
    }
    #expect(error?.code == .missing)
  }

  @Test(
    "What modules of one build need by name is what they need by their symbols",
    arguments: ["cloud", "full"])
  func byName(kernel: String) throws {
    let root = try TestCache.tree(kernel)
    let tree = try ModuleTree(root: root, release: KernelRelease(TestCache.release(in: root)))
    let (modules, lists) = (try tree.modules(jobs: 2), try tree.lists())
    let index = try ModuleIndex(modules, lists: lists)
    let byName = try #require(ModuleIndex(byName: modules, lists: lists))
    #expect(byName.modules.map(\.path) == index.modules.map(\.path))
    #expect(
      byName.modules.map { Set($0.dependencies) } == index.modules.map { Set($0.dependencies) })
  }

  @Test("Symbols have to tell where names do not")
  func notByName() {
    func index(_ depends: [String?], _ order: String) -> ModuleIndex? {
      let modules = depends.enumerated().map { number, depends in
        var facts = ModuleFacts()
        if let depends { facts.information.append("depends=\(depends)".utf8) }
        return (path: "kernel/\(["a", "b"][number]).ko", facts: facts)
      }
      return ModuleIndex(byName: modules, lists: .init(order: Array(order.utf8)))
    }
    let order = "kernel/a.ko\nkernel/b.ko\n"
    #expect(index(["", "a,a"], order)?.modules.map(\.dependencies) == [[], [0]])
    #expect(index(["", "a"], "kernel/a.ko\n") == nil, "not of the build")
    #expect(index(["", nil], order) == nil, "says nothing")
    #expect(index(["", "c"], order) == nil, "is not there")
    #expect(index(["b", "a"], order) == nil, "a circle")
    #expect(index(["", String(repeating: "a,", count: 40_000)], order) == nil, "too much")
  }
}
