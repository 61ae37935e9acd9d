package import Basics
internal import Formats
package import Machines
package import Modules
internal import Synchronization

/// Finds out which modules a RAM disk needs, by booting a kernel with all of its modules on a machine
/// and looking at what drives what there.
package struct Discovery {
  /// The kernel, and what it is booted with.
  package struct Subject {
    package var release: KernelRelease
    package var kernel: String
    package var modules: any ModuleStore
    /// Of all that they say.
    package var index: ModuleIndex
    /// Nil where it is not known.
    package var configuration: KernelConfiguration?
    package var modulesDisk: MachineDisk?
    /// What the RAM disk has beside modules.
    package var template: RamDisk.Template

    package init(
      release: KernelRelease, kernel: String, modules: any ModuleStore,
      configuration: KernelConfiguration?, modulesDisk: MachineDisk?, template: RamDisk.Template
    ) throws {
      self.release = release
      self.kernel = kernel
      self.modules = modules
      index = try modules.wholeIndex()
      self.configuration = configuration
      self.modulesDisk = modulesDisk
      self.template = template
    }
  }

  /// File systems that a root disk is tried with, in this order.
  package static let rootTypes = ["ext4", "xfs", "btrfs", "f2fs", "squashfs", "erofs", "vfat"]

  private let subject: Subject
  private let machine: MachineDescription
  private let runner: QEMURunner
  private let folder: String
  private let jobs: Int
  private let progress: Progress

  /// - Parameters:
  ///   - machine: with the user's own devices, without kernel, RAM disk and disks, which come from here.
  ///   - root: the user's root disk; nil for one that is made here.
  ///   - folder: for files that nobody keeps.
  package init(
    _ subject: Subject, machine: MachineDescription, root: MachineDisk?, runner: QEMURunner,
    folder: String, jobs: Int, progress: Progress
  ) throws {
    self.subject = subject
    self.runner = runner
    self.folder = folder
    self.jobs = jobs
    self.progress = progress
    var machine = machine
    let busybox = try subject.template.busybox()
    var rootDisk = root
    if rootDisk == nil {
      let path = "\(folder)/root.raw"
      try ProofDisk.write(to: path, busybox: busybox, initScript: GuestProbe.script())
      rootDisk = MachineDisk(path, format: .raw, access: .unchanged)
    }
    machine.kernel = subject.kernel
    machine.disks = [rootDisk, subject.modulesDisk].compactMap { $0 }
    machine.commandLine = ["root=\(machine.bus.firstDevice)", "panic=-1"] + machine.commandLine
    self.machine = machine
    hasOwnRoot = root != nil
    self.busybox = busybox
  }

  private let hasOwnRoot: Bool
  private let busybox: [UInt8]

  /// Boots with every module, and again without the user's devices if there are any: what appears in
  /// between is theirs.
  /// - Throws: `KitError.unexpected` for a guest that does not do what it is to do, `KitError.missing`
  ///   without QEMU.
  package func lists() async throws -> DiscoveredLists {
    let image = "\(folder)/initramfs-all"
    let size = try writeRamDiskOfAll(to: image)
    var large = machine
    large.initramfs = image
    // The image, and what it unpacks to.
    large.memory = max(machine.memory, 512 + 2 * (size >> 20))
    progress.report("booting \(subject.release) with all modules", 0, nil)
    let probe = try await probe(large)
    var own: [GuestProbe.Device] = []
    if !machine.extraArguments.isEmpty || !machine.networks.isEmpty {
      var plain = large
      plain.extraArguments = []
      plain.networks = []
      progress.report("booting without the added devices", 0, nil)
      own = Self.added(probe.devices, to: try await self.probe(plain).devices)
    }
    let lists = try lists(probe, own)
    return try await checked(lists, own)
  }

  /// Devices that are there more often than before.
  private static func added(
    _ devices: [GuestProbe.Device], to before: [GuestProbe.Device]
  ) -> [GuestProbe.Device] {
    var count: [String: Int] = [:]
    for device in before { count[device.modalias, default: 0] += 1 }
    return devices.filter { device in
      count[device.modalias, default: 0] -= 1
      return count[device.modalias, default: 0] < 0
    }
  }

  /// Modaliases of the devices that nothing drives. Devices on other buses than these stand for parts of the board,
  /// which need no driver.
  static func withoutDriver(_ devices: [GuestProbe.Device]) -> [String] {
    let buses = ["pci:", "usb:", "virtio:", "scsi:", "hid:"]
    return devices.filter { device in
      device.driver == nil && buses.contains { device.modalias.hasPrefix($0) }
    }.map(\.modalias)
  }

  private func lists(
    _ probe: GuestProbe, _ own: [GuestProbe.Device]
  ) throws -> DiscoveredLists {
    let index = subject.index
    let name = FileTree.name(of: machine.bus.firstDevice)
    guard let disk = probe.blockDevices.first(where: { $0.name == name }) else {
      throw KitError(
        .unexpected,
        "the kernel finds no disk \(machine.bus.firstDevice) on \(machine.model.description), with all of its modules",
        advice: "use another --disk, or another kernel")
    }
    var wanted: [(position: Int, reason: String)] = []
    func want(_ module: String?, _ reason: String) {
      guard let module, let position = index.position(of: module),
        !wanted.contains(where: { $0.position == position })
      else { return }
      wanted.append((position, reason))
    }
    for device in probe.way(to: disk.path) {
      want(device.module, "on the way to \(machine.bus.firstDevice): \(device.modalias)")
    }
    guard let type = probe.rootType else {
      throw KitError(
        .unexpected, "the kernel can't mount \(machine.bus.firstDevice), with all of its modules",
        advice: "its file system is none of \(Self.rootTypes.joined(separator: ", "))")
    }
    let alias = "fs-\(type)"
    for position in AliasSearch([alias], in: index).modules[alias] ?? [] {
      want(index.modules[position].name, "root's file system, \(type)")
    }
    for device in own {
      for step in probe.way(to: device.path) {
        let card = probe.networkCards.first { $0.path == step.path }
        want(
          step.module,
          "\(card.map { "\($0.name), " } ?? "")a device that was added: \(step.modalias)")
      }
    }
    let others = probe.devices.compactMap { device -> (position: Int, reason: String)? in
      guard let module = device.module, let position = index.position(of: module) else {
        return nil
      }
      return (position, device.modalias)
    }
    var lists = DiscoveredLists(
      subject.release, source: "\(machine.model.description) with a \(machine.bus.rawValue) disk",
      index: index, wanted: wanted,
      others: others.reduce(into: []) { unique, other in
        if !unique.contains(where: { $0.position == other.position }) { unique.append(other) }
      })
    if !own.isEmpty { lists.withoutDriver = Self.withoutDriver(own) }
    return lists
  }

  /// Boots a RAM disk that has the lists' modules: root has to be reached.
  /// - Throws: as `lists()`.
  package func checked(_ lists: DiscoveredLists) async throws -> DiscoveredLists {
    try await checked(lists, [])
  }

  /// - Parameter own: devices of the user's, each of which has to have its driver again.
  private func checked(
    _ lists: DiscoveredLists, _ own: [GuestProbe.Device]
  ) async throws -> DiscoveredLists {
    var options = BuildOptions()
    options.lists = lists.lists
    let result = try RamDisk(
      subject.release, template: subject.template, options: options
    ).make(jobs: jobs) {
      RamDisk.Kernel(
        timestamp: 0, configuration: subject.configuration, modules: subject.modules)
    }
    let path = "\(folder)/\(Kit.Part.initramfs.fileName(subject.release))"
    try OutputFile.write(result.bytes, to: path)
    var small = machine
    small.initramfs = path
    progress.report(
      "booting \(subject.release) with \(result.description.modules.count)", 0, nil)
    if hasOwnRoot {
      var runner = runner
      runner.expectation = "minivm: root is"
      _ = try await runner.run(small)
    } else {
      let probe = try await probe(small)
      for device in own {
        guard let driver = device.driver else { continue }
        guard
          probe.devices.contains(where: { $0.modalias == device.modalias && $0.driver == driver })
        else {
          throw KitError(
            .unexpected,
            "\(device.modalias) was driven by \(driver) with all modules, but not with those of the lists"
          )
        }
      }
    }
    var lists = lists
    lists.checkedOn = "\(machine.model.description) with a \(machine.bus.rawValue) disk"
    return lists
  }

  private func probe(_ machine: MachineDescription) async throws -> GuestProbe {
    let collected = Collected()
    var runner = runner
    runner.expectation = GuestProbe.end
    let show = runner.onLine
    runner.onLine = { line in
      collected.take(line)
      show(line)
    }
    _ = try await runner.run(machine)
    return collected.probe
  }

  private func writeRamDiskOfAll(to path: String) throws -> Int {
    var initramfs = Initramfs()
    let tree = "lib/modules/\(subject.release)"
    let index = subject.index
    try initramfs.add("bin/busybox", .file(busybox, isExecutable: true))
    let script = GuestProbe.script(rootTypes: Self.rootTypes)
    try initramfs.add("init", .file(Array(script.utf8), isExecutable: true))
    try initramfs.add("discover", .file([], isExecutable: false))
    try initramfs.add(tree, .directory)
    var size = 0
    for module in index.modules {
      let bytes = try inside(module.path) {
        try Compression.decompress(
          subject.modules.contents(of: module.path), limit: ModuleTree.sizeLimit)
      }
      size += bytes.count
      try initramfs.add(
        "\(tree)/\(ModuleName.uncompressed(module.path))", .file(bytes, isExecutable: false))
    }
    let plain = index.modules.map { (ModuleName.uncompressed($0.path), $0.facts) }
    for file in try ModuleIndex(plain, lists: index.lists).files()
    where !file.name.hasSuffix(".bin") {
      try initramfs.add("\(tree)/\(file.name)", .file(file.bytes, isExecutable: false))
    }
    // Not compressed: nobody keeps it, and emulated machines unpack slowly.
    try OutputFile.write(initramfs.archive(timestamp: 0), to: path)
    return size
  }
}

/// What the console's thread collects.
private final class Collected: Sendable {
  private let state = Mutex(GuestProbe())

  func take(_ line: String) { state.withLock { $0.take(line) } }

  var probe: GuestProbe { state.withLock { $0 } }
}
