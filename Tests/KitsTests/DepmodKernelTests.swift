import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// Debian's own kernels against Debian's own tools.
@Suite struct DepmodKernelTests {
  private func index(_ package: String, jobs: Int = 2) throws -> ModuleIndex {
    try ModuleTree(cached: package).index(jobs: jobs)
  }

  @Test(arguments: ["cloud", "full"]) func sameBytesAsDepmod(package: String) async throws {
    let oracle = try DepmodOracle.ofPackage(package)
    #expect(try await oracle.depmod() == 0)
    let files = try index(package).files()
    for name in DepmodOracle.fileNames {
      let file = try #require(files.first { $0.name == name })
      #expect(oracle.read(name) == file.bytes, "\(name)")
    }
  }

  @Test func sameBytesOnAnyNumberOfCores() throws {
    let files = try index("cloud", jobs: 1).files().map(\.bytes)
    #expect(try index("cloud", jobs: 7).files().map(\.bytes) == files)
  }

  /// What a selection brings along is what modprobe would load, softdeps included.
  @Test func modprobeLoadsWhatIsSelected() async throws {
    let index = try index("cloud")
    let oracle = try DepmodOracle.ofPackage("cloud")
    for file in try index.files() { try oracle.write(file.bytes, to: file.name) }
    let names = index.modules.map(\.name)
    let script = """
      for name in \(names.joined(separator: " ")); do
        echo "module $name"
        modprobe -C /dev/null -d '\(oracle.root)' -S '\(oracle.release)' --show-depends $name || echo failed
      done
      """
    var loaded: [String: [String]] = [:]
    var current = ""
    for line in try await oracle.run(script).output.split(separator: "\n") {
      let words = line.split(separator: " ")
      #expect(words.first != "failed", "\(current)")
      if words.first == "module" { current = String(words[1]) }
      if words.first == "insmod" {
        loaded[current, default: []].append(String(words[1].dropFirst(oracle.tree.count + 1)))
      }
    }
    for (position, module) in index.modules.enumerated() {
      let order = try #require(loaded[module.name])
      var seen: Set<String> = []
      let unique = order.filter { seen.insert($0).inserted }
      #expect(unique.contains(module.path))
      let closure = index.closure(of: position).reversed().map { index.modules[$0].path }
      #expect(unique.filter(closure.contains) == closure, "\(module.name)")
      let list = ModuleList(Array(module.name.utf8), name: "modules.autoload")
      let selection = try ModuleSelection(
        from: index, lists: ModuleLists(modules: nil, autoload: list))
      // Of a module with several softdep lines modprobe 30 reads one; the kernel means all of them.
      let hasSeveral = selection.modules.contains {
        index.modules[$0.position].facts.values(of: "softdep").count > 1
      }
      let selected = Set(selection.modules.map(\.path))
      #expect(
        hasSeveral ? selected.isSuperset(of: order) : selected == Set(order),
        "\(module.name): \(order)")
    }
  }

  /// kmod reads the binary indexes that were written without it.
  @Test func modprobeFindsAliases() async throws {
    let index = try index("cloud")
    let oracle = try DepmodOracle.ofPackage("cloud")
    for file in try index.files() where file.name.hasSuffix(".bin") {
      try oracle.write(file.bytes, to: file.name)
    }
    let expected = [
      "virtio:d00000002v00001AF4": "virtio_blk", "scsi:t-0x00": "sd_mod", "fs-ext4": "",
      "pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00": "virtio_pci",
      "symbol:virtio_max_dma_size": "virtio_ring", "char-major-10-200": "tun",
    ]
    for (alias, module) in expected {
      let result = try await oracle.run(
        "modprobe -C /dev/null -d '\(oracle.root)' -S '\(oracle.release)' -R '\(alias)'")
      if !module.isEmpty {
        #expect(result.output.split(separator: "\n").contains(Substring(module)), "\(alias)")
      }
    }
  }

  /// A RAM disk's own index names nothing that is not in it.
  @Test func indexOfASelection() async throws {
    let index = try index("cloud")
    let list = ModuleList(Array("drivers/block/virtio_blk.ko\ndrivers/scsi".utf8), name: "list")
    let selection = try ModuleSelection(
      from: index,
      lists: ModuleLists(modules: list, autoload: ModuleList([], name: "modules.autoload")))
    let part = try ModuleIndex(
      selection.modules.map { module in
        let original = index.modules[module.position]
        return (original.path, original.facts)
      }, lists: index.lists)
    #expect(part.modules.map(\.path) == selection.modules.map(\.path))
    let oracle = try DepmodOracle(release: "1.0-part")
    let modules = try ModuleTree(cached: "cloud")
    for path in part.modules.map(\.path) {
      try oracle.write(InputFile("\(modules.path)/\(path)").readAll(limit: 1 << 28), to: path)
    }
    for (name, bytes) in [
      ("modules.order", index.lists.order), ("modules.builtin", index.lists.builtin),
      ("modules.builtin.modinfo", index.lists.builtinInformation),
    ] {
      try oracle.write(try #require(bytes), to: name)
    }
    #expect(try await oracle.depmod() == 0)
    for file in try part.files() where DepmodOracle.fileNames.contains(file.name) {
      #expect(oracle.read(file.name) == file.bytes, "\(file.name)")
    }
  }
}
