import Formats
import TestSupport
import Testing
@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// What a kit is made of, and what does not go together.
@Suite struct KitSourceTests {
  @Test("A folder with the kernel among its modules, as Fedora and Arch have it")
  func kernelAmongModules() async throws {
    let bench = try CommandBench()
    let result = try await bench.shell(
      """
      set -e
      "$minivm" unpack p.deb --out tree; cd tree; tree=usr/lib/modules/\(CommandBench.release)
      mkdir usr; mv lib usr; mv vmlinuz-* $tree/vmlinuz; mv config-* $tree/config; echo x >$tree/Image
      cd ..; "$minivm" build tree --template t --out kit --quiet; ls kit
      echo virtio:d00000002v00001AF4 >devices
      echo kernel/fs/ext4/ext4.ko >tree/$tree/modules.builtin
      "$minivm" discover tree --modaliases devices --no-boot --template t --out lists
      """)
    #expect(result.status == 0, "\(result)")
    #expect(result.output.contains("config-\(CommandBench.release)\n"))
    let kernel = try bench.folder.read("kit/vmlinuz-\(CommandBench.release)")
    #expect(kernel == MadeUpPackage.vmlinuz)
  }

  @Test("A kernel of another build than its modules")
  func otherKernel() async throws {
    let bench = try CommandBench()
    let tree = try TestCache.tree("cloud")
    let kernel = "\(tree)/boot/vmlinuz-\(try TestCache.release(in: tree))"
    // file(1) is the judge of what a kernel says of itself.
    let judge = try await Tool.output("file", ["-b", kernel])
    try await Tool.shell(
      "dpkg-deb -x p.deb f; cp '\(kernel)' f/boot/vmlinuz-\(CommandBench.release)",
      in: bench.folder.path)
    let own = try #require(judge.split(separator: " ").drop { $0 != "version" }.dropFirst().first)
    try await bench.expectFailure(
      ["build", "f", "--template", "t", "--out", "kit"], 1,
      "vmlinuz-\(CommandBench.release): is kernel \(own), but the modules are for \(CommandBench.release)"
    )
  }

  @Test("A module of another kernel is told of")
  func foreignModule() async throws {
    var package = MadeUpPackage.kernel
    for (name, built) in [("y", "6.1.0-0-x"), ("z", CommandBench.release)] {
      package.add(
        "\(MadeUpPackage.tree)/kernel/fs/\(name).ko",
        ELFModuleBuilder(information: ["vermagic=\(built) SMP mod_unload "]).bytes())
    }
    let bench = try CommandBench(package)
    try bench.folder.write("modules.ramfs", "fs\n".utf8)
    let result = try await bench.run(["build", "p.deb", "--template", "t", "--out", "kit"])
    #expect(result.status == 0)
    #expect(
      result.errors.contains(
        "fs/y.ko is built for kernel “6.1.0-0-x”, not for \(CommandBench.release), which may refuse it\n"
      ))
  }

  @Test("A list of one's own that finds root nowhere is told so")
  func listWithoutRoot() async throws {
    let bench = try CommandBench()
    let build = ["build", "p.deb", "--template", "t", "--out", "kit", "--quiet"]
    let result = try await bench.run(build)
    #expect(result.status == 0)
    #expect(
      result.errors.hasPrefix("minivm: warning: root can't be reached on q35 by virtio-blk: "))
    #expect(result.errors.contains("with what modules.ramfs lists"))
  }

  @Test("What the kernel allocates to unpack a RAM disk is no more than it needs")
  func windows() async throws {
    let bench = try CommandBench()
    let image = "out/initramfs-\(CommandBench.release)"
    for (addition, expected) in [
      (":", "Window Size: 4.00 MiB"),
      ("head -c 17M /dev/urandom >t/large", "Decompressed Size: 17."),
    ] {
      let result = try await bench.shell(
        """
        \(addition) && printf 'CONFIG_RD_ZSTD=y\\n' >config-\(CommandBench.release) &&
          "$minivm" build p.deb --template t --out out --initramfs-compression zstd &&
          zstd -t --memory=32MB <\(image) && cp \(image) a.zst && zstd -lv a.zst 2>&1
        """)
      #expect(result.status == 0 && result.output.contains(expected), "\(result)")
    }
  }

  @Test("A template's programs have to run on the kernel")
  func architectures() async throws {
    let bench = try CommandBench()
    let build = ["build", "p.deb", "--template", "t", "--out", "kit", "--quiet"]
    try await bench.expectFailure(
      build + ["--arch", "arm64"], 2, "p.deb: is for amd64, not for arm64")
    try await bench.expectFailure(build + ["--arch", "aarch64"], 2, "Debian calls aarch64 arm64")
    #expect(try await bench.run(build + ["--arch", "amd64"]).status == 0)
    #expect(try await bench.run(["unpack", "p.deb", "--out", "tree"]).status == 0)
    try await bench.expectFailure(
      ["build", "tree", "--template", "t", "--arch", "arm64"], 2,
      "tree: is for amd64, not for arm64")
    let folder = bench.folder
    let release = try KernelRelease(CommandBench.release)
    func make(_ architecture: Architecture?) throws {
      _ = try RamDisk(
        release, architecture: architecture, template: .folder(folder("t")),
        options: .with {
          $0.lists = ModuleLists(modules: nil, autoload: ModuleList([], name: "modules.autoload"))
          $0.initramfsCompression = .none
        }
      ).make(jobs: 1) {
        RamDisk.Kernel(timestamp: 0, configuration: nil, modules: NoModules())
      }
    }
    for architecture in [nil, Architecture.amd64] { try make(architecture) }
    for architecture in [Architecture.arm64, .riscv64] {
      let error = #expect(throws: KitError.self) { try make(architecture) }
      #expect(error?.message.contains("bin/busybox of the template is for amd64") == true)
    }
  }

  @Test("Folders called build and source are no modules, as depmod has it")
  func sources() async throws {
    let bench = try CommandBench()
    let release = CommandBench.release
    let result = try await bench.shell(
      """
      set -e
      mkdir k; cd k; "$minivm" unpack ../p.deb >/dev/null; tree=lib/modules/\(release)
      mkdir -p $tree/build/include $tree/kernel/fs/build
      echo >$tree/build/include/a.h
      cp $tree/kernel/fs/x.ko $tree/build/b.ko
      cp $tree/kernel/fs/x.ko $tree/kernel/fs/build/c.ko
      depmod -b . \(release)
      "$minivm" modules2qcow2 \(release) --disk-format raw >/dev/null
      debugfs -R 'cat \(release)/modules.dep' modules-\(release).raw 2>/dev/null | cmp - $tree/modules.dep
      debugfs -R 'ls -p \(release)' modules-\(release).raw 2>/dev/null | grep -c /build/ || true
      debugfs -R 'ls -p \(release)/kernel/fs/build' modules-\(release).raw 2>/dev/null | grep -c c.ko
      """)
    #expect(result.status == 0 && result.output == "0\n1\n", "\(result.output)\(result.errors)")
  }

  @Test("Modules that stay compressed need a kernel that unpacks them")
  func compressedModules() async throws {
    let bench = try CommandBench()
    let result = try await bench.shell(
      """
      set -e
      mkdir k; cd k; "$minivm" unpack ../p.deb >/dev/null
      find lib -name '*.ko' -exec xz --check=crc32 {} +
      "$minivm" depmod -b . \(CommandBench.release)
      cd ..; echo fs >more.ramfs
      build() { "$minivm" build k --template t --out kit --modules more.ramfs --modules-as-shipped "$@"; }
      build 2>without >/dev/null
      build --quiet 2>&1 | cmp - without
      script -qec "$minivm build k --template t --out kit --modules more.ramfs --modules-as-shipped" /dev/null >terminal
      grep -c "$(printf '\\033\\[Kminivm: warning')" terminal
      printf 'CONFIG_MODULE_DECOMPRESS=y\\nCONFIG_MODULE_COMPRESS_XZ=y\\n' >>k/config-\(CommandBench.release)
      build 2>with >/dev/null
      grep -c 'fs/x.ko.xz.*--modules-as-shipped' without
      ! grep as-shipped with
      """)
    #expect(result.status == 0 && result.output == "1\n1\n", "\(result.output)\(result.errors)")
  }

  @Test("Built again without vmlinux, a kit has none")
  func vmlinux() async throws {
    let folder = try TemporaryFolder()
    let template = try TestKit.makeTemplate(folder)
    let listing = try await Tool.shell(
      """
      for format in vmlinux vmlinuz; do
        "$minivm" build "$package" --template "$template" --out kit --kernel-format $format --quiet
        echo kit/vmlinux-*
        (cd kit; sha256sum --quiet -c SHA256SUMS; grep -c vmlinux SHA256SUMS || true)
      done
      """, in: folder.path,
      environment: [
        "minivm": TestKit.program, "package": try TestCache.packages("cloud")[0],
        "template": template, "XDG_CACHE_HOME": folder("cache"),
      ])
    let release = try TestCache.release(in: TestCache.tree("cloud"))
    #expect(listing == "kit/vmlinux-\(release)\n1\nkit/vmlinux-*\n0\n")
  }
}
