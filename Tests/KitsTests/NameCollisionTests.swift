import Formats
import TestSupport
import Testing

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// File systems that take two names for one.
@Suite struct NameCollisionTests {
  /// - Parameter isOne: what the file system takes a name for.
  private func made(_ paths: [String], isOne: (String) -> String) throws(KitError) {
    var names = NameCollisions()
    var there: Set<String> = []
    for path in paths {
      try names.add(path) { there.contains(isOne($0)) }
      var path = path
      while path != "." {
        there.insert(isOne(path))
        path = FileTree.parent(of: path)
      }
    }
  }

  @Test("Two files that differ in case are an error there, and fine elsewhere")
  func cases() throws {
    let paths = ["modules", "modules/net/xt_HL.ko", "modules/net", "modules/net/xt_hl.ko"]
    try made(paths) { $0 }
    let error = #expect(throws: KitError.self) { try made(paths) { $0.lowercased() } }
    #expect(error?.message.hasPrefix("modules/net/xt_hl.ko: ") == true)
    // A path that comes twice, and folders that come after what is in them, are no collision.
    try made(paths.dropLast() + ["modules/net/xt_HL.ko", "modules/net"]) { $0.lowercased() }
    // Folders, too.
    #expect(throws: KitError.self) { try made(["a/x", "A/y"]) { $0.lowercased() } }
  }

  @Test("A tree that was on such a file system is told by modules.order")
  func trees() throws {
    let module = ModuleFacts(reading: ELFModuleBuilder(information: ["license=GPL"]).bytes())
    let lists = ModuleIndex.BuildLists(
      order: Array("kernel/xt_HL.ko\nkernel/xt_hl.ko\nkernel/gone.ko\n".utf8), builtin: [],
      builtinInformation: [])
    let one = try ModuleIndex([("kernel/xt_HL.ko.xz", module)], lists: lists)
    #expect(one.warnings.count == 1)
    #expect(one.warnings.first?.hasPrefix("kernel/xt_hl.ko: is in modules.order") == true)
    let both = try ModuleIndex(
      [("kernel/xt_HL.ko", module), ("kernel/xt_hl.ko", module)], lists: lists)
    #expect(both.warnings.isEmpty)
  }
}
