import Formats
import TestSupport
import Testing
@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

@Suite struct ModuleSelectionTests {
  private func index() throws -> ModuleIndex {
    func facts(_ information: [String] = [], exports: [String] = [], needs: [String] = [])
      -> ModuleFacts
    {
      var facts = ModuleFacts()
      facts.information = ByteStrings(information)
      facts.exports = ByteStrings(exports)
      facts.needs = ByteStrings(needs)
      return facts
    }
    return try ModuleIndex(
      [
        (
          "kernel/fs/ext4/ext4.ko.xz",
          facts(["softdep=pre: crypto-crc32c"], needs: ["journal", "bdev"])
        ),
        ("kernel/fs/jbd2/jbd2.ko.xz", facts(["weakdep=helper nothing"], exports: ["journal"])),
        (
          "kernel/crypto/crc32c_generic.ko.xz",
          facts(["alias=crypto-crc32c", "softdep=post: tail-end"])
        ),
        ("kernel/arch/x86/crypto/crc32c-intel.ko.xz", facts(["alias=crypto-crc32*"])),
        ("kernel/lib/helper.ko.xz", facts()),
        ("kernel/lib/tail_end.ko.xz", facts(["softdep=unread"])),
        ("kernel/lib/unread.ko.xz", facts()),
        ("kernel/drivers/block/virtio_blk.ko.xz", facts()),
        ("kernel/drivers/block/loop.ko.xz", facts()),
        ("kernel/drivers/char/hw_random/virtio-rng.ko.xz", facts()),
        ("updates/dkms/extra.ko", facts()),
      ],
      lists: ModuleIndex.BuildLists(
        builtin: Array("kernel/drivers/virtio/virtio_pci.ko\nkernel/fs/fuse/fuse.ko\n".utf8)))
  }

  private func select(_ files: String, autoload: String = "") throws -> ModuleSelection {
    try ModuleSelection(
      from: index(),
      lists: ModuleLists(
        modules: ModuleList(Array(files.utf8), name: "modules.ramfs"),
        autoload: ModuleList(Array(autoload.utf8), name: "modules.autoload")))
  }

  private func names(_ files: String) throws -> [String] {
    try select(files).modules.map(\.name).sorted()
  }

  @Test(arguments: [
    "drivers/block/loop.ko", "kernel/drivers/block/loop.ko", "  drivers/block/loop.ko # why\r",
    "/kernel//drivers/block/./loop.ko/", "drivers/block/loop.ko.xz", "drivers/block/loop.ko.zst",
    "drivers/*/l*.ko", "**/loop.ko", "drivers/**/[k-m]oop.ko", "drivers/block/?oop.ko",
    "drivers/block/[!a]oop.ko", "? drivers/block/loop.ko", "?drivers/block/loop.ko",
    "# comment\n\n\tdrivers/block/loop.ko\n", "drivers/block/loop.ko\n?fs/none\n",
  ])
  func entriesOfOneModule(entry: String) throws {
    #expect(try names(entry) == ["loop"])
  }

  @Test func entriesOfFolders() throws {
    for entry in [
      "drivers/block", "kernel/drivers/block/", "drivers/bl*", "**/block", "drivers/block/*",
    ] {
      #expect(try names(entry) == ["loop", "virtio_blk"], "\(entry)")
    }
    #expect(try names("updates") == ["extra"])
    #expect(try names("updates/dkms/extra.ko") == ["extra"])
    #expect(try names("kernel").count == 10)
    #expect(try names(".").count == 11)
    #expect(try names("*/*/*.ko") == names("**/*.ko").filter { $0 != "virtio_rng" })
  }

  @Test func closureAndReasons() throws {
    let selection = try select("fs/ext4/ext4.ko")
    let reasons = Dictionary(
      uniqueKeysWithValues: selection.modules.map { ($0.name, $0.reasons.map(\.description)) })
    #expect(
      reasons == [
        "ext4": ["modules.ramfs:1: fs/ext4/ext4.ko"], "jbd2": ["needed by ext4"],
        "crc32c_generic": ["softdep of ext4"], "crc32c_intel": ["softdep of ext4"],
        "helper": ["weakdep of jbd2"], "tail_end": ["softdep of crc32c_generic"],
      ])
    let positions = selection.modules.map(\.position)
    #expect(positions == positions.sorted())
  }

  @Test func builtinIsFine() throws {
    let selection = try select(
      "drivers/virtio/virtio_pci.ko\nfs/fuse/\n? fs/none",
      autoload: "virtio-pci\nvirtio_rng\n? none\nvirtio-rng")
    #expect(selection.modules.map(\.name) == ["virtio_rng"])
    #expect(selection.autoload == ["virtio_rng"])
    #expect(
      selection.builtin.map(\.entry.text) == [
        "drivers/virtio/virtio_pci.ko", "fs/fuse/", "virtio-pci",
      ])
    #expect(selection.missing.map(\.entry.line) == [3, 3])
    #expect(
      selection.modules.first?.reasons.map(\.description)
        == ["modules.autoload:2: virtio_rng", "modules.autoload:4: virtio-rng"])
  }

  @Test func autoloadKeepsItsOrder() throws {
    #expect(try select("", autoload: "loop\next4\nextra").autoload == ["loop", "ext4", "extra"])
  }

  @Test func autoloadTakesAliases() throws {
    let selection = try select("", autoload: "crypto-crc32c\n")
    #expect(selection.autoload.sorted() == ["crc32c_generic", "crc32c_intel"])
    #expect(selection.modules.contains { $0.name == "tail_end" })
  }

  @Test func autoloadTakesOut() throws {
    let selection = try select("", autoload: "loop\next4\n- loop\n")
    #expect(selection.autoload == ["ext4"] && !selection.modules.contains { $0.name == "loop" })
    #expect(throws: KitError.self) { try select("", autoload: "- ext3\n") }
  }

  @Test(arguments: [
    ("drivers/block/virtio-blk.ko", "kernel/drivers/block/virtio_blk.ko.xz"),
    ("crypto/crc32c-intel.ko", "kernel/arch/x86/crypto/crc32c-intel.ko.xz"),
    ("fs/ext5", "kernel/fs/ext4"), ("drivers/char/hwrandom/*", "kernel/drivers/char/hw_random"),
  ])
  func unknownEntriesNameTheNearest(entry: String, nearest: String) throws {
    let error = try #require(throws: KitError.self) { try select("\n# x\n\(entry)\n") }
    #expect(error.code == .invalid)
    #expect(error.message == "modules.ramfs:3: this kernel has no '\(entry)'")
    #expect(
      error.advice == "the nearest is '\(nearest)', and write ? before an entry to make it optional"
    )
  }

  @Test func unknownNamesNameTheNearest() throws {
    let error = try #require(throws: KitError.self) { try select("fs/nowhere", autoload: "ext3\n") }
    #expect(
      error.description.hasPrefix("modules.ramfs:1: this kernel has no 'fs/nowhere' (and 1 more)"))
    let other = try #require(throws: KitError.self) { try select("", autoload: "virtio-blc\n") }
    #expect(
      other.description
        == "modules.autoload:1: this kernel has no 'virtio-blc'; the nearest is 'virtio_blk', and write ? before an entry to make it optional"
    )
  }

  /// The lists of this repository hold for both kernels, and stay small.
  @Test(arguments: ["cloud", "full"]) func defaultLists(package: String) throws {
    let tree = try ModuleTree(cached: package)
    let index = try tree.index()
    func list(_ name: String) throws -> ModuleList {
      try ModuleList(reading: "\(TestKit.repository)/\(name)")
    }
    let selection = try ModuleSelection(
      from: index,
      lists: ModuleLists(modules: list("modules.ramfs"), autoload: list("modules.autoload")))
    let selected = Set(selection.modules.map(\.name))
    #expect(
      selected.isSuperset(of: ["virtio_blk", "virtio_scsi", "sd_mod", "virtio_mmio", "overlay"]))
    for name in ["virtio_pci", "ext4", "nvme", "ata_piix", "virtio_console"] {
      #expect(selected.contains(name) || index.isBuiltIn(name), "\(name)")
    }
    let size = selection.modules.reduce(0) {
      $0 + (FileTree.status("\(tree.path)/\($1.path)")?.size ?? 0)
    }
    #expect(size < 8 << 20, "\(size) bytes: \(selected.sorted())")
  }

  @Test("Soft dependencies by alias are followed however far they go")
  func chains() throws {
    let count = 12
    let modules = (0..<count).map { number in
      var facts = ModuleFacts()
      facts.information = ByteStrings([
        "alias=step-\(number)", "softdep=pre: step-\(number + 1)",
      ])
      return (path: "kernel/m\(number).ko", facts: facts)
    }
    let index = try ModuleIndex(modules)
    let first = try #require(index.position(of: "m0"))
    #expect(SelectionWalk(index, from: [first]).selected().count == count)
  }
}
