import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// `minivm diff`: everything that changed between two kits, and nothing else.
@Suite struct KitDiffTests {
  @Test("The same, exit code 0; times alone; an option")
  func same() async throws {
    let bench = try CommandBench()
    let options = ["--template", "t", "--quiet", "--no-cache"]
    for (name, more) in [("a", []), ("b", []), ("c", ["--disk-compression", "none"])] {
      try await bench.run(["build", "p.deb", "--out", name] + options + more)
    }
    try await bench.run(
      ["build", "p.deb", "--out", "d"] + options, environment: ["SOURCE_DATE_EPOCH": "12"])
    let same = try await bench.run(["diff", "a", "b"])
    #expect(same.status == 0 && same.output == "\(CommandBench.release): the kits are the same\n")
    let byManifest = try await bench.run(
      ["diff", "a/manifest-\(CommandBench.release).json", "b/"])
    #expect(byManifest.status == 0)
    let option = try await bench.run(["diff", "a", "c"])
    #expect(option.status == 1 && option.errors == "")
    #expect(option.output.contains("disk compression: zstd -> none"))
    #expect(option.output.contains("modules disk: 1 module, none of them changed"))
    let times = try await bench.run(["diff", "a", "d"])
    #expect(times.output.contains("time: 1000000000 -> 12"))
    #expect(times.output.contains(" files with other times only"))
    #expect(!times.output.contains("~"), "\(times.output)")
    try await bench.expectFailure(["diff", "a", "nowhere"], 3, "nowhere: no such folder")
    try await bench.expectFailure(["diff", "a", "p.deb"], 2, "p.deb: is not a manifest-VER.json")
  }

  @Test("A disk's times, to the nanosecond")
  func times() async throws {
    let folder = try TemporaryFolder()
    try await Tool.shell(
      """
      mkdir tree; touch -d @1700000000 tree/a tree/b tree/c
      truncate -s 8M raw; mke2fs -q -t ext4 -d tree raw
      # Nanoseconds are above the two bits of the epoch.
      debugfs -wf - raw <<E
      set_inode_field b mtime_extra $((500000000 * 4))
      set_inode_field c mtime_extra $((70 * 4))
      E
      """, in: folder.path)
    let entries = try ImageListing(disk: folder("raw")).entries
    #expect(
      ["a", "b", "c"].map { entries[$0]?.modified }
        == ["1700000000", "1700000000.5", "1700000000.00000007"])
  }

  @Test("Added, removed, moved, changed; the RAM disk's programs and lists; options")
  func changes() async throws {
    func package(_ release: String, _ modules: [(String, Int)], _ options: String) -> MadeUpPackage
    {
      var package = MadeUpPackage()
      package.name = "linux-image-\(release)"
      package.add("./boot/vmlinuz-\(release)", MadeUpPackage.vmlinuz)
      package.add("./boot/config-\(release)", Array("CONFIG_RD_ZSTD=y\n\(options)".utf8))
      for (path, size) in modules {
        let module = ELFModuleBuilder(
          information: ["license=GPL", "description=\(String(repeating: "x", count: size))"])
        package.add("./lib/modules/\(release)/kernel/\(path)", module.bytes())
      }
      package.add("./lib/modules/\(release)/modules.order", [])
      return package
    }
    let bench = try CommandBench(
      package(
        "6.1.0-1-x", [("fs/x.ko", 1), ("fs/gone.ko", 1), ("net/m-v.ko", 5), ("fs/same.ko", 3)],
        "CONFIG_A=m\nCONFIG_B=y\n"))
    try bench.folder.write(
      "q.deb",
      package(
        "6.1.0-2-x", [("fs/x.ko", 9), ("fs/new.ko", 1), ("drivers/m-v.ko", 5), ("fs/same.ko", 3)],
        "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"text\"\n"
      ).bytes)
    try await bench.run(["build", "p.deb", "--out", "a", "--template", "t"])
    try bench.folder.write("t/bin/tool", "#!/bin/sh\n".utf8)
    try bench.folder.write("modules.ramfs", "fs/x.ko\nfs/new.ko\n".utf8)
    try await bench.run(["build", "q.deb", "--out", "b", "--template", "t", "--disk-size", "70"])
    let text = try await bench.run(["diff", "a", "b"])
    #expect(text.status == 1 && text.errors == "")
    for line in [
      "kernel: 6.1.0-1-x -> 6.1.0-2-x",
      "packages: linux-image-6.1.0-1-x 1 -> linux-image-6.1.0-2-x 1",
      "CONFIG_A: m -> y", "CONFIG_B: y -> not set", "CONFIG_C: not set -> \"text\"",
      "modules disk: 4 modules, 1 added, 1 removed, 1 moved, 1 changed",
      "initramfs: 1 -> 2 modules, 1 added, 1 changed", "+ kernel/fs/new.ko", "- kernel/fs/gone.ko",
      "> kernel/net/m-v.ko -> kernel/drivers/m-v.ko", "~ kernel/fs/x.ko", "+ bin/tool",
      "disk size: not set -> 70 MiB", "size: 209715200 -> 73400320",
    ] { #expect(text.output.contains(line), "\(line): \(text.output)") }
    #expect(!text.output.contains("same.ko"))
    let json = try await bench.run(["diff", "a", "b", "--json"])
    #expect(json.status == 1)
    let comparison = try JSON.decode(KitComparison.self, from: Array(json.output.utf8))
    #expect(comparison.configuration.map(\.name) == ["CONFIG_A", "CONFIG_B", "CONFIG_C"])
    #expect(comparison.modulesDisk?.added.map(\.path) == ["kernel/fs/new.ko"])
    #expect(comparison.ramDisk?.changed.map(\.path) == ["kernel/fs/x.ko"])
    #expect(comparison.outputs.map(\.part) == ["configuration", "initramfs", "modules disk"])
  }

  @Test("Two real kernels: the field's tools find as many changes")
  func real() async throws {
    let folder = try TemporaryFolder()
    let template = try TestKit.makeTemplate(folder)
    for name in ["cloud", "cloud-6.12"] {
      try TestKit.build(name, template: template, to: folder(name))
    }
    let trees = try ["cloud", "cloud-6.12"].map { name in
      let tree = try TestCache.tree(name)
      let release = try TestCache.release(in: tree)
      let modules =
        FileTree.isDirectory("\(tree)/lib/modules/\(release)") ? "lib/modules" : "usr/lib/modules"
      return (config: "\(tree)/boot/config-\(release)", modules: "\(tree)/\(modules)/\(release)")
    }
    let counts = try await Tool.shell(
      """
      export LC_ALL=C
      for n in 0 1; do
        eval "c=\\$c$n m=\\$m$n"
        grep ^CONFIG_ "$c" | sort >config$n; cut -d= -f1 config$n >names$n
        (cd "$m"; find kernel -name '*.ko*' | sed 's/\\.ko.*/.ko/' | sort) >modules$n
      done
      { comm -3 config0 config1 | tr -d '\\t' | cut -d= -f1 | sort -u | wc -l
        comm -13 modules0 modules1 | wc -l; comm -23 modules0 modules1 | wc -l; } | tr '\\n' ' '
      """, in: folder.path,
      environment: [
        "c0": trees[0].config, "c1": trees[1].config, "m0": trees[0].modules,
        "m1": trees[1].modules,
      ])
    let comparison = try KitComparison(
      Kit(folder("cloud")), Kit(folder("cloud-6.12")), jobs: Machine.cores)
    let disk = try #require(comparison.modulesDisk)
    let found = [
      comparison.configuration.count, disk.added.count + disk.moved.count,
      disk.removed.count + disk.moved.count,
    ]
    #expect(found == counts.split(separator: " ").compactMap { Int($0) })
    #expect(comparison.configuration.count > 100)
  }
}
