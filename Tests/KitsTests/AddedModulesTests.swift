import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// `build --add-module`.
@Suite struct AddedModulesTests {
  private static let magic = "vermagic=\(CommandBench.release) SMP preempt mod_unload modversions "

  private func module(
    _ information: [String], exports: [String] = [], needs: [String] = []
  ) -> [UInt8] {
    ELFModuleBuilder(
      information: ["license=GPL"] + information, exports: exports, needs: needs
    ).bytes()
  }

  /// A kernel whose module says which kernel it is for.
  private func bench() throws -> CommandBench {
    var package = MadeUpPackage.kernel
    package.add(
      "\(MadeUpPackage.tree)/kernel/fs/base.ko", module([Self.magic], exports: ["base_open"]))
    return try CommandBench(package)
  }

  @Test(
    "A module of one's own is on the disk in updates, with what it needs, and in the initramfs if listed"
  )
  func added() async throws {
    let bench = try bench()
    try bench.folder.write(
      "my-driver.ko", module([Self.magic, "depends=base", "alias=pci:v1*"], needs: ["base_open"]))
    try bench.folder.write("x.ko", module([Self.magic, "alias=own"]))
    try bench.folder.write("own.ramfs", "updates/my-driver.ko\nupdates/x.ko\n".utf8)
    let build =
      CommandTests.build + [
        "--add-module", "my-driver.ko", "--add-module", "x.ko", "--modules", "own.ramfs",
        "--disk-format", "raw",
      ]
    let result = try await bench.run(build)
    #expect(result.status == 0, "\(result)")
    #expect(result.output.contains("3 modules"), "\(result)")
    let image = bench.folder("out/modules-\(CommandBench.release).raw")
    let dependencies = try await Tool.output(
      "debugfs", ["-R", "cat /\(CommandBench.release)/modules.dep", image])
    #expect(dependencies.contains("updates/my-driver.ko: kernel/fs/base.ko\n"))
    // It outranks the kernel's own, as in kmod.
    #expect(dependencies.contains("updates/x.ko:") && !dependencies.contains("kernel/fs/x.ko"))
    #expect(try await Tool.run("e2fsck", ["-fn", image]).status == 0)
    for name in ["my_driver", "base"] {
      let explained = try await bench.run(["explain", "out", name])
      #expect(explained.output.contains("in the initramfs"), "\(explained)")
    }
    // From the cache, and built again from what the manifest says.
    #expect(try await bench.run(build).status == 0)
    let verified = try await bench.run([
      "verify", "out", "p.deb", "my-driver.ko", "x.ko", "--template", "t",
    ])
    #expect(verified.status == 0, "\(verified)")
    // One that has changed is another input.
    try bench.folder.write("x.ko", module([Self.magic, "alias=other"]))
    #expect(try await bench.run(build).status == 0)
    let aliases = try await Tool.output(
      "debugfs", ["-R", "cat /\(CommandBench.release)/modules.alias", image])
    #expect(aliases.contains("alias other x"))
  }

  @Test("Modules of other kernels, with needs that nothing has, and files that are none")
  func refused() async throws {
    let bench = try bench()
    try bench.folder.write("foreign.ko", module(["vermagic=6.1.0-2-y SMP preempt "]))
    try bench.folder.write(
      "other.ko", module(["vermagic=\(CommandBench.release) preempt mod_unload "]))
    try bench.folder.write("lonely.ko", module([Self.magic, "depends=base,nosuch"]))
    try bench.folder.write("object.ko", module([]))
    try bench.folder.write("text.ko", "hello".utf8)
    try bench.folder.write("text", "hello".utf8)
    for (file, fragment) in [
      (
        "foreign.ko",
        "has vermagic “6.1.0-2-y SMP preempt”, and kernel \(CommandBench.release) takes"
      ),
      ("other.ko", "takes “\(CommandBench.release) SMP preempt mod_unload modversions”"),
      ("lonely.ko", "needs module “nosuch”"), ("object.ko", "does not name the kernel"),
      ("text.ko", "not an ELF file"), ("text", "not a module's file name"),
    ] {
      try await bench.expectFailure(
        CommandTests.build + ["--add-module", file], 1, "\(file): ", fragment)
    }
    try await bench.expectFailure(
      CommandTests.build + ["--add-module", "none.ko"], 3, "none.ko: can't be opened")
  }
}
