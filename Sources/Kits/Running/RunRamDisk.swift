internal import Basics
internal import CGuest
internal import Formats
internal import Machines
internal import Modules

/// The initramfs of `minivm run`: the agent and the few drivers that it needs. Nothing of a kit's own
/// initramfs is in it.
struct RunRamDisk {
  /// Where the kernel finds the agent.
  static let agentPath = "init"

  let bytes: [UInt8]

  /// Whether a kernel has modules of these names, or what they are built in.
  static func has(_ names: [String], in index: ModuleIndex) -> Bool {
    let present = Set(index.modules.map(\.name))
    return names.allSatisfy { name in
      present.contains(ModuleName.normalized(name)) || index.isBuiltIn(name)
    }
  }

  /// - Parameters:
  ///   - images: disks that are mounted beside the modules disk.
  ///   - wanted: modules that the user names; they are loaded before the command starts.
  /// - Throws: `KitError.missing` for a module that the kernel has not, `FormatError` for one that can't be
  ///   read.
  init(
    _ kit: Kit, _ modules: any ModuleStore, transport: RunTransport, port: RunPort,
    images: [RunImage],
    network: NetworkDevice?, wanted: [String], jobs: Int
  ) throws {
    let index = try modules.index()
    for name in wanted where !Self.has([name], in: index) {
      throw KitError(
        .missing, "kernel \(kit.release) has no module \(name.quoted)",
        advice: "`minivm explain` lists what it has")
    }
    for image in images where !Self.has(image.modules, in: index) {
      throw KitError(
        .missing,
        "kernel \(kit.release) has no \(image.fileSystem), which \(image.disk.path) holds",
        advice: "use an image with ext4")
    }
    guard let agent = Self.agent(for: kit.architecture) else {
      throw KitError(
        .invalid,
        "this minivm was built without the agent of run for \(kit.architecture.rawValue)",
        advice: "run `scripts/build-guest` and build it again")
    }
    // Those without a device have to be asked for by name.
    let fileSystems = images.flatMap(\.modules).filter { $0 != "ext4" }
    let named = ["overlay", "ext4"] + fileSystems + transport.modules + wanted
    let drivers =
      ["? virtio_pci", "? virtio_mmio", "virtio_blk"] + port.modules
      + (network.map { $0.card.device.drivers.map { "? \($0)" } + ["? af_packet"] } ?? [])
    func list(_ names: [String]) -> ModuleList {
      ModuleList(
        Array(names.joined(separator: "\n").utf8), name: "minivm run", style: .names)
    }
    let selection = try ModuleSelection(
      from: index,
      lists: ModuleLists(
        profile: nil, modules: list(drivers + named), autoload: list(named)))
    var initramfs = Initramfs()
    try initramfs.add(Self.agentPath, .file(agent, isExecutable: true))
    let tree = "lib/modules/\(kit.release)"
    try initramfs.add(tree, .directory)
    var chosen: [(path: String, facts: ModuleFacts)] = []
    for module in selection.modules {
      let unpacked = try inside(module.path) {
        try Compression.decompress(
          modules.contents(of: module.path), limit: ModuleTree.sizeLimit)
      }
      let path = ModuleName.uncompressed(module.path)
      chosen.append((path, ModuleFacts(reading: unpacked)))
      try initramfs.add("\(tree)/\(path)", .file(unpacked, isExecutable: false))
    }
    let own = try ModuleIndex(chosen, lists: index.lists)
    for file in try own.files(jobs: jobs) where Self.indexes.contains(file.name) {
      try initramfs.add("\(tree)/\(file.name)", .file(file.bytes, isExecutable: false))
    }
    let autoload = selection.autoload.map { $0 + "\n" }.joined()
    try initramfs.add("etc/modules.autoload", .file(Array(autoload.utf8), isExecutable: false))
    // Programs ask for it there: bpftool, tests of the kernel.
    let settings = "\(kit.folder)/\(Kit.Part.configuration.fileName(kit.release))"
    if FileTree.status(settings, followingLink: true)?.kind == .file {
      let bytes = try InputFile.contents(of: settings, limit: KernelConfiguration.sizeLimit)
      try initramfs.add("boot", .directory)
      try initramfs.add("boot/config-\(kit.release)", .file(bytes, isExecutable: false))
    }
    // Not compressed: it is small, and made for one boot.
    bytes = try initramfs.archive(timestamp: 0)
  }

  /// Those that the agent reads.
  private static let indexes: Set = [
    "modules.dep.bin", "modules.alias.bin", "modules.builtin.bin", "modules.softdep",
  ]

  private static func agent(for architecture: Architecture) -> [UInt8]? {
    var count = 0
    guard let bytes = unsafe minivm_run_agent(architecture.rawValue, &count) else { return nil }
    return unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
  }
}
