import Formats
import TestSupport
import Testing
@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

@Suite(.serialized) struct KitBuilderTests {
  static let outputs = ["vmlinuz", "config", "initramfs", "modules", "manifest", "SHA256SUMS"]

  @Test("Twice, with other cores, umasks and folders: the same bytes, and the checksums hold")
  func reproducible() async throws {
    let folder = try TemporaryFolder()
    let template = try TestKit.makeTemplate(folder)
    let package = try TestCache.packages("cloud")[0]
    try await Tool.shell(
      """
      umask 022; "$minivm" build "$package" --template "$template" --out one --jobs 1 --no-cache --quiet
      mkdir other; cp -r "$template" other/t; sleep 1; touch other/t/init
      umask 077; cd other; "$minivm" build "$package" --template t --out two --jobs 5 --no-cache --quiet
      """, in: folder.path,
      environment: ["minivm": TestKit.program, "package": package, "template": template])
    try await Tool.shell(
      "diff -r one other/two; cd one; sha256sum --quiet -c SHA256SUMS", in: folder.path)
    #expect(try FileTree.names(in: folder("one")).count == Self.outputs.count)
  }

  @Test("The recipe's own commands make the same files as build")
  func recipe() async throws {
    let folder = try TemporaryFolder()
    let template = try TestKit.makeTemplate(folder)
    let package = try TestCache.packages("cloud")[0]
    let release = try TestCache.release(in: TestCache.tree("cloud"))
    try await Tool.shell(
      """
      for name in modules2qcow2 mkinitramfs; do ln -s "$minivm" $name; done
      "$minivm" unpack "$package"
      ./modules2qcow2 \(release) 300
      ./mkinitramfs "$template" \(release)
      "$minivm" build "$package" --disk-size 300 --template "$template" --no-cache --out kit
      for name in vmlinuz-\(release) config-\(release) initramfs-\(release) modules-\(release).qcow2; do
        cmp $name kit/$name
      done
      """, in: folder.path,
      environment: ["minivm": TestKit.program, "package": package, "template": template])
  }

  @Test(
    "The modules disk is sound, and holds the package's files and depmod's indexes",
    arguments: [
      BuildOptions(), .with { $0.diskCompression = .zlib }, .with { $0.diskCompression = .none },
      .with { $0.diskFormat = .raw },
    ])
  func modulesDisk(_ options: BuildOptions) async throws {
    let folder = try TemporaryFolder()
    let template = try TestKit.makeTemplate(folder)
    let manifest = try TestKit.build(
      "cloud", template: template, to: folder("kit"), options: options)
    let image = folder("kit/modules-\(manifest.kernel).\(options.diskFormat.rawValue)")
    let script =
      options.diskFormat == .raw
      ? "cp --sparse=always \(image) raw"
      : "qemu-img check -q \(image); qemu-img convert -O raw \(image) raw; qemu-img compare -q \(image) raw"
    let tree = try TestCache.packages("cloud")[0]
    try await Tool.shell(
      """
      \(script)
      e2fsck -fn raw >fsck.log 2>&1 || { cat fsck.log; exit 1; }
      mkdir disk; debugfs -R "rdump \(manifest.kernel) disk" raw 2>/dev/null
      dpkg-deb -x "\(tree)" judge
      PATH="$PATH:/sbin:/usr/sbin"
      depmod -b judge \(manifest.kernel)
      cd judge/lib/modules/\(manifest.kernel); rm -f build source
      find . -type f | sort | xargs -d '\\n' sha256sum >\(folder("theirs"))
      find . -path './kernel*' -printf '%p %m %T@\\n' | sort | sed 's/[.]0*$//' >>\(folder("theirs"))
      cd \(folder("disk/\(manifest.kernel)")); rm modules.weakdep
      find . -type f | sort | xargs -d '\\n' sha256sum >\(folder("ours"))
      find . -path './kernel*' -printf '%p %m %T@\\n' | sort | sed 's/[.]0*$//' >>\(folder("ours"))
      cd \(folder.path); cmp ours theirs
      """, in: folder.path)
  }

  @Test("The RAM disk has the chosen modules with their indexes and nothing of this machine")
  func ramDisk() async throws {
    let folder = try TemporaryFolder()
    let template = try TestKit.makeTemplate(folder)
    let manifest = try TestKit.build("cloud-6.12", template: template, to: folder("kit"))
    let release = manifest.kernel
    let listing = try await Tool.shell(
      """
      zstd -dqc kit/initramfs-\(release) >cpio; cpio -itvn --quiet <cpio
      # Not everybody may make devices.
      mkdir out; cd out; cpio -id --quiet --no-preserve-owner -f dev/console <../cpio
      """, in: folder.path)
    #expect(listing.split(separator: "\n").allSatisfy { $0.contains(#/ 0 +0 /#) })
    let tree = "out/lib/modules/\(release)"
    let files = try await Tool.shell("cd \(tree); find . -name '*.ko*' | sort", in: folder.path)
      .split(separator: "\n").map { String($0.dropFirst(2)) }
    #expect(files == manifest.initramfsModules.map(\.path).sorted())
    #expect(files.allSatisfy { $0.hasSuffix(".ko") })
    #expect(manifest.initramfsModules.allSatisfy { !$0.reasons.isEmpty })
    for path in files {
      let name = FileTree.name(of: path).dropLast(3)
      let plan = try await Tool.output(
        "modprobe", ["-d", folder("out"), "-S", release, "--show-depends", String(name)])
      for line in plan.split(separator: "\n") where line.hasPrefix("insmod ") {
        let module = line.dropFirst(7).split(separator: " ")[0]
        #expect(FileTree.status(String(module)) != nil, "\(name) needs \(module)")
      }
    }
  }

  @Test(
    "Every compression is one that the field's tools undo", arguments: InitramfsCompression.allCases
  )
  func compressions(_ compression: InitramfsCompression) async throws {
    let folder = try TemporaryFolder()
    let template = try TestKit.makeTemplate(folder)
    let manifest = try TestKit.build(
      "cloud", template: template, to: folder("kit"),
      options: .with { ($0.diskCompression, $0.initramfsCompression) = (.none, compression) })
    let tool = [
      InitramfsCompression.auto: "zstd -dqc", .zstd: "zstd -dqc", .gzip: "gzip -dc",
      .xz: "xz -dc", .lz4: "lz4 -dc", .none: "cat",
    ]
    let listing = try await Tool.shell(
      "\(tool[compression] ?? "false") kit/initramfs-\(manifest.kernel) | cpio -it --quiet",
      in: folder.path)
    #expect(listing.contains("init\n") && listing.contains("bin/busybox\n"))
  }

  @Test("--best: as small as this kernel can unpack, the same bytes on any number of cores")
  func best() async throws {
    var package = MadeUpPackage.kernel
    let content = (0..<20_000).map { "\($0 &* 2_654_435_761 % 9973) " }.joined()
    package.add("\(MadeUpPackage.tree)/kernel/fs/notes", Array(content.utf8))
    let configuration = try #require(
      package.entries.firstIndex { $0.path.starts(with: "./boot/config".utf8) })
    let bench = try CommandBench(package)
    try bench.folder.write("t/etc/notes", content.utf8)
    for (options, tool) in [
      (["RD_GZIP", "RD_XZ", "RD_ZSTD", "XZ_DEC_X86"], "xz"), (["RD_XZ", "RD_GZIP"], "xz"),
      (["RD_ZSTD", "RD_GZIP"], "zstd"), (["RD_GZIP", "RD_LZ4"], "gzip"),
    ] {
      package.entries[configuration].content = Array(
        options.map { "CONFIG_\($0)=y\n" }.joined().utf8)
      try bench.folder.write("p.deb", package.bytes)
      let script = """
        set -e; rm -rf plain one two
        b="$minivm build p.deb --template t --no-cache --quiet"
        $b --out plain; $b --best --out one --jobs 1; $b --best --out two --jobs 5
        diff -r one two; r=\(CommandBench.release)
        \(tool) -dc <one/initramfs-$r | cpio -it --quiet | grep -qx init
        qemu-img check -q one/modules-$r.qcow2
        qemu-img compare -q one/modules-$r.qcow2 plain/modules-$r.qcow2
        for f in initramfs-$r modules-$r.qcow2; do
          [ $(stat -c %s one/$f) -le $(stat -c %s plain/$f) ]
        done
        [ $(stat -c %s one/initramfs-$r) -lt $(stat -c %s plain/initramfs-$r) ]
        grep -q '"best" : true' one/manifest-$r.json
        """
      let result = try await bench.shell(script)
      #expect(result.status == 0, "\(options): \(result.errors)")
    }
  }

  @Test("What an earlier build of the kernel made, and this one does not, goes; nothing else does")
  func stale() async throws {
    let bench = try CommandBench()
    let release = CommandBench.release
    let build = ["build", "p.deb", "--template", "t", "--out", "kit", "--quiet"]
    try await bench.run(build + ["--disk-format", "raw"])
    for name in ["vmlinux-\(release)", "modules-\(release)-own.raw", "vmlinux-6.9", "notes"] {
      try bench.folder.write("kit/\(name)", "the user's\n".utf8)
    }
    try await bench.run(build)
    let names = try Set(FileTree.names(in: bench.folder("kit")))
    #expect(!names.contains("modules-\(release).raw") && names.contains("modules-\(release).qcow2"))
    // No manifest says that these are a kit's.
    #expect(
      names.isSuperset(of: [
        "vmlinux-\(release)", "modules-\(release)-own.raw", "vmlinux-6.9", "notes",
      ]))
    var sums = String(decoding: try bench.folder.read("kit/SHA256SUMS"), as: UTF8.self)
    #expect(!sums.contains(".raw"))
    // Another kernel, whose release begins in the same way.
    let other = "initramfs-\(release).5"
    try bench.folder.write("kit/\(other)", [1])
    try bench.folder.write("kit/SHA256SUMS", (sums + "\(Digest.sha256(of: [1]))  \(other)\n").utf8)
    try await bench.run(build)
    sums = String(decoding: try bench.folder.read("kit/SHA256SUMS"), as: UTF8.self)
    #expect(sums.contains("  \(other)\n"))
    let check = try await bench.shell("cd kit && sha256sum --quiet -c SHA256SUMS")
    #expect(check.status == 0, "\(check.errors)")
    // The earlier manifest lists it now.
    let manifest = "kit/manifest-\(release).json"
    let text = String(decoding: try bench.folder.read(manifest), as: UTF8.self)
    try bench.folder.write(
      manifest, text.replacing("\"vmlinuz-\(release)\"", with: "\"vmlinux-\(release)\"").utf8)
    try await bench.expectFailure(build + ["--disk-size", "1"], 1, "do not fit")
    try await bench.run(build)
    #expect(!(try FileTree.names(in: bench.folder("kit")).contains("vmlinux-\(release)")))
    #expect(try await bench.temporaries() == "")
  }

  @Test("A module that is a hard link is in the indexes, as depmod has it")
  func hardLink() async throws {
    let release = CommandBench.release
    var package = MadeUpPackage.kernel
    let tree = MadeUpPackage.tree
    package.entries.append(
      MadeUpPackage.Entry("\(tree)/kernel/fs/y.ko", "1", link: "\(tree)/kernel/fs/x.ko"))
    package.entries.append(
      MadeUpPackage.Entry("\(tree)/kernel/fs/z.ko", "1", link: "\(tree)/kernel/fs/y.ko"))
    let bench = try CommandBench(package)
    let build = try await bench.run([
      "build", "p.deb", "--template", "t", "--out", "kit", "--disk-format", "raw",
    ])
    #expect(build.status == 0, "\(build.errors)")
    let result = try await bench.shell(
      """
      set -e
      dpkg-deb -x p.deb theirs
      depmod -b theirs \(release)
      for file in modules.dep modules.dep.bin modules.order; do
        debugfs -R "cat \(release)/$file" kit/modules-\(release).raw 2>debugfs.log >$file
        cmp $file theirs/lib/modules/\(release)/$file
      done
      grep -c fs/z.ko: modules.dep
      """)
    #expect(result.status == 0 && result.output == "1\n", "\(result)")
    // From the same files in a folder comes the same disk.
    let folder = try await bench.shell(
      """
      "$minivm" unpack p.deb --out tree >&2 && cd tree && "$minivm" build . --template ../t --modules ../modules.ramfs --autoload ../modules.autoload \\
        --out ../kit2 --disk-format raw >&2 && debugfs -R "cat \(release)/modules.dep" ../kit2/modules-\(release).raw
      """)
    #expect(folder.output.contains("fs/z.ko:"), "\(folder)")
  }

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
      "vmlinuz-\(CommandBench.release): is kernel \(own), and the modules are \(CommandBench.release)'s"
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
