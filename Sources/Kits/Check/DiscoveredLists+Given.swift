internal import Basics
package import Formats
package import Machines
package import Modules

/// A machine that can be booted here, and how its root disk is attached.
package struct RootPlace: Sendable, Hashable {
  package var model: MachineModel
  package var bus: MachineDisk.Bus

  package init(_ model: MachineModel, _ bus: MachineDisk.Bus) {
    self.model = model
    self.bus = bus
  }

  /// All that QEMU has for an architecture, the usual ones first.
  package static func all(_ architecture: Architecture) -> [RootPlace] {
    let names: [MachineModel.Name] = architecture == .amd64 ? [.q35, .pc, .microvm] : [.virt]
    return names.compactMap { try? MachineModel(architecture, name: $0) }.flatMap { model in
      CheckedMachine(model).buses.map { RootPlace(model, $0) }
    }
  }

  var description: String { "\(model.description) with a \(bus.rawValue) disk" }
}

extension DiscoveredLists {
  /// From what a running guest has loaded.
  /// - Parameters:
  ///   - place: the guest's machine and root disk; nil for the first that works with these modules.
  /// - Returns: the place as well; nil when it is none that can be booted here.
  package static func from(
    _ loaded: LoadedModules, _ index: ModuleIndex, _ configuration: KernelConfiguration?,
    _ release: KernelRelease,
    place given: RootPlace?, architecture: Architecture, name: String
  ) throws -> (lists: DiscoveredLists, place: RootPlace?) {
    let unknown = loaded.modules.map(\.name).filter {
      index.position(of: $0) == nil && !index.isBuiltIn($0)
    }
    if unknown.count > loaded.modules.count / 2 {
      throw KitError(
        .invalid, "\(name): kernel \(release) has no \(unknown[0])",
        advice: "give the kit of the kernel that the guest runs")
    }
    let used = Set(loaded.modules.filter { $0.otherUsers > 0 }.map(\.name))
    let positions = loaded.modules.compactMap { index.position(of: $0.name) }
    let check = RootCheck(
      release, kernel: index, configuration: configuration,
      inside: reach(index, from: Set(positions)).map {
        ModuleName.uncompressed(index.modules[$0].path)
      },
      hasModulesDisk: false)
    // A mounted file system has a user.
    let types = Discovery.rootTypes.filter { type in
      (AliasSearch(["fs-\(type)"], in: index).modules["fs-\(type)"] ?? [])
        .contains { used.contains(index.modules[$0].name) }
    }
    let rootTypes = [types.first ?? "ext4"]
    var best: (place: RootPlace, report: RootCheck.Report, isUsed: Bool)?
    for place in given.map({ [$0] }) ?? RootPlace.all(architecture) {
      let report = try check.report(
        CheckedMachine(place.model), disk: place.bus, rootTypes: rootTypes)
      if let error = report.error {
        if given != nil { throw KitError(.invalid, "\(name): \(error.message)") }
        continue
      }
      // An open disk has a user.
      let disk = report.steps.last { $0.kind == "device" }
      let isUsed = disk?.state == .inRAMDisk && used.contains(disk?.driver ?? "")
      if best == nil || isUsed, best?.isUsed != true { best = (place, report, isUsed) }
    }
    // A disk whose driver is built in would do for any guest: the guest uses another one.
    if given == nil, best?.isUsed == false,
      positions.contains(where: {
        used.contains(index.modules[$0].name) && index.modules[$0].isController
      })
    {
      best = nil
    }
    var wanted: [(position: Int, reason: String)] = []
    if let best {
      wanted = best.report.steps.compactMap { step in
        guard step.state == .inRAMDisk,
          let position = step.driver.flatMap({ index.position(of: $0) })
        else { return nil }
        let reason =
          step.kind == "device" ? "\(step.name): \(step.modalias ?? "")" : "root's file system"
        return (position, reason)
      }
    } else {
      wanted = positions.compactMap { position in
        let module = index.modules[position]
        if isBus(module.path) { return (position, "a bus that disks are on") }
        if isDisk(module, used) { return (position, "a disk's driver, in use") }
        return used.contains(module.name) && rootTypes.contains(module.name)
          ? (position, "a file system, mounted") : nil
      }
    }
    return (
      DiscoveredLists(
        release, source: "the modules that a guest has loaded (\(name))", index: index,
        wanted: wanted, others: positions.map { ($0, "loaded in the guest") }), best?.place
    )
  }

  /// Whether it is a driver of disks, or of what is made of them, that somebody uses. Disks in files and in
  /// memory are none.
  private static func isDisk(_ module: ModuleIndex.Module, _ used: Set<String>) -> Bool {
    used.contains(module.name)
      && (module.isController || module.name == "sd_mod"
        || module.path.hasPrefix("kernel/drivers/md/"))
  }

  private static func isBus(_ path: String) -> Bool {
    ["virtio/virtio_pci", "virtio/virtio_mmio", "hv/hv_vmbus", "usb/host", "pci/controller"]
      .contains { path.hasPrefix("kernel/drivers/\($0)") }
  }

  /// The lines of a list of modaliases, without comments and empty ones.
  /// - Throws: `KitError.invalid` with the line that is none: a modalias is a bus's name, a colon and what
  ///   the bus says of a device.
  package static func modaliases(in text: String, name: String) throws -> [String] {
    let advice = "make the file with `cat /sys/bus/*/devices/*/modalias >FILE` in the guest"
    var found: [String] = []
    for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      let line = line.trimmingBlanks()
      if line.isEmpty || line.hasPrefix("#") { continue }
      let bus = line.utf8.prefix { $0 != UInt8(ascii: ":") }
      guard !bus.isEmpty, bus.count < line.utf8.count, line.utf8.count < 4096,
        line.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }),
        bus.allSatisfy({ $0 != UInt8(ascii: " ") })
      else {
        throw KitError(.invalid, "\(name):\(number + 1): not a modalias", advice: advice)
      }
      found.append(line)
    }
    guard !found.isEmpty else {
      throw KitError(.invalid, "\(name): has no modaliases", advice: advice)
    }
    return found
  }

  /// From the devices of a machine.
  /// - Throws: `KitError.invalid` when the kernel has no such file system.
  package static func from(
    modaliases: [String], _ index: ModuleIndex, _ release: KernelRelease, rootType: String,
    name: String
  ) throws -> DiscoveredLists {
    let aliases = AliasLookup(index)
    aliases.prepare(modaliases + ["fs-\(rootType)"])
    let fileSystems = aliases.positions(of: "fs-\(rootType)")
    guard
      !fileSystems.isEmpty || index.isBuiltIn(rootType) || aliases.isBuiltIn("fs-\(rootType)")
    else {
      throw KitError(
        .invalid, "kernel \(release) has no file system \(rootType.quoted)",
        advice: "give another --root-type")
    }
    var wanted: [(position: Int, reason: String)] = []
    var others: [(position: Int, reason: String)] = []
    for modalias in modaliases {
      for position in aliases.positions(of: modalias) {
        if isEarly(modalias) {
          wanted.append((position, modalias))
        } else {
          others.append((position, modalias))
        }
      }
    }
    for position in fileSystems {
      wanted.append((position, "root's file system, \(rootType)"))
    }
    func unique(_ found: [(position: Int, reason: String)]) -> [(position: Int, reason: String)] {
      var seen: Set<Int> = []
      return found.filter { seen.insert($0.position).inserted }
    }
    return DiscoveredLists(
      release, source: "a list of devices (\(name))", index: index, wanted: unique(wanted),
      others: unique(others))
  }

  /// Whether a device is a disk, a network card, a folder of the host, or on the way to one.
  private static func isEarly(_ modalias: String) -> Bool {
    // PCI's classes: mass storage, networks, USB; vendor 1AF4: virtio. Virtio's types: network, block,
    // SCSI, 9P, file system, persistent memory. USB's class 8: mass storage.
    if modalias.hasPrefix("pci:") {
      return modalias.hasPrefix("pci:v00001AF4")
        || ["bc01", "bc02", "bc0Csc03"].contains { modalias.contains($0) }
    }
    if modalias.hasPrefix("virtio:d") {
      return ["01", "02", "08", "09", "1A", "1B"].contains {
        modalias.hasPrefix("virtio:d000000\($0)")
      }
    }
    if modalias.hasPrefix("usb:") { return modalias.contains("ic08") }
    return ["scsi:", "acpi:LNRO0005", "vmbus:", "xen:vbd", "xen:vif", "mmc:", "nvme"].contains {
      modalias.hasPrefix($0)
    } || modalias.hasSuffix("Cvirtio,mmio") || modalias.hasSuffix("Cpci-host-ecam-generic")
  }
}

extension Substring {
  fileprivate func trimmingBlanks() -> String {
    var text = self
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
