import Formats
import TestSupport
import Testing
@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// Kernels without modules, and what boot's own root disk shows of modules.
@Suite struct ModulelessKernelTests {
  private static let options = [
    "PCI", "ACPI", "SERIAL_8250_CONSOLE", "VIRTIO_PCI", "VIRTIO_BLK", "EXT4_FS", "RD_ZSTD",
  ]

  /// - Parameter tree: whether there is a lib/modules/VER, with lists and without modules.
  private static func package(modules: Bool, tree: Bool) -> MadeUpPackage {
    var package = MadeUpPackage()
    let release = MadeUpPackage.release
    let lines = options.map { "CONFIG_\($0)=y" }
    let all = lines + [modules ? "CONFIG_MODULES=y" : "# CONFIG_MODULES is not set", ""]
    package.add("./boot/vmlinuz-\(release)", MadeUpPackage.vmlinuz)
    package.add("./boot/config-\(release)", Array(all.joined(separator: "\n").utf8))
    if tree {
      package.add("\(MadeUpPackage.tree)/modules.order", [])
      package.add("\(MadeUpPackage.tree)/modules.builtin", Array("kernel/fs/ext4/ext4.ko\n".utf8))
    }
    return package
  }

  @Test(
    "A kernel without modules makes a kit without a modules disk",
    arguments: [(false, false), (true, true), (false, true)])
  func kit(_ modules: Bool, _ tree: Bool) async throws {
    let bench = try CommandBench(Self.package(modules: modules, tree: tree))
    let release = CommandBench.release
    let build = ["--template", "t", "--profile", "qemu"]
    let built = try await bench.run(["build", "p.deb", "--out", "kit"] + build)
    #expect(built.status == 0, "\(built)")
    let kit = try Kit(folder: bench.folder("kit"))
    #expect(try kit.modulesDisk == nil && kit.hasNoModules)
    for arguments in [
      ["check", "kit"], ["verify", "kit", "--template", "t"], ["explain", "kit"],
      ["diff", "kit", "kit"],
    ] {
      let result = try await bench.run(arguments)
      #expect(result.status == 0, "\(arguments): \(result)")
    }
    let drivers = try await bench.run(["explain", "kit", "virtio_blk"])
    #expect(drivers.output.contains("built into the kernel"), "\(drivers)")
    try await bench.expectFailure(["explain", "kit", "nosuch"], 3, "built without modules")
    let xfs = try await bench.run(["check", "kit", "--root-type", "xfs"])
    #expect(xfs.status == 1 && xfs.errors.contains("no driver for xfs"), "\(xfs)")
    try await bench.expectFailure(["discover", "kit", "--out", "lists"], 1, "has no modules")
    let shown = try await bench.run(["boot", "kit", "--print"])
    #expect(shown.status == 0 && !shown.output.contains("disk1"), "\(shown)")
    let script = try await Tool.output(
      "debugfs", ["-R", "cat /sbin/init", bench.folder("home/minivm/proof/\(release).raw")])
    #expect(script.contains("say 'not proved: that modules load: this kernel has none'; finish"))

    // The same from a folder, in the place of a kit with a modules disk.
    #expect(try await bench.run(["unpack", "p.deb", "--out", "k"]).status == 0)
    try bench.folder.write("kit/modules-\(release).qcow2", [0])
    let again = try await bench.run(["build", "k", "--out", "kit2"] + build)
    #expect(again.status == 0, "\(again)")
    #expect(try Kit(folder: bench.folder("kit2")).modulesDisk == nil)
  }

  @Test("A modules disk of an earlier build goes when the kernel has none any more")
  func earlierDisk() async throws {
    let bench = try CommandBench()
    let build = ["build", "p.deb", "--template", "t", "--out", "kit"]
    #expect(try await bench.run(build).status == 0)
    #expect(try Kit(folder: bench.folder("kit")).modulesDisk != nil)
    try bench.folder.write("p.deb", Self.package(modules: false, tree: false).bytes)
    #expect(try await bench.run(build + ["--profile", "qemu"]).status == 0)
    #expect(try Kit(folder: bench.folder("kit")).modulesDisk == nil)
    #expect(try await bench.run(["verify", "kit", "--template", "t"]).status == 0)
  }

  @Test("A kernel whose modules are in another package is no kernel without modules")
  func otherPackage() async throws {
    let bench = try CommandBench(Self.package(modules: true, tree: false))
    try await bench.expectFailure(
      ["build", "p.deb", "--template", "t", "--out", "kit"], 1, "has a vmlinuz, but no modules")
  }

  private static func index(_ paths: [String]) throws -> ModuleIndex {
    try ModuleIndex(
      paths.map {
        ($0, ModuleFacts(reading: ELFModuleBuilder(information: ["license=GPL"]).bytes()))
      })
  }

  @Test("The proof tries what the modules disk has: known ones, then those that need no hardware")
  func candidates() throws {
    let index = try Self.index([
      "kernel/drivers/gpu/card.ko", "kernel/arch/x86/kvm.ko", "kernel/lib/test_lockup.ko",
      "kernel/fs/a/a.ko",
      "kernel/drivers/watchdog/softdog.ko", "kernel/drivers/net/dummy.ko",
      "kernel/crypto/tcrypt.ko",
      "kernel/fs/xfs/xfs.ko", "kernel/lib/b.ko",
    ])
    let found = ModuleProof.candidates(index, inside: ["xfs", "a"])
    #expect(found.map(\.name) == ["dummy", "b", "card", "a"])
    #expect(found.map(\.loadsAnywhere) == [true, false, false, false])
  }

  @Test("Of modules that nothing in the proof unpacks, build and boot say so")
  func packed() async throws {
    func kit(_ configuration: String) async throws -> (kit: Kit, said: String) {
      var package = MadeUpPackage.kernel
      package.entries.removeAll {
        let path = String(decoding: $0.path, as: UTF8.self)
        return path.hasSuffix("x.ko") || path.hasPrefix("./boot/config")
      }
      package.add(
        "\(MadeUpPackage.tree)/kernel/fs/x.ko.zst",
        try Compression.zstd.compress(
          ELFModuleBuilder(information: ["license=GPL"]).bytes()))
      package.add("./boot/config-\(MadeUpPackage.release)", Array(configuration.utf8))
      let bench = try CommandBench(package)
      let result = try await bench.run([
        "build", "p.deb", "--template", "t", "--modules", "modules.ramfs", "--out", "kit",
      ])
      #expect(result.status == 0, "\(result)")
      let kit = try Kit(folder: bench.folder("kit"))
      let proof = try ModuleProof(kit, inside: [])
      let isLoadable = configuration.contains("DECOMPRESS")
      #expect((proof.obstacle == nil) == isLoadable, "\(proof)")
      #expect((proof.loader != nil) == isLoadable)
      return (kit, result.errors)
    }
    let without = try await kit("CONFIG_RD_ZSTD=y\n")
    #expect(
      without.said.contains("guests load them with kmod's modprobe; busybox's can't load them"))
    let with = try await kit(
      "CONFIG_RD_ZSTD=y\nCONFIG_MODULE_DECOMPRESS=y\nCONFIG_MODULE_COMPRESS_ZSTD=y\n")
    #expect(!with.said.contains("busybox"))
  }
}
