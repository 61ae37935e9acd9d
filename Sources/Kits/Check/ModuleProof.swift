internal import Formats
internal import Machines
internal import Modules

/// Which modules of a kit's modules disk a guest tries to load, to show that they can be loaded.
struct ModuleProof {
  struct Candidate: Sendable, Hashable {
    /// Below lib/modules/VER.
    var path: String
    /// As /sys/module has it.
    var name: String
    /// Whether it needs no hardware for certain: that it does not load is a fault then.
    var loadsAnywhere: Bool
  }

  /// Nil for a kit without a modules disk.
  let disk: MachineDisk?
  /// In the order of trying.
  private(set) var candidates: [Candidate] = []
  /// Why no module can be loaded in the proof; nil where one can.
  private(set) var obstacle: String?
  /// A program that loads modules in busybox' place, where busybox can't unpack them.
  private(set) var loader: [UInt8]?

  /// Modules without hardware of their own that most kernels have.
  private static let known = [
    "dummy", "ifb", "veth", "tun", "macvlan", "xfs", "btrfs", "nfs", "zram", "wireguard",
  ]
  /// The most modules that are tried.
  private static let limit = 24
  /// Folders whose modules mostly need no hardware, the likeliest first.
  private static let folders = [
    "kernel/fs/", "kernel/lib/", "kernel/crypto/", "kernel/net/", "kernel/block/",
    "kernel/drivers/net/",
    "kernel/drivers/md/", "kernel/drivers/block/", "kernel/drivers/hid/", "kernel/drivers/",
  ]
  /// Parts of names of modules that do something to the machine when they are loaded, or fail on purpose.
  private static let unfit = ["test", "torture", "tcrypt", "wdt", "dog", "kgdb", "panic", "crash"]

  /// - Parameter inside: names of the RAM disk's modules, some of which are loaded by then.
  /// - Throws: `KitError` and `FormatError` for a modules disk that can't be read.
  init(_ kit: Kit, inside: Set<String>) throws {
    disk = kit.modulesDisk
    guard disk != nil, let modules = try kit.modules(jobs: 1) else {
      obstacle =
        "that modules load: "
        + (try kit.hasNoModules ? "this kernel has none" : "the kit has no modules disk")
      return
    }
    candidates = Self.candidates(try modules.index(), inside: inside)
    guard let packed = candidates.first(where: { $0.path.hasSuffix(".zst") }) else { return }
    // busybox unpacks gzip and xz.
    if try kit.configuration()?.unpacksModule(packed.path) == false {
      obstacle =
        "that modules load: neither this kernel (CONFIG_MODULE_DECOMPRESS) nor busybox unpacks .ko.zst; kmod does"
    } else {
      loader = Coldplug.program(for: kit.architecture)
      if loader == nil {
        obstacle = "that modules load: busybox does not unpack .ko.zst; kmod does"
      }
    }
  }

  static func candidates(_ index: ModuleIndex, inside: Set<String>) -> [Candidate] {
    var found = known.filter { !inside.contains($0) }.compactMap { name in
      index.position(of: name).map {
        Candidate(path: index.modules[$0].path, name: name, loadsAnywhere: true)
      }
    }
    var others: [(rank: (Int, Int, Int, String), module: ModuleIndex.Module)] = []
    var walk = DependencyWalk(index.modules)
    for (position, module) in index.modules.enumerated()
    where !known.contains(module.name) && !unfit.contains(where: module.name.contains) {
      guard let folder = folders.firstIndex(where: { module.path.hasPrefix($0) }) else { continue }
      let needs = walk.closure(of: position).count
      let rank = (inside.contains(module.name) ? 1 : 0, folder, needs, module.path)
      others.append((rank, module))
    }
    others.sort { $0.rank < $1.rank }
    found += others.map {
      Candidate(path: $0.module.path, name: $0.module.name, loadsAnywhere: false)
    }
    return Array(found.prefix(limit))
  }
}
