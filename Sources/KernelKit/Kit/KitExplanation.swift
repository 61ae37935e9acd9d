internal import Formats

/// Why a kit's RAM disk has what it has, and what that costs.
public struct KitExplanation {
  /// Bytes.
  public struct Cost: Codable, Sendable, Hashable {
    /// As it stands in the RAM disk.
    public var size: Int
    /// Compressed by itself, in the way that the RAM disk is. The whole compresses a little better.
    public var compressed: Int

    public init(size: Int, compressed: Int) {
      self.size = size
      self.compressed = compressed
    }
  }

  /// A module, or another file of the RAM disk.
  public struct Item: Codable, Sendable, Hashable {
    public enum Place: String, Codable, Sendable, Hashable {
      case ramDisk = "in the RAM disk"
      case builtin = "built into the kernel"
      case modulesDisk = "on the modules disk"
    }

    public var name: String
    /// Below lib/modules/VER; from the RAM disk's root for what is no module.
    public var path: String
    public var place: Place
    /// Lines of lists, modules that need it.
    public var reasons: [String]
    /// Names of all modules that it needs.
    public var needs: [String]
    /// Names of those modules in the RAM disk that can't be loaded without it.
    public var neededBy: [String]
    /// A module's; nil for one that is built in, and for other files of the RAM disk.
    public var cost: Cost?
    /// Names of those that would leave the RAM disk together with it, or come together with it.
    public var onlyItNeeds: [String]
    /// Of it and of those.
    public var costWithThose: Cost?
  }

  /// A module that takes a device.
  public struct Driver: Codable, Sendable, Hashable {
    public var name: String
    public var path: String
    public var place: Item.Place
  }

  public let kit: Kit
  private let ramDisk: RamDiskContent
  private let catalog: ModuleCatalog?
  private let manifest: Manifest?

  public init(_ kit: Kit, jobs: Int) throws {
    self.kit = kit
    ramDisk = try RamDiskContent(kit.initramfs, kit.release, keepingModules: true)
    catalog = try ModuleCatalog.of(kit, jobs: jobs)
    manifest = try kit.manifest()
  }

  /// Every module of the RAM disk, by path.
  public func modules() throws -> [Item] {
    let index = ramDisk.index
    return try index.modules.indices.filter { ramDisk.hasFile(of: index.modules[$0]) }
      .sorted { index.modules[$0].path < index.modules[$1].path }.map(module)
  }

  /// A module by its name or path, or a file of the RAM disk by its path.
  /// - Throws: `KitError.missing` when neither the RAM disk nor the kernel has it.
  public func item(_ text: String) throws -> Item {
    let path = text.split(separator: "/").joined(separator: "/")
    if let file = ramDisk.files[path], !ModuleName.isModuleFile(path) {
      return self.file(path, file)
    }
    let name = ModuleName.name(ofPath: path)
    if let position = ramDisk.index.position(of: name),
      ramDisk.hasFile(of: ramDisk.index.modules[position])
    {
      return try module(position)
    }
    let index = catalog?.index ?? ramDisk.index
    if let catalog, let position = catalog.index.position(of: name) {
      return try absent(position, catalog)
    }
    if index.isBuiltin(name) {
      let path = ModuleIndex.lines(index.lists.builtin ?? []).first {
        ModuleName.name(ofPath: $0) == name
      }
      return Item(
        name: name, path: path ?? name, place: .builtin, reasons: listed(name), needs: [],
        neededBy: [], onlyItNeeds: [])
    }
    let nearest = NearestName.name(
      to: name, among: index.modules.map(\.name) + index.builtinNames.sorted())
    throw KitError(
      .missing, "kernel \(kit.release) has no module \(name.quoted)",
      advice: nearest.map { "the nearest is \($0)" })
  }

  /// Which modules modprobe would load for a device.
  public func drivers(of modalias: String) throws -> [Driver] {
    let index = catalog?.index ?? ramDisk.index
    let search = AliasSearch([modalias], in: index)
    let inside = ramDisk.moduleNames
    return (search.modules[modalias] ?? []).map { position in
      let module = index.modules[position]
      return Driver(
        name: module.name, path: module.path,
        place: inside.contains(module.name) ? .ramDisk : .modulesDisk)
    }
  }

  /// Drivers that the profiles know for a device, and that this kernel has built in. Kernels before
  /// 6.18 don't say which devices their built-in drivers take.
  public func builtinDrivers(of modalias: String) -> [String] {
    let index = catalog?.index ?? ramDisk.index
    let known = ModuleProfile.all.flatMap { $0.list.entries }.compactMap { entry -> [String]? in
      guard case .device(modalias, let drivers) = entry.request(.names) else { return nil }
      return drivers
    }
    return Set(known.joined()).filter { index.isBuiltin($0) }.sorted()
  }

  // MARK: -

  private func module(_ position: Int) throws -> Item {
    let index = ramDisk.index
    let module = index.modules[position]
    let others = exclusive(to: position)
    return Item(
      name: module.name, path: module.path, place: .ramDisk,
      reasons: manifest?.initramfsModules.first { $0.path == module.path }?.reasons ?? [],
      needs: names(index, index.closure(of: position)),
      neededBy: names(
        index, index.modules.indices.filter { index.closure(of: $0).contains(position) }),
      cost: try cost([position]), onlyItNeeds: names(index, others),
      costWithThose: others.isEmpty ? nil : try cost([position] + others))
  }

  /// A module that is not in the RAM disk, and what it would bring there.
  private func absent(_ position: Int, _ catalog: ModuleCatalog) throws -> Item {
    let index = catalog.index
    let module = index.modules[position]
    let inside = ramDisk.moduleNames
    let all = Self.reach(index, from: [position])
    let others = all.filter { $0 != position && !inside.contains(index.modules[$0].name) }.sorted()
    func bytes(_ position: Int) throws -> [UInt8] {
      try Compression.decompress(
        catalog.contents(of: index.modules[position].path), limit: ModuleTree.sizeLimit)
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
      ? "an index of the RAM disk's modules"
      : path == "etc/modules.autoload" ? "the names of modules.autoload" : "the template"
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
  private func exclusive(to position: Int) -> [Int] {
    guard let manifest else { return [] }
    let index = ramDisk.index
    let listed = Set(
      manifest.initramfsModules.filter { $0.reasons.contains { $0.contains(": ") } }.map(\.path))
    let roots = index.modules.indices.filter { listed.contains(index.modules[$0].path) }
    let without = Self.reach(index, from: roots.filter { $0 != position }, avoiding: position)
    return Self.reach(index, from: [position]).subtracting(without).subtracting([position]).sorted()
  }

  /// All that modules lead to, themselves among it.
  private static func reach(
    _ index: ModuleIndex, from roots: [Int], avoiding avoided: Int? = nil
  ) -> Set<Int> {
    let aliases = ModuleAliases(index)
    var reached: Set<Int> = []
    var queue = roots
    while let position = queue.popLast() {
      guard position != avoided, reached.insert(position).inserted else { continue }
      queue += index.modules[position].dependencies
      let soft = index.softDependencies(of: position) + index.weakDependencies(of: position)
      queue += soft.flatMap(aliases.positions)
    }
    return reached
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
