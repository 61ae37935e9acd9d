package import Basics
internal import Formats
package import Machines
internal import Modules

/// Whether a kernel with its RAM disk will find its root disk on a machine, found out without booting.
///
/// For every device on the way, and for the file system, modprobe in the RAM disk is asked what it
/// would load; what is built in is looked up in modules.builtin and in the kernel's configuration.
package struct RootCheck {
  /// Whether a driver that is needed is there, and where.
  package enum State: String, Codable, Sendable, Hashable {
    case builtIn = "built-in"
    case inRAMDisk = "ram-disk"
    case onRoot = "root"
    case missing
    /// There is no configuration to look it up in.
    case unknown

    /// As people read it.
    package var text: String {
      switch self {
      case .builtIn: "built in"
      case .inRAMDisk: "in the initramfs"
      case .onRoot: "on the root disk"
      case .missing: "MISSING"
      case .unknown: "unknown"
      }
    }
  }

  /// Something that has to be there.
  package struct Step: Codable, Sendable, Hashable {
    /// `console`, `bus`, `device`, `file system`, `modules disk`; of a root disk `init`, `loader`, `modules folder`.
    package var kind: String
    /// The step in words: a device, a file system, an option.
    package var name: String
    /// Whether it can be taken.
    package var state: State
    /// The module or the option that it is.
    package var driver: String?
    /// What the kernel asks modprobe for.
    package var modalias: String?
    /// Whether root can be reached without it.
    package var isOptional: Bool
    /// Of what is missing: what is wrong, and what to do.
    package var problem: String?
    /// What to do where it is missing; nil for nothing.
    package var advice: String?
  }

  /// The way to root on one machine, step by step.
  package struct Report: Codable, Sendable, Hashable {
    /// The kernel's release.
    package var kernel: String
    /// The machine, as `--machine` takes it.
    package var machine: String
    /// How the root disk is attached.
    package var disk: String
    /// The file systems that are looked for.
    package var rootTypes: [String]
    /// Whether no step that is needed is missing.
    package var reachesRoot: Bool
    /// Whether the root disk has an init that the kernel can run; nil where no disk was looked at.
    package var startsInit: Bool?
    /// The steps, from the console to the file system.
    package var steps: [Step]

    /// - Returns: nil when root can be reached.
    package var error: KitError? {
      guard let step = steps.first(where: { $0.state == .missing && !$0.isOptional }) else {
        return nil
      }
      guard !reachesRoot else {
        return KitError(
          .invalid, "the root disk can't start: \(step.problem ?? step.name)", advice: step.advice)
      }
      return KitError(
        .invalid,
        "root can't be reached on \(machine) by \(disk): \(step.problem ?? step.name)",
        advice: step.advice)
    }
  }

  private let release: KernelRelease
  /// All of the kernel's modules.
  private let kernel: ModuleIndex
  private let configuration: KernelConfiguration?
  /// Names of the modules in the RAM disk.
  let inside: Set<String>
  /// Those of them that neither the kernel nor busybox unpacks, which knows gzip and xz.
  private let packed: Set<String>
  private let hasModulesDisk: Bool
  /// What is wrong with the RAM disk as a whole.
  private var ramDiskProblems: [Step] = []
  private let aliases: AliasLookup

  /// - Parameters:
  ///   - kernel: all of its modules.
  ///   - inside: paths of the modules in the RAM disk.
  init(
    _ release: KernelRelease, kernel: ModuleIndex, configuration: KernelConfiguration?,
    inside: [String], hasModulesDisk: Bool
  ) {
    self.release = release
    self.kernel = kernel
    self.configuration = configuration
    self.inside = Set(inside.map { ModuleName.name(ofPath: $0) })
    packed = Set(
      inside.filter { $0.hasSuffix(".zst") && configuration?.unpacksModule($0) == false }
        .map { ModuleName.name(ofPath: $0) })
    self.hasModulesDisk = hasModulesDisk
    aliases = AliasLookup(kernel)
    aliases.prepare(["fs-ext4"])
  }

  /// Of a kit's files. Without a modules disk, all that is known is what the RAM disk has.
  /// - Throws: `KitError` and `FormatError` for a kit whose RAM disk or modules disk can't be read.
  package init(_ kit: Kit, jobs: Int) throws {
    let ramDisk = try RamDiskContent(kit.initramfs, kit.release)
    let index = try kit.modules(jobs: jobs)?.index()
    let configuration = try kit.configuration()
    self.init(
      kit.release, kernel: index ?? ramDisk.index, configuration: configuration,
      inside: ramDisk.modulePaths, hasModulesDisk: kit.modulesDisk != nil)
    ramDiskProblems = Self.problems(of: ramDisk, kit.release, configuration)
  }

  /// - Parameter rootTypes: file systems that are mounted to get at root, such as ext4, or squashfs and
  ///   overlay. virtiofs needs no disk.
  /// - Throws: `KitError.usage` for a disk that the machine has not.
  package func report(
    _ machine: CheckedMachine, disk: MachineDisk.Bus, rootTypes: [String] = ["ext4"]
  ) throws -> Report {
    guard machine.buses.contains(disk) else {
      throw KitError(
        .usage, "the machine \(machine.name) has no \(disk.rawValue) disks",
        advice: "it has \(machine.buses.map(\.rawValue).joined(separator: ", "))")
    }
    var console = option(
      "console", machine.console.device, machine.console.options, isOptional: true)
    if !machine.hasConsole {
      console.state = .missing
      console.problem = "the machine has no serial port"
    }
    var bus = option("bus", machine.busOptions.joined(separator: ", "), machine.busOptions)
    if let obstacle = machine.obstacle {
      (bus.state, bus.problem, bus.advice) = (.missing, obstacle.problem, obstacle.advice)
    }
    var steps = [console, bus]
    steps += ramDiskProblems
    let isShared = rootTypes.contains("virtiofs")
    prepare([(machine, disk), (machine, .virtioBlk)])
    for device in isShared ? machine.devicesToSharedFolder : machine.devices(to: disk) {
      steps.append(step("device", device, on: machine))
    }
    for type in rootTypes { steps += fileSystem(type, on: machine) }
    if hasModulesDisk {
      let missing =
        (machine.devices(to: .virtioBlk).map { step("modules disk", $0, on: machine) }
        + fileSystem("ext4", on: machine)).first { $0.state == .missing }
      if var missing {
        missing.kind = "modules disk"
        missing.isOptional = true
        steps.append(missing)
      }
    }
    return Report(
      kernel: release.description, machine: machine.name,
      disk: isShared ? "virtiofs" : disk.rawValue, rootTypes: rootTypes,
      reachesRoot: !steps.contains { $0.state == .missing && !$0.isOptional }, steps: steps)
  }

  /// Why a guest won't have a network card, whatever is mounted: the kernel has no driver of it; nil where it has.
  package func problem(of network: NetworkDevice, on machine: MachineModel) -> KitError? {
    let device = network.card.device
    aliases.prepare([device.modalias])
    guard step("network card", device, on: CheckedMachine(machine)).driver == nil,
      !aliases.isBuiltIn(device.modalias)
    else { return nil }
    return KitError(
      .invalid, "kernel \(release) has no driver for the \(device.name): the guest won't see it",
      advice: KernelFlavour.package(with: device.drivers[0], insteadOf: release, configuration)
        ?? "use another --net")
  }

  /// Looks up at once what several reports will ask for.
  func prepare(_ places: [(machine: CheckedMachine, disk: MachineDisk.Bus)]) {
    aliases.prepare(places.flatMap { $0.machine.devices(to: $0.disk).map(\.modalias) })
  }

  private func fileSystem(_ type: String, on machine: CheckedMachine) -> [Step] {
    // mount(2) has the kernel ask for the alias of a type that it does not know.
    var steps = [
      step(
        "file system",
        CheckedMachine.Device(name: type, modalias: "fs-\(type)", drivers: [type]), on: machine)
    ]
    if type == "vfat", let configuration {
      let names = [
        configuration.text(of: "FAT_DEFAULT_CODEPAGE").map { "nls_cp\($0)" },
        configuration.text(of: "FAT_DEFAULT_IOCHARSET").map { "nls_\($0)" },
      ].compactMap { $0 }.map { ModuleName.normalized($0) }
      for name in names where name != "nls_utf8" {
        steps.append(
          step(
            "file system", CheckedMachine.Device(name: name, modalias: name, drivers: [name]),
            on: machine))
      }
    }
    return steps
  }

  private func option(
    _ kind: String, _ name: String, _ options: [String], isOptional: Bool = false
  ) -> Step {
    var step = Step(kind: kind, name: name, state: .unknown, isOptional: isOptional)
    guard let configuration else { return step }
    let all = options.map { "CONFIG_\($0)" }.joined(separator: ", ")
    if let missing = options.first(where: { !configuration.isBuiltIn($0) }) {
      step.state = .missing
      step.problem = "kernel \(release) was built without CONFIG_\(missing)"
      step.advice = "use another kernel, or another machine"
    } else {
      step.state = .builtIn
      step.driver = all
    }
    return step
  }

  private func step(
    _ kind: String, _ device: CheckedMachine.Device, on machine: CheckedMachine
  ) -> Step {
    var step = Step(
      kind: kind, name: device.name, state: .missing, modalias: device.modalias, isOptional: false)
    if let builtin = device.drivers.first(where: {
      kernel.isBuiltIn($0) || configuration?.hasBuiltIn(module: $0) == true
    }) {
      step.state = .builtIn
      step.driver = builtin
      return step
    }
    if aliases.isBuiltIn(device.modalias) {
      step.state = .builtIn
      return step
    }
    var candidates = aliases.positions(of: device.modalias).map { kernel.modules[$0] }
    // Some drivers announce more than they take: ata_generic every IDE controller.
    let named = candidates.filter { device.drivers.contains($0.name) }
    if named.isEmpty {
      candidates.removeAll { $0.name == "ata_generic" }
    } else {
      candidates = named
    }
    for candidate in candidates where inside.contains(candidate.name) {
      step.state = .inRAMDisk
      step.driver = candidate.name
      if let packed = packedNeed(of: candidate.name) {
        step.state = .missing
        step.problem =
          "\(packed) is compressed in the initramfs, in a format that kernel \(release) can't decompress"
        step.advice = "build it without --modules-as-shipped"
      } else if let needed = missingNeed(of: candidate.name) {
        step.state = .missing
        step.problem = "\(candidate.name) is in the initramfs, but not \(needed), which it needs"
        step.advice = "build the kit again"
      }
      return step
    }
    guard let candidate = candidates.first else {
      step.problem = "kernel \(release) has no driver for \(device.name)"
      let other = kind == "file system" ? "file system" : "--disk or --machine"
      step.advice =
        "use another \(other), or another kernel, such as linux-image-\(machine.architecture.rawValue)"
      return step
    }
    step.driver = candidate.name
    step.problem =
      "the initramfs has no \(candidate.name), for \(device.name)"
    let line = ModuleName.listEntry(ofPath: candidate.path)
    step.advice =
      (profile(with: candidate.name, for: machine).map { "build it with --profile +\($0), or " }
        ?? "build it ")
      + "with a line \(line) in modules.ramfs"
    return step
  }

  /// The profile to advise for a module: one that is for the machine, or an addition.
  private func profile(with module: String, for machine: CheckedMachine) -> String? {
    let known = ModuleProfile.all.filter { $0.lists(module) }.map { profile in
      let places = (try? Self.places(of: profile, machine.architecture)) ?? []
      return (name: profile.name, machines: Set(places.map(\.machine.name)))
    }
    // `all` and `gns3` are larger than `qemu`, whose machines are theirs.
    return
      (known.last { $0.machines.contains(machine.name) } ?? known.first { $0.machines.isEmpty })?
      .name
  }

  /// Whether the RAM disk has drivers of other controllers of disks than these.
  func hasController(beside known: Set<String>) -> Bool {
    inside.subtracting(known).contains {
      kernel.position(of: $0).map { kernel.modules[$0].isController } == true
    }
  }

  /// A module that can't be unpacked: this one, or one that it needs.
  private func packedNeed(of name: String) -> String? {
    guard !packed.isEmpty, let position = kernel.position(of: name) else { return nil }
    return ([position] + kernel.closure(of: position)).map { kernel.modules[$0].name }
      .first(where: packed.contains)
  }

  /// A module that another one can't be loaded or does not work without, and that is not there.
  private func missingNeed(of name: String) -> String? {
    guard let position = kernel.position(of: name) else { return nil }
    let closure = kernel.closure(of: position)
    if let missing = closure.map({ kernel.modules[$0].name }).first(where: { !inside.contains($0) })
    {
      return missing
    }
    let wishes = ([position] + closure).flatMap(kernel.softDependencies)
    aliases.prepare(wishes)
    for wish in wishes where !aliases.isBuiltIn(wish) {
      let found = aliases.positions(of: wish).map { kernel.modules[$0].name }
      if !found.isEmpty, !found.contains(where: inside.contains) { return found[0] }
    }
    return nil
  }
}
