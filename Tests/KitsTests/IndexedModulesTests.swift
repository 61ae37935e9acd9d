import Formats
import TestSupport
import Testing

/// Compressed modules, of which mkinitramfs takes from depmod's indexes what they need.
@Suite struct IndexedModulesTests {
  private static let release = CommandBench.release
  private let bench: CommandBench

  /// `a` needs `b`, and would like to have `c`; nobody needs `broken`, which can't be decompressed.
  init() async throws {
    bench = try CommandBench()
    for (name, module) in [
      ("a", ELFModuleBuilder(information: ["depends=b", "weakdep=c"], needs: ["b_symbol"])),
      ("b", ELFModuleBuilder(information: ["depends=", "alias=foo"], exports: ["b_symbol"])),
      ("c", ELFModuleBuilder(information: ["depends="])),
    ] {
      try bench.folder.write("\(Self.tree)/kernel/\(name).ko", module.bytes())
    }
    try await Tool.shell("xz --check=crc32 kernel/*.ko", in: bench.folder(Self.tree))
    try bench.folder.write("\(Self.tree)/kernel/broken.ko.xz", [0xfd] + "7zXZ\0 and no more".utf8)
    try bench.folder.write(
      "\(Self.tree)/modules.order",
      ["a", "b", "broken", "c"].map { "kernel/\($0).ko\n" }.joined().utf8)
    for (list, entry) in [("modules.ramfs", "a.ko\n"), ("modules.autoload", "a\n")] {
      try bench.folder.write(list, entry.utf8)
    }
    try await depmod()
  }

  private static let tree = "lib/modules/\(release)"

  private func depmod() async throws {
    // Time goes on in steps.
    try await Task.sleep(for: .milliseconds(50))
    #expect(try await bench.run(["depmod", "-b", ".", Self.release]).status == 0)
  }

  /// - Returns: the names of modules in the initramfs; nil where there is an error about `broken`.
  private func modules() async throws -> [Substring]? {
    let result = try await bench.run(
      ["mkinitramfs", "t", Self.release, "--initramfs-compression", "none"])
    if result.status != 0 {
      #expect(
        result.status == 1 && result.errors.contains("kernel/broken.ko.xz: "), "\(result.errors)")
      return nil
    }
    let list = try await Tool.shell(
      "cpio -t --quiet <initramfs-\(Self.release)", in: bench.folder.path)
    return list.split(separator: "\n").filter { $0.hasSuffix(".ko") }.compactMap {
      $0.split(separator: "/").last
    }
  }

  @Test(
    "Those that nobody chose are not looked into",
    arguments: [
      (":", ["a.ko", "b.ko", "c.ko"]), ("rm modules.devname", ["a.ko", "b.ko", "c.ko"]),
      // Something came to its place since.
      ("touch -d 2001-01-01 kernel/c.ko.xz", nil), ("mv kernel x && mv x kernel", nil),
      ("cp kernel/b.ko.xz kernel/d.ko.xz", nil),
      // A copy, in which indexes come last, of a tree with newer modules.
      (
        "touch -d 'tomorrow' kernel/c.ko.xz; cp -a kernel x; rm -r kernel; mv x kernel; sleep .05; cp -a modules.* kernel; mv kernel/modules.* .",
        nil
      ), ("rm kernel/c.ko.xz", nil),
      // A part is missing, or no index of these modules.
      ("rm modules.dep", nil), ("rm modules.alias", nil), ("rm modules.softdep", nil),
      ("sed -i /^kernel.broken/d modules.dep", nil), ("echo x.ko: >>modules.dep", nil),
      (
        "echo 'kernel/b.ko.xz: kernel/a.ko.xz' >x && sed -i '/^kernel.b.ko/{r x\nd}' modules.dep",
        nil
      ),
      // It does not know what a chosen module says.
      ("rm modules.weakdep", nil), ("sed -i 's/ kernel.b.ko.xz//' modules.dep", nil),
    ] as [(change: String, modules: [Substring]?)])
  func changed(_ change: String, _ expected: [Substring]?) async throws {
    try await Tool.shell(change, in: bench.folder(Self.tree))
    #expect(try await modules() == expected)
  }

  @Test("Nothing in a RAM disk tells whether there was an index")
  func sameBytes() async throws {
    try await Tool.shell("cp kernel/c.ko.xz kernel/broken.ko.xz", in: bench.folder(Self.tree))
    try await depmod()
    var found: Set<[UInt8]> = []
    for change in [":", "rm modules.weakdep", "rm modules.dep", "cp kernel/c.ko.xz kernel/d.ko.xz"]
    {
      try await Tool.shell(change, in: bench.folder(Self.tree))
      let result = try await bench.run(
        ["mkinitramfs", "t", Self.release], environment: ["SOURCE_DATE_EPOCH": "1000000000"])
      #expect(result.status == 0, "\(result.errors)")
      found.insert(try bench.folder.read("initramfs-\(Self.release)"))
    }
    #expect(found.count == 1)
  }

  @Test("A chosen module that can't be decompressed is an error, as it is without an index")
  func cut() async throws {
    try await Tool.shell("truncate -s -20 a.ko.xz", in: bench.folder("\(Self.tree)/kernel"))
    try await depmod()
    for options in [[], ["--modules-as-shipped"]] {
      try await bench.expectFailure(
        ["mkinitramfs", "t", Self.release] + options, 1, "kernel/a.ko.xz: ")
    }
  }

  @Test("What is wrong with the modules is said before what is wrong with the list")
  func warnings() async throws {
    try bench.folder.write("modules.ramfs", "nosuch.ko\n".utf8)
    let result = try await bench.run(["mkinitramfs", "t", Self.release])
    let lines = result.errors.split(separator: "\n")
    #expect(lines.first?.hasPrefix("minivm: warning: modules.builtin: there is none") == true)
    #expect(lines.last?.contains("this kernel has no 'nosuch.ko'") == true)
    #expect(Set(lines).count == lines.count)
  }
}
