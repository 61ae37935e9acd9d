internal import Basics
internal import Formats
internal import Machines
internal import Modules

/// Why a kit's RAM disk has what it has, and what that costs.
package struct KitExplanation {
  /// Bytes.
  package struct Cost: Codable, Sendable, Hashable {
    /// As it stands in the RAM disk.
    package var size: Int
    /// Compressed by itself, in the way that the RAM disk is. The whole compresses a little better.
    package var compressed: Int

    package init(size: Int, compressed: Int) {
      self.size = size
      self.compressed = compressed
    }
  }

  /// A module, or another file of the RAM disk.
  package struct Item: Codable, Sendable, Hashable {
    package enum Place: String, Codable, Sendable, Hashable {
      case ramDisk = "ram-disk"
      case builtIn = "built-in"
      case modulesDisk = "modules-disk"

      /// As people read it.
      package var text: String {
        switch self {
        case .ramDisk: "in the initramfs"
        case .builtIn: "built into the kernel"
        case .modulesDisk: "on the modules disk"
        }
      }
    }

    package var name: String
    /// Below lib/modules/VER; from the RAM disk's root for what is no module.
    package var path: String
    package var place: Place
    /// Lines of lists, modules that need it.
    package var reasons: [String]
    /// Names of all modules that it needs.
    package var needs: [String]
    /// Names of those modules in the RAM disk that can't be loaded without it.
    package var neededBy: [String]
    /// A module's; nil for one that is built in, and for other files of the RAM disk.
    package var cost: Cost?
    /// Names of those that would leave the RAM disk together with it, or come together with it.
    package var onlyItNeeds: [String]
    /// Of it and of those.
    package var costWithThose: Cost?
  }

  /// A module that takes a device.
  package struct Driver: Codable, Sendable, Hashable {
    package var name: String
    package var path: String
    package var place: Item.Place
  }

  package let kit: Kit
  private let ramDisk: RamDiskContent
  /// Of the kernel; nil where it is not known.
  private let kernel: (modules: any ModuleStore, index: ModuleIndex)?
  private let manifest: Manifest?

  /// - Throws: `KitError` and `FormatError` for a kit whose RAM disk, modules disk or manifest can't be read.
  package init(_ kit: Kit, jobs: Int) throws {
    self.kit = kit
    ramDisk = try RamDiskContent(kit.initramfs, kit.release, keepingModules: true)
    kernel = try kit.modules(jobs: jobs).map { ($0, try $0.index()) }
    manifest = try kit.manifest()
  }

  /// Every module of the RAM disk, by path.
  package func modules() throws -> [Item] {
    let index = ramDisk.index
    let relations = relations()
    return try index.modules.indices.filter { ramDisk.hasFile(of: index.modules[$0]) }
      .sorted { index.modules[$0].path < index.modules[$1].path }
      .map { try module($0, relations) }
  }

  /// A module by its name or path, or a file of the RAM disk by its path.
  /// - Throws: `KitError.missing` when neither the RAM disk nor the kernel has it.
  package func item(_ text: String) throws -> Item {
    let path = text.split(separator: "/").joined(separator: "/")
    if let file = ramDisk.files[path], !ModuleName.isModuleFile(path) {
      return self.file(path, file)
    }
    let name = ModuleName.name(ofPath: path)
    if let position = ramDisk.index.position(of: name),
      ramDisk.hasFile(of: ramDisk.index.modules[position])
    {
      return try module(position, relations())
    }
    let index = kernel?.index ?? ramDisk.index
    if let kernel, let position = kernel.index.position(of: name) {
      return try absent(position, kernel.modules, kernel.index)
    }
    if index.isBuiltIn(name) {
      let path = ModuleIndex.lines(index.lists.builtin ?? []).first {
        ModuleName.name(ofPath: $0) == name
      }
      return Item(
        name: name, path: path ?? name, place: .builtIn, reasons: listed(name), needs: [],
        neededBy: [], onlyItNeeds: [])
    }
    let configuration = try kit.configuration()
    if configuration?.hasBuiltIn(module: name) == true {
      return Item(
        name: name, path: "CONFIG_\(DriverOptions.option(of: name))", place: .builtIn,
        reasons: listed(name),
        needs: [], neededBy: [], onlyItNeeds: [])
    }
    if try kit.hasNoModules {
      throw KitError(
        .missing, "kernel \(kit.release) was built without modules, and has no \(name.quoted)",
        advice: "its options are in config-\(kit.release)")
    }
    if let other = KernelFlavour.package(with: name, insteadOf: kit.release, configuration) {
      throw KitError(
        .missing, "kernel \(kit.release) has no module \(name.quoted)", advice: other)
    }
    let nearest = NearestName.name(
      to: name, among: index.modules.map(\.name) + index.builtinNames.sorted())
    let advice = [nearest.map { "the nearest is \($0)" }, whereElse].compactMap { $0 }
    throw KitError(
      .missing, "kernel \(kit.release) has no module \(name.quoted)",
      advice: advice.isEmpty ? nil : advice.joined(separator: "; "))
  }

  /// What may have a module that this kernel has not; nil where nothing is known to.
  package var whereElse: String? {
    KernelFlavour.mayHave(
      insteadOf: kit.release, packages: (manifest?.inputs ?? []).compactMap(\.package))
  }

  /// What takes a device.
  /// - Returns: the modules that modprobe would load, and the names of drivers that are built in: those
  ///   that the kernel lists, and those that the profiles know, as kernels before 6.18 list hardly any.
  package func drivers(of modalias: String) -> (modules: [Driver], builtIn: [String]) {
    let index = kernel?.index ?? ramDisk.index
    let search = AliasSearch([modalias], in: index)
    let inside = ramDisk.moduleNames
    let modules = (search.modules[modalias] ?? []).map { position in
      let module = index.modules[position]
      return Driver(
        name: module.name, path: module.path,
        place: inside.contains(module.name) ? .ramDisk : .modulesDisk)
    }
    let known = ModuleProfile.all.flatMap { $0.list.entries }.compactMap { entry -> [String]? in
      guard case .device(modalias, let drivers) = entry.request(.names) else { return nil }
      return drivers
    }
    let builtIn = (search.builtIn[modalias] ?? []).union(
      known.joined().filter { index.isBuiltIn($0) })
    return (modules, builtIn.sorted())
  }

  // MARK: -

  /// How the RAM disk's modules hang together, by their positions.
  private struct Relations {
    var needs: [[Int]]
    var neededBy: [[Int]]
    var reach: ModuleReach
    var reasons: [String: [String]]
    /// Those that a list asks for.
    var listed: [Int]
  }

  private func relations() -> Relations {
    let index = ramDisk.index
    var walk = DependencyWalk(index.modules)
    let needs = index.modules.indices.map { walk.closure(of: $0) }
    var neededBy = [[Int]](repeating: [], count: needs.count)
    for (position, needed) in needs.enumerated() {
      for other in needed { neededBy[other].append(position) }
    }
    let reasons = Dictionary(
      (manifest?.initramfsModules ?? []).map { ($0.path, $0.reasons) },
      uniquingKeysWith: { first, _ in first })
    return Relations(
      needs: needs, neededBy: neededBy, reach: ModuleReach(index), reasons: reasons,
      listed: index.modules.indices.filter { position in
        reasons[index.modules[position].path]?.contains { $0.contains(": ") } == true
      })
  }

  private func module(_ position: Int, _ relations: Relations) throws -> Item {
    let index = ramDisk.index
    let module = index.modules[position]
    let others = manifest == nil ? [] : exclusive(to: position, relations)
    return Item(
      name: module.name, path: module.path, place: .ramDisk,
      reasons: relations.reasons[module.path] ?? [],
      needs: names(index, relations.needs[position]),
      neededBy: names(index, relations.neededBy[position]),
      cost: try cost([position]), onlyItNeeds: names(index, others),
      costWithThose: others.isEmpty ? nil : try cost([position] + others))
  }

  /// A module that is not in the RAM disk, and what it would bring there.
  private func absent(
    _ position: Int, _ modules: any ModuleStore, _ index: ModuleIndex
  ) throws -> Item {
    let module = index.modules[position]
    let inside = ramDisk.moduleNames
    let all = ModuleReach(index).all(from: [position])
    let others = index.modules.indices.filter {
      all[$0] && $0 != position && !inside.contains(index.modules[$0].name)
    }
    func bytes(_ position: Int) throws -> [UInt8] {
      try Compression.decompress(
        modules.contents(of: index.modules[position].path), limit: ModuleTree.sizeLimit)
    }
    return Item(
      name: module.name, path: module.path, place: .modulesDisk, reasons: [],
      needs: names(index, index.closure(of: position)), neededBy: [],
      cost: try measure([bytes(position)]), onlyItNeeds: names(index, others),
      costWithThose: others.isEmpty ? nil : try measure(([position] + others).map(bytes)))
  }

  private func file(_ path: String, _ file: RamDiskContent.File) -> Item {
    var reason =
      path.hasPrefix("lib/modules/\(kit.release)/")
      ? "an index of the initramfs's modules"
      : path == "etc/modules.autoload" ? "the names of modules.autoload" : "the template"
    if path.hasPrefix("kernel/"), path.hasSuffix(".bin") || path.hasSuffix(".aml") {
      reason = "data for the kernel's start (microcode, ACPI tables)"
    }
    if ramDisk.archives > 1 { reason += ", in archive \(file.archive) of \(ramDisk.archives)" }
    if let target = file.target { reason += ", a link to \(target)" }
    if let program = manifest?.programs.first(where: { $0.path == path }) {
      reason +=
        ": \([program.package ?? program.origin, program.version].compactMap { $0 }.joined(separator: " "))"
    }
    return Item(
      name: FileTree.name(of: path), path: path, place: .ramDisk, reasons: [reason], needs: [],
      neededBy: [], onlyItNeeds: [])
  }

  /// Lines of lists that asked for what is built in.
  private func listed(_ name: String) -> [String] {
    (manifest?.initramfsAbsent ?? []).filter { absence in
      absence.isBuiltIn
        && absence.entry.split(separator: " ").contains { ModuleName.name(ofPath: $0) == name }
    }.map { "\($0.list):\($0.line): \($0.entry)" }
  }

  /// Those that would leave with a module: no list asks for them, and nothing else leads to them.
  private func exclusive(to position: Int, _ relations: Relations) -> [Int] {
    let brought = relations.reach.all(from: [position])
    let without = relations.reach.all(from: relations.listed, avoiding: position)
    return brought.indices.filter { brought[$0] && !without[$0] && $0 != position }
  }

  private func names(_ index: ModuleIndex, _ positions: [Int]) -> [String] {
    positions.map { index.modules[$0].name }.sorted()
  }

  private func cost(_ positions: [Int]) throws -> Cost {
    try measure(positions.map { ramDisk.contents(of: ramDisk.index.modules[$0]) ?? [] })
  }

  private func measure(_ files: [[UInt8]]) throws -> Cost {
    let all = Array(files.joined())
    // What can't be written again is shown as it stands.
    let compressed = (try? ramDisk.compression.compress(all)) ?? all
    return Cost(size: all.count, compressed: compressed.count)
  }
}
