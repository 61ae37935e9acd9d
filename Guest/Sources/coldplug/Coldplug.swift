#if !hasFeature(Embedded)
  import Formats
#endif

/// Loads the drivers of the devices that there are, and finds the root device among them.
///
/// The kernel is asked once for the devices that are there, and from then on tells of those that
/// come. It ends the loading of a module when the probing that it began has ended, so when all
/// modules are loaded, what is there is all there is, but for what is plugged in later.
struct Coldplug {
  struct Options {
    var root: DeviceName?
    /// What `root` was, to be printed.
    var rootText: [UInt8] = []
    /// Other file systems to be found by their label, if they are there.
    var label: [UInt8] = []
    /// Milliseconds to wait for the root device; nil for ever.
    var wait: Int? = 0
    var report: [UInt8] = []
    var isQuiet = false
    /// Which disks with something on them that is not known here end the wait for a file system's UUID or
    /// label: others may know it.
    var unknown = Unknown.none
    /// How many modules are loaded at once; nil to choose.
    var lanes: Int?
  }

  enum Unknown {
    case none
    /// Those that come while it waits.
    case late
    case all
  }

  private let options: Options
  private let tree: ModuleTree
  private let socket: Int32
  private var loader: ModuleLoader
  private var seen: [[UInt8]] = []
  private var root: BlockDevice?
  private var modulesDisks: [BlockDevice] = []
  /// Disks that hold file systems, if at all, behind another device.
  private var members: [BlockDevice] = []
  private var isUnknownThere = false
  private var isLate = false
  /// It was said that the modules disk is not root.
  private var isRefused = false

  init?(_ options: Options, _ tree: ModuleTree) {
    self.options = options
    self.tree = tree
    loader = ModuleLoader(tree, lanes: options.lanes ?? min(8, System.processors))
    // Before the first look, so that nothing comes between it and the first event.
    socket = System.openEvents()
    if socket < 0 { return nil }
  }

  enum Result {
    case done
    /// The wanted device is not there.
    case missing
    /// Nor is it, but for a disk that is not known here.
    case unknown
    case failed
  }

  mutating func run() -> Result {
    let start = System.uptime
    // This covers kernels that have the SCSI core built in.
    loader.disks.hold()
    let rest = loadFirst()
    lookAround()
    for request in rest { loader.add(request, isLater: true) }
    settle()
    if loader.disks.release() { settle() }
    if let wanted = options.root, isFound(wanted) { loadFileSystem() }
    if loader.cannotUnpack { return .failed }
    sayLoaded(milliseconds: System.uptime - start)
    let result = options.root.map { waitForRoot($0, since: start) } ?? .done
    NetworkOrder.apply(socket)
    return report() ? result : .failed
  }

  /// Waits for the root device as long as the options say.
  private mutating func waitForRoot(_ wanted: DeviceName, since start: Int) -> Result {
    if isFound(wanted) { return .done }
    isLate = true
    if options.unknown == .late { isUnknownThere = false }
    let mayBeUnknown = options.unknown != .none && wanted.isOfFileSystem
    // Who waits for ever is told even by a quiet machine.
    let patience = options.isQuiet ? 10_000 : 2000
    var isTold = false
    while !isFound(wanted) {
      let passed = System.uptime - start
      if let wait = options.wait, passed >= wait { return .missing }
      if mayBeUnknown, isUnknownThere { return .unknown }
      if !isTold, passed >= patience {
        isTold = true
        Console.say("waiting for " + options.rootText)
        for device in members { sayMember(device) }
      }
      // A path may be somebody else's doing, of which no event tells.
      let tick = isTold ? 500 : max(1, patience - passed)
      System.waitForEvents(
        socket, milliseconds: min(tick, 500, options.wait.map { $0 - passed } ?? 500))
      settle()
      if loader.cannotUnpack { return .failed }
    }
    loadFileSystem()
    return .done
  }

  private func sayMember(_ device: BlockDevice) {
    guard let kind = device.identity?.kind else { return }
    let text = device.path + " is there (" + [UInt8](kind.name)
    Console.say(text + "), but this initramfs does not set up LVM, LUKS or RAID")
  }

  private func sayLoaded(milliseconds: Int) {
    if options.isQuiet || loader.loaded == 0 && (options.root == nil || options.unknown == .late) {
      return
    }
    let hundredths = (milliseconds + 5) / 10
    let fraction = [UInt8](decimal: 100 + hundredths % 100).dropFirst()
    Console.say(
      [UInt8](decimal: loader.loaded) + " modules loaded in "
        + [UInt8](decimal: hundredths / 100) + "." + fraction + " s")
  }

  // MARK: Drivers

  /// Drivers that no device announces, in the order of their list.
  /// - Returns: what else is in the list: file systems and the like.
  private mutating func loadFirst() -> [ModuleTree.Request] {
    var rest: [ModuleTree.Request] = []
    let list = System.contents([UInt8]("/etc/modules.autoload")) ?? []
    for line in list.split(separator: 0x0a) {
      var words = ByteWords(Array(line.prefix { $0 != UInt8(ascii: "#") }))
      guard let name = words.next() else { continue }
      let requests = tree.requests(for: name)
      if requests.isEmpty, !tree.isBuiltin(name), !options.isQuiet {
        Console.say("there is no module " + name + ", which modules.autoload names")
      }
      for request in requests {
        if let entry = tree.entry(request.name), !tree.isDriver(entry.path) {
          rest.append(request)
        } else {
          loader.add(request)
        }
      }
      while loader.step() {}
    }
    return rest
  }

  /// The root's file system, for which mount would make the kernel start a modprobe.
  private mutating func loadFileSystem() {
    guard let kind = root?.identity?.kind else { return }
    for request in tree.requests(forAlias: [UInt8]("fs-") + kind.name) { loader.add(request) }
    while loader.step() {}
  }

  /// Asks for all devices that there are.
  private mutating func lookAround() {
    let buses = [UInt8]("/sys/bus")
    for bus in System.names(in: buses) {
      let devices = buses + "/" + bus + "/devices"
      for device in System.names(in: devices) {
        let folder = devices + "/" + device
        guard let alias = System.contents(folder + "/modalias")?.withoutNewline else { continue }
        if !EmptyController.isEmpty(folder, alias: alias) { request(alias) }
      }
    }
    // Not a bus, but evdev, which gives programs their events, has devices here.
    let inputs = [UInt8]("/sys/class/input")
    for input in System.names(in: inputs) {
      if let alias = System.contents(inputs + "/" + input + "/modalias")?.withoutNewline {
        request(alias)
      }
    }
    let blocks = [UInt8]("/sys/class/block")
    for name in System.names(in: blocks) {
      if let event = System.contents(blocks + "/" + name + "/uevent") {
        take(DeviceEvent(event, separator: 0x0a))
      }
    }
  }

  private mutating func request(_ alias: [UInt8]) {
    guard !alias.isEmpty, !seen.contains(alias) else { return }
    seen.append(alias)
    for request in tree.requests(forAlias: alias) {
      loader.add(
        request, isLater: tree.entry(request.name).map { ModuleTree.isForLater($0.path) } ?? false)
    }
  }

  /// Loads what is asked for, and what the devices that appear ask for, until there is nothing more.
  private mutating func settle() {
    repeat {
      takeEvents()
      // All controllers and the driver of disks are there.
      if !loader.isBusy, loader.disks.attach() { takeEvents() }
    } while loader.step()
  }

  private mutating func takeEvents() {
    while true {
      switch System.receiveEvent(socket) {
      case .nothing: return
      case .lost: lookAround()
      case .event(let bytes):
        let event = DeviceEvent(bytes, separator: 0)
        guard let action = event.value(of: "ACTION"), let subsystem = event.value(of: "SUBSYSTEM")
        else { continue }
        if subsystem.isText("block") {
          if action.isText("add") || action.isText("change") { take(event) }
        } else if action.isText("add"), let alias = event.value(of: "MODALIAS"),
          // Other classes than that of input devices have aliases as well; drivers belong to buses.
          subsystem.isText("input") || System.exists("/sys/bus/" + subsystem)
        {
          request(alias)
        }
      }
    }
  }

  // MARK: Disks

  /// Looks at what is on a disk that has come, or whose medium has.
  private mutating func take(_ event: DeviceEvent) {
    guard let device = BlockDevice(event) else { return }
    device.makeLinks()
    if device.isUnknown { isUnknownThere = true }
    if device.identity?.kind.isMember == true, !members.contains(where: { $0.path == device.path })
    {
      members.append(device)
    }
    if root == nil, let wanted = options.root, wanted.isNamed(device), mayBeRoot(device) {
      root = device
    }
    if !options.label.isEmpty, device.identity?.label == options.label,
      !modulesDisks.contains(where: { $0.path == device.path })
    {
      modulesDisks.append(device)
    }
  }

  private mutating func isFound(_ wanted: DeviceName) -> Bool {
    guard root == nil, case .path(let path) = wanted else { return root != nil }
    let position = DiskPosition(path)
    // Its node is there a moment before it can be read.
    guard let found = position.map({ DiskOrder.path($0) }) ?? path, System.isBlockDevice(found),
      OpenDisk.canBeRead(found),
      let device = BlockDevice(DeviceEvent("DEVNAME=" + Array(found.dropFirst(5)), separator: 0)),
      mayBeRoot(device)
    else { return false }
    if found != path {
      Console.say(path + " is " + found + " here, by the order of the controllers' addresses")
    }
    root = device
    return true
  }

  /// The modules disk is never root, whatever names it; it is looked for by its label with
  /// `--root LABEL=`.
  private mutating func mayBeRoot(_ device: BlockDevice) -> Bool {
    guard !options.label.isEmpty, device.identity?.label == options.label,
      options.rootText != "LABEL=" + options.label
    else { return true }
    if !isRefused {
      isRefused = true
      Console.say(
        options.rootText + " is " + device.path + ", the disk labelled " + options.label
          + ", which is never root")
    }
    return false
  }

  // MARK: Handing over

  /// Tells init what was found: a line a device, and a last one so that it is known to be whole.
  private func report() -> Bool {
    var text: [UInt8] = []
    func line(_ what: StaticString, _ device: BlockDevice?) {
      guard let device else { return }
      text += what
      text += " " + device.path + " "
      text += device.identity?.kind.name ?? "-"
      switch device.isCheckDue {
      case true?: text += " due\n"
      case false?: text += " clean\n"
      case nil: text += " -\n"
      }
    }
    line("root", root)
    for disk in modulesDisks { line("modules", disk) }
    text += isLate ? "end late\n" : "end\n"
    return options.report.isEmpty || System.writeFile(options.report, text)
  }
}
