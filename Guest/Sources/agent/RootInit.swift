#if !hasFeature(Embedded)
  import Formats
#endif

/// The init of a root disk that `minivm root --init minivm` makes: runs the disk's command on the console as a
/// container engine would, and ends the machine when it ends.
///
/// OCI image specification 1.1, "OCI Image Configuration", has what a container image says of its command.
struct RootInit {
  /// Frames of the run channel: `hello`, the job, `start`.
  static let jobPath: StaticString = "/etc/minivm/job"

  /// Milliseconds that a command has to end after it was asked to, as docker stop gives it.
  private static let patience = 10_000

  private enum Signal {
    static let interrupt = 2
    static let kill = 9
    static let child = 17
    static let stop = 19
  }

  static func run() {
    Kernel.blockSignals(true)
    Kernel.catchRestart()
    RootFileSystem.prepare()
    guard let bytes = System.contents([UInt8](jobPath), limit: 1 << 24),
      let job = Job(stored: bytes)
    else {
      end(status: 125, [UInt8]("/etc/minivm/job can't be read: make the disk again"))
      return
    }
    var container = RootInit(job)
    let (status, message) = container.run()
    end(status: status, message)
  }

  /// What the kernel was told.
  private struct Settings {
    var arguments: [[UInt8]] = []
    /// Of `ip=`.
    var addresses: [UInt8]?

    init() {
      var parameters = KernelParameters(System.contents([UInt8]("/proc/cmdline")) ?? [])
      while let parameter = parameters.next() {
        if parameter.name.isText("ip") { addresses = parameter.value }
      }
      arguments = parameters.arguments()
    }
  }

  private var job: Job
  private let settings = Settings()
  private var process = 0
  private var ended: Int?
  /// When the command is killed; nil while nobody has asked it to end.
  private var deadline: Int?

  private init(_ job: Job) { self.job = job }

  private mutating func run() -> (status: Int, message: [UInt8]) {
    loadDrivers()
    let hostname = self.hostname
    _ = System.writeFile([UInt8]("/proc/sys/kernel/hostname"), hostname)
    _ = Kernel.bringUp([UInt8]("lo"))
    setUpNetwork(hostname)
    if !settings.arguments.isEmpty {
      job.arguments = Array(job.arguments[..<job.entrypoint]) + settings.arguments
    }
    guard !job.arguments.isEmpty else { return (125, [UInt8]("there is no command")) }
    let terminal = RootFileSystem.terminal
    addVariable("HOSTNAME", hostname)
    addVariable("TERM", [UInt8](terminal.isScreen ? "linux" : "vt220"))
    let signals = Kernel.openSignals(~0)
    do throws(RunningCommand.Failure) {
      process = try RunningCommand(job, console: terminal.file).process
    } catch {
      return (Int(error.status), Self.message(error, job))
    }
    wait(signals)
    let status = ended ?? 0
    let signal = status & 0x7f
    return signal == 0
      ? (status >> 8 & 0xff, [UInt8]("the command ended"))
      : (128 + signal, "the command was killed by signal " + [UInt8](decimal: signal))
  }

  private static func message(_ failure: RunningCommand.Failure, _ job: Job) -> [UInt8] {
    guard failure.subject.isEmpty else {
      return "the command can't start in the " + failure.subject + " (error "
        + [UInt8](decimal: Int(failure.error)) + ")"
    }
    let name = job.arguments[0]
    switch failure.error {
    case _ where failure.status == 127: return name + ": command not found"
    case 2: return name + ": its interpreter or dynamic loader does not exist"
    case 8: return name + ": not a program for this kernel"
    case 13: return name + ": permission denied"
    default: return name + ": can't be run (error " + [UInt8](decimal: Int(failure.error)) + ")"
    }
  }

  // MARK: Before the command

  /// Those of devices that the RAM disk had no need for.
  private func loadDrivers() {
    var options = Coldplug.Options()
    options.isQuiet = true
    guard let tree = ModuleTree(base: [], release: KernelModules.release),
      var coldplug = Coldplug(options, tree)
    else { return }
    _ = coldplug.run()
    KernelModules.makeDeviceNodes()
  }

  /// The name that the kernel was given, or that of the disk.
  private var hostname: [UInt8] {
    let kernels = System.contents([UInt8]("/proc/sys/kernel/hostname"))?.withoutNewline ?? []
    if !kernels.isEmpty, !kernels.isText("(none)") { return kernels }
    let first = System.contents([UInt8]("/etc/hostname"))?.split(separator: 0x0a).first ?? []
    return first.isEmpty ? [UInt8]("minivm") : Array(first.prefix(64))
  }

  private mutating func addVariable(_ name: StaticString, _ value: [UInt8]) {
    if job.value(of: name) == nil { job.variables.append(name + ([UInt8(ascii: "=")] + value)) }
  }

  /// Milliseconds that the command waits for a DHCP server.
  private static let networkPatience = 5000

  /// Gives the card addresses: those of `ip=`, or a DHCP server's, whom another process asks.
  private func setUpNetwork(_ hostname: [UInt8]) {
    guard let card = Network.card else { return }
    if let text = settings.addresses, text.isText("off") || text.isText("none") { return }
    if !job.isPersistent { NetworkFiles.hide() }
    NetworkFiles.write(hostname: hostname, [])
    if let addresses = settings.addresses.flatMap({ NetworkAddresses(parameter: $0) }) {
      Self.use(addresses, card, hostname)
      return
    }
    guard Kernel.bringUp(card) >= 0, let ready = Kernel.pipe() else { return }
    let child = System.fork {
      guard var client = DHCPClient(card) else { return 1 }
      while true {
        var lease = client.lease()
        Self.use(NetworkAddresses(lease), card, hostname)
        System.write([1], to: ready.write)
        while let seconds = lease.lease {
          // Half of it, as RFC 2131, 4.4.5, has it.
          let end = System.uptime + min(Int(seconds), 1 << 24) * 1000
          Kernel.sleep(milliseconds: max(1000, (end - System.uptime) / 2))
          var next = client.renew(lease)
          while next == nil, System.uptime < end {
            Kernel.sleep(milliseconds: 10_000)
            next = client.renew(lease)
          }
          guard let next else { break }
          lease = next
        }
        // It is valid for ever.
        if lease.lease == nil { return 0 }
      }
    }
    System.close(ready.write)
    guard child != nil else { return }
    var polls = [Kernel.Poll(file: ready.read, wantsInput: true)]
    Kernel.poll(&polls, milliseconds: Self.networkPatience)
    if !polls[0].isReadable {
      Console.say("no DHCP server has answered on " + card + " yet")
    }
  }

  private static func use(_ addresses: NetworkAddresses, _ card: [UInt8], _ hostname: [UInt8]) {
    if let problem = Network.configure(card, addresses) { Console.say(problem) }
    NetworkFiles.write(hostname: hostname, addresses.address)
    if !addresses.nameServers.isEmpty {
      _ = System.writeFile([UInt8](NetworkFiles.resolver), addresses.resolver)
    }
  }

  // MARK: While the command runs

  private mutating func wait(_ signals: Int32) {
    var buttons = PowerButtons()
    while ended == nil {
      var polls = [Kernel.Poll(file: signals, wantsInput: true)]
      for file in buttons.files { polls.append(Kernel.Poll(file: file, wantsInput: true)) }
      Kernel.poll(&polls, milliseconds: deadline.map { max(0, $0 - System.uptime) })
      if buttons.werePressed { stop() }
      takeSignals(signals)
      if let deadline, System.uptime >= deadline {
        Kernel.kill(process, signal: Signal.kill)
        self.deadline = .max
      }
    }
  }

  /// Asks the command to end.
  private mutating func stop() {
    Kernel.kill(process, signal: job.stopSignal)
    if deadline == nil { deadline = System.uptime + Self.patience }
  }

  private mutating func takeSignals(_ file: Int32) {
    while true {
      // struct signalfd_siginfo: the signal's number first, its origin at byte 8.
      let (bytes, count) = Kernel.read(file, count: 128)
      guard count == 128, let number: UInt32 = bytes.span.littleEndian(at: 0),
        let origin: UInt32 = bytes.span.littleEndian(at: 8)
      else { break }
      switch Int(number) {
      case Signal.child: break
      // SI_KERNEL: Ctrl-Alt-Del.
      case Signal.interrupt where origin == 0x80: stop()
      case let number: Kernel.kill(process, signal: number)
      }
    }
    while let child = Kernel.reap() {
      if child.process == process { ended = child.status }
    }
  }

  // MARK: The end

  /// Ends the machine. `minivm boot` reads the line.
  private static func end(status: Int, _ message: [UInt8]) {
    Kernel.kill(-1, signal: Signal.kill)
    Kernel.reapAll(milliseconds: 2000)
    Kernel.sync()
    RootFileSystem.close()
    System.write([UInt8]("\n"), to: 1)
    Console.say(message + ": exit status " + [UInt8](decimal: status))
    Kernel.drain(1)
    if restarts { Kernel.restart() }
    Kernel.powerOff()
  }

  /// Whether the kernel was told that the keyboard controller or the processor ends the machine: so it is in
  /// Firecracker, where nothing powers off.
  private static var restarts: Bool {
    var parameters = KernelParameters(System.contents([UInt8]("/proc/cmdline")) ?? [])
    var result = false
    while let parameter = parameters.next() {
      if parameter.name.isText("reboot"), let value = parameter.value {
        result = value.isText("k") || value.isText("t")
      }
    }
    return result
  }
}

/// The machine's power button, of ACPI or a GPIO.
private struct PowerButtons {
  private(set) var files: [Int32] = []

  init() {
    let folder = [UInt8]("/dev/input")
    for name in System.names(in: folder) where name.startsWithText("event") {
      let file = Kernel.open(folder + "/" + name, isWaiting: false)
      if file >= 0 { files.append(file) }
    }
  }

  /// Whether one was pressed since this was asked last.
  var werePressed: Bool {
    mutating get {
      var result = false
      files = files.filter { file in
        while true {
          // struct input_event of 64-bit machines: time, type at byte 16, code, value. EV_KEY, KEY_POWER, pressed.
          let (bytes, count) = Kernel.read(file, count: 24)
          if count == Kernel.again { return true }
          guard count == 24, let type: UInt16 = bytes.span.littleEndian(at: 16),
            let code: UInt16 = bytes.span.littleEndian(at: 18),
            let value: UInt32 = bytes.span.littleEndian(at: 20)
          else { return false }
          if type == 1, code == 116, value == 1 { result = true }
        }
      }
      return result
    }
  }
}
