#if !hasFeature(Embedded)
  import Formats
#endif

/// Loads modules, each once and after those that it needs; several at once where that is allowed.
struct ModuleLoader {
  private enum State: Equatable {
    case planned
    /// In a process of its own.
    case running(Int)
    case done
  }

  private struct Module {
    var name: [UInt8]
    var path: [UInt8]
    var arguments: [UInt8]
    var state: State
    /// Positions of modules that have to be done before, whether they could be loaded or not.
    var needs: [Int]
    /// Loaded while drivers wait for their devices to answer.
    var isLater: Bool

    func isPlanned(later: Bool) -> Bool { state == .planned && isLater == later }
  }

  private let tree: ModuleTree
  /// How many are loaded at once, besides one that waits for devices.
  private let lanes: Int
  private var modules: [Module] = []
  /// Names of modules whose needs are being looked up: they can't wait for one that needs them.
  private var open: [[UInt8]] = []
  private var running = 0
  /// How many are in the kernel because of this program.
  private(set) var loaded = 0
  /// Disks get their letters in the order of their addresses.
  var disks = DiskOrder()
  /// Compressed modules were refused.
  private var hasRefused = false
  /// Compressed modules were taken: what is refused is refused for another reason.
  private var hasUnpacked = false
  /// Modules are compressed in a way that the kernel can't undo: another modprobe may unpack them itself.
  var cannotUnpack: Bool { hasRefused && !hasUnpacked }

  /// This is true while a driver that something may depend on is still to be loaded.
  var isBusy: Bool { modules.contains { !$0.isLater && $0.state != .done } }

  init(_ tree: ModuleTree, lanes: Int) {
    self.tree = tree
    self.lanes = lanes
  }

  // MARK: Planning

  /// Plans a module and what it needs: its dependencies, and its softdeps as far as they are there.
  /// modules.weakdep is only about what has to be in the RAM disk: those ask for modules themselves.
  /// - Parameter isLater: there is no hurry: nothing that is looked for depends on it.
  mutating func add(_ request: ModuleTree.Request, isLater: Bool = false) {
    _ = plan(request, isLater)
  }

  /// - Returns: the module's position; nil when there is none that could be waited for.
  private mutating func plan(_ request: ModuleTree.Request, _ isLater: Bool) -> Int? {
    let name = request.name
    if let known = modules.firstIndex(where: { $0.name == name }) {
      if !isLater { hurry(known) }
      return known
    }
    // Softdeps may lead in circles, and an index may be made to.
    guard !open.contains(name), open.count < 100, !tree.configuration.isForbidden(name),
      let entry = tree.entry(name)
    else { return nil }
    if let command = tree.configuration.command(for: name) {
      // It stands for the module: usually /bin/false, to keep it away.
      if !command.lastPathPart.isText("true"), !command.lastPathPart.isText("false") {
        Console.say(name + " has an install line in etc/modprobe.d, which is not run here")
      }
      return nil
    }
    open.append(name)
    var needs: [Int] = []
    let soft = tree.configuration.softDependency(of: name)
    for path in entry.needed {
      let need = ModuleTree.Request(name: ModuleTree.name(ofPath: path))
      if let need = plan(need, isLater) { needs.append(need) }
    }
    for word in soft?.before ?? [] {
      for request in tree.requests(for: word) {
        if let need = plan(request, isLater) { needs.append(need) }
      }
    }
    open.removeLast()
    needs += transports(before: request)
    let position = modules.count
    modules.append(
      Module(
        name: name, path: entry.path,
        arguments: tree.configuration.options(of: name, alias: request.alias), state: .planned,
        needs: needs, isLater: isLater))
    for word in soft?.after ?? [] {
      for request in tree.requests(for: word) {
        let count = modules.count
        if let later = plan(request, isLater), later >= count {
          modules[later].needs.append(position)
        }
      }
    }
    return position
  }

  /// virtio's buses, for their devices' drivers and for one another: devices get their numbers in one order
  /// when all of them are there before the first driver is, and no two buses look for them at once.
  private func transports(before request: ModuleTree.Request) -> [Int] {
    let buses: [StaticString] = ["virtio_pci", "virtio_mmio"]
    guard
      request.alias?.startsWithText("virtio:") ?? false
        || buses.contains(where: { request.name.isText($0) })
    else { return [] }
    return modules.indices.filter { position in
      modules[position].state != .done && buses.contains { modules[position].name.isText($0) }
    }
  }

  private mutating func hurry(_ position: Int) {
    guard modules[position].isLater else { return }
    modules[position].isLater = false
    for need in modules[position].needs { hurry(need) }
  }

  /// What would be loaded, in order: path and arguments.
  var plan: [(path: [UInt8], arguments: [UInt8])] {
    modules.map { (tree.file($0.path), $0.arguments) }
  }

  // MARK: Loading

  /// Begins with what is ready, and waits for one module to be loaded.
  /// - Returns: false when there is nothing left to do.
  mutating func step() -> Bool {
    while let position = next() {
      // A copy of this process for each, where something can be done beside.
      let isAlone =
        lanes == 1 && (modules[position].isLater || !modules.contains { $0.isPlanned(later: true) })
      guard !isAlone, let process = System.fork({ load(position) }) else {
        end(position, load(position))
        return true
      }
      modules[position].state = .running(process)
      running += 1
    }
    guard running > 0, let (process, result) = System.wait() else { return false }
    if let position = modules.firstIndex(where: { $0.state == .running(process) }) {
      running -= 1
      end(position, result)
    }
    return true
  }

  /// What can begin now. With the last of the drivers under way there is time for the rest: they
  /// mostly wait for answers.
  private func next() -> Int? {
    let hasDrivers = modules.contains { $0.isPlanned(later: false) }
    guard running < (hasDrivers ? lanes : lanes + 1) else { return nil }
    let ready = modules.indices.filter { position in
      modules[position].state == .planned
        && modules[position].needs.allSatisfy { modules[$0].state == .done }
    }
    return ready.first { !modules[$0].isLater } ?? ready.first
  }

  private func load(_ position: Int) -> Int32 {
    let module = modules[position]
    var arguments = module.arguments
    // The kernel would wait for the probing of all drivers; this one has nothing to probe.
    if !tree.isDriver(module.path) { arguments += " async_probe" }
    return System.loadModule(
      tree.file(module.path), arguments: arguments, isCompressed: !module.path.hasEnd(".ko"))
  }

  private mutating func end(_ position: Int, _ error: Int32) {
    modules[position].state = .done
    let name = modules[position].name
    if name.isText("scsi_mod") { disks.hold() }
    let isCompressed = !modules[position].path.hasEnd(".ko")
    switch error {
    // EEXIST: it is there. ENODEV: it says that there is nothing for it to do.
    case 0, 17, 19:
      if error == 0 { loaded += 1 }
      if isCompressed { hasUnpacked = true }
    default:
      if isCompressed, !hasUnpacked, [8, 22, 95].contains(error) {
        if !hasRefused {
          Console.say(name + " is compressed in a way that this kernel can't undo")
        }
        hasRefused = true
      } else {
        Console.say("can't load " + name + " (error " + [UInt8](decimal: Int(error)) + ")")
      }
    }
  }
}
