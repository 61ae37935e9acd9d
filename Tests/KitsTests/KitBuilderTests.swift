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
}
