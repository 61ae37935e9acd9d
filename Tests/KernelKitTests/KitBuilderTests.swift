import Formats
import KernelKit
import TestSupport
import Testing

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
      ModulesDisk.Options(), ModulesDisk.Options(compression: .zlib),
      ModulesDisk.Options(compression: .none), ModulesDisk.Options(format: .raw),
    ])
  func modulesDisk(_ options: ModulesDisk.Options) async throws {
    let folder = try TemporaryFolder()
    let template = try TestKit.makeTemplate(folder)
    let manifest = try TestKit.build("cloud", template: template, to: folder("kit"), disk: options)
    let image = folder("kit/modules-\(manifest.kernel).\(options.format.rawValue)")
    let script =
      options.format == .raw
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
      disk: ModulesDisk.Options(compression: .none), compression: compression)
    let tool = [
      InitramfsCompression.auto: "zstd -dqc", .zstd: "zstd -dqc", .gzip: "gzip -dc",
      .xz: "xz -dc", .lz4: "lz4 -dc", .none: "cat",
    ]
    let listing = try await Tool.shell(
      "\(tool[compression] ?? "false") kit/initramfs-\(manifest.kernel) | cpio -it --quiet",
      in: folder.path)
    #expect(listing.contains("init\n") && listing.contains("bin/busybox\n"))
  }
}
