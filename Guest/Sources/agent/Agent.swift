#if !hasFeature(Embedded)
  import Formats
#endif

/// The first program of a machine of `minivm run`: finds drivers, takes a job from the host, makes the
/// command's file system, runs the command, and powers off when the host knows how it ended.
///
/// docs/internals/run-channel.md has the channel. It never returns: the kernel would panic.
///
/// A copy of it named modprobe loads what its arguments name: the kernel calls it with `-q -- NAME`.
@_cdecl("agent_main")
public func agentMain(_ count: Int, _ pointers: UnsafePointer<UnsafePointer<UInt8>?>) -> Int32 {
  let name = unsafe Agent.word(pointers, 0)
  if name.lastPathPart.isText("modprobe") {
    for index in 1..<max(1, count) { KernelModules.load(unsafe Agent.word(pointers, index)) }
    return 0
  }
  Agent.run()
  Kernel.sync()
  Kernel.powerOff()
  // If it is unknown, the host handles it.
  while true {
    var none: [Kernel.Poll] = []
    Kernel.poll(&none, milliseconds: nil)
  }
}

enum Agent {
  /// A word of this program's arguments; empty where there is none.
  static func word(_ pointers: UnsafePointer<UnsafePointer<UInt8>?>, _ index: Int) -> [UInt8] {
    guard var pointer = unsafe pointers[index] else { return [] }
    var word: [UInt8] = []
    while unsafe pointer.pointee != 0 {
      unsafe word.append(pointer.pointee)
      unsafe pointer += 1
    }
    return word
  }

  static func run() {
    Kernel.blockSignals(true)
    FileSystems.mountFirst()
    loadDrivers()
    guard var channel = Channel() else {
      Console.say(
        [UInt8](
          "run: there is no channel to the host: no port minivm.run, nor a second serial port"))
      return
    }
    channel.send(RunFrame(.hello, numbers: [RunFrame.version]))
    guard let job = receiveJob(&channel) else {
      Console.say([UInt8]("run: the host's job can't be read"))
      return
    }
    do throws(FileSystems.Failure) {
      try prepare(job, &channel)
    } catch {
      refuse(&channel, 125, 0, error.message)
      return
    }
    start(job, channel)
  }

  private static func loadDrivers() {
    let release = KernelModules.release
    var options = Coldplug.Options()
    options.isQuiet = true
    // This program has no children before that must not be waited for.
    guard let tree = ModuleTree(base: [], release: release),
      var coldplug = Coldplug(options, tree)
    else {
      Console.say("run: there are no modules of " + release)
      return
    }
    _ = coldplug.run()
  }

  private static func receiveJob(_ channel: inout Channel) -> Job? {
    var job = Job()
    while true {
      let frames = channel.wait()
      if frames.isEmpty { return nil }
      for frame in frames {
        switch frame.kind {
        case .hello:
          if frame.numbers.first != RunFrame.version { return nil }
        case .start: return job.arguments.isEmpty ? nil : job
        default:
          if !job.take(frame) { return nil }
        }
      }
    }
  }

  private static func prepare(
    _ job: Job, _ channel: inout Channel
  ) throws(FileSystems.Failure) {
    var systems = FileSystems()
    try systems.mountAll(of: job)
    for notice in systems.notices { channel.send(RunFrame(.notice, notice)) }
    _ = System.writeFile([UInt8]("/proc/sys/kernel/hostname"), job.hostname)
    _ = Kernel.bringUp([UInt8]("lo"))
    if job.network.count == 16, let problem = Network.configure(job.network) {
      channel.send(RunFrame(.notice, problem))
    }
  }

  private static func start(_ job: Job, _ channel: Channel) {
    var channel = channel
    let signals = Kernel.openChildSignals()
    let command: RunningCommand
    do throws(RunningCommand.Failure) {
      command = try RunningCommand(job)
    } catch {
      refuse(&channel, error.status, error.error, error.subject)
      return
    }
    channel.send(RunFrame(.started, numbers: [UInt32(truncatingIfNeeded: command.process)]))
    var relay = Relay(channel, command, signals: signals)
    _ = relay.run()
  }

  /// Tells the host that there is no command, and waits until it knows.
  private static func refuse(
    _ channel: inout Channel, _ status: UInt32, _ error: UInt32, _ message: [UInt8]
  ) {
    let frame = RunFrame(.failed, numbers: [status, error])
    channel.send(RunFrame(.failed, frame.payload + message))
    channel.flushAll()
    while !channel.isLost {
      if channel.wait().contains(where: { $0.kind == .acknowledged }) { return }
    }
  }
}

/// The one network card, whose addresses the host knows.
enum Network {
  /// - Parameter addresses: address, mask, gateway, name server.
  /// - Returns: what went wrong.
  static func configure(_ addresses: [UInt8]) -> [UInt8]? {
    let names = System.names(in: [UInt8]("/sys/class/net"))
    guard let card = names.first(where: { isCard($0) }) else {
      return [UInt8]("the network card has not come up")
    }
    var result = Kernel.bringUp(
      card, Array(addresses[0..<4]), mask: Array(addresses[4..<8]))
    if result >= 0 { result = Kernel.addDefaultRoute(Array(addresses[8..<12])) }
    if result < 0 {
      return "the network can't be set up (error " + [UInt8](decimal: -result) + ")"
    }
    var text = [UInt8]("nameserver ")
    for (index, byte) in addresses[12...].enumerated() {
      if index > 0 { text += "." }
      text += [UInt8](decimal: Int(byte))
    }
    // A link may lead to a file of /run, which is not the host's here.
    let path = [UInt8]("/etc/resolv.conf")
    Kernel.remove(path)
    _ = System.writeFile(path, text + "\n")
    return nil
  }

  private static func isCard(_ name: [UInt8]) -> Bool {
    System.exists("/sys/class/net/" + name + "/device")
  }
}
