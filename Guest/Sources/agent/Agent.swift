#if !hasFeature(Embedded)
  import Formats
#endif

/// The first program of a machine of `minivm run`: finds drivers, takes a job from the host, makes the
/// command's file system, runs the command, and powers off when the host knows how it ended.
///
/// docs/internals/run-channel.md has the channel. It never returns: the kernel would panic.
///
/// On a root disk that has a job of its own, it is the disk's init: `RootInit`.
///
/// A copy of it named modprobe loads what its arguments name: the kernel calls it with `-q -- NAME`.
@_cdecl("agent_main")
public func agentMain(_ count: Int, _ pointers: UnsafePointer<UnsafePointer<UInt8>?>) -> Int32 {
  let name = unsafe Agent.word(pointers, 0)
  if name.lastPathPart.isText("modprobe") {
    for index in 1..<max(1, count) { KernelModules.load(unsafe Agent.word(pointers, index)) }
    return 0
  }
  let process = System.linkTarget([UInt8]("/proc/self"))
  guard process.isEmpty || process.isText("1") else {
    Console.say([UInt8]("this is the first program of a machine, and not started by hand"))
    return 1
  }
  if System.exists([UInt8](RootInit.jobPath)) {
    RootInit.run()
  } else {
    Agent.run()
    Kernel.sync()
    Kernel.powerOff()
  }
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
    let changes: Int32
    do throws(FileSystems.Failure) {
      changes = try prepare(job, &channel)
    } catch {
      refuse(&channel, 125, 0, error.message)
      return
    }
    start(job, channel, changes: changes)
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

  /// - Returns: the file system that keeps what the guest changes; -1 for none.
  private static func prepare(
    _ job: Job, _ channel: inout Channel
  ) throws(FileSystems.Failure) -> Int32 {
    var systems = FileSystems()
    try systems.mountAll(of: job)
    for notice in systems.notices { channel.send(RunFrame(.notice, notice)) }
    _ = System.writeFile([UInt8]("/proc/sys/kernel/hostname"), job.hostname)
    _ = Kernel.bringUp([UInt8]("lo"))
    if job.network.count == 16 {
      if let card = Network.card {
        if let problem = Network.configure(card, NetworkAddresses(job.network)) {
          channel.send(RunFrame(.notice, problem))
        }
        NetworkFiles.replace(
          [UInt8](NetworkFiles.resolver), with: NetworkAddresses(job.network).resolver)
      } else {
        channel.send(RunFrame(.notice, [UInt8]("the network card has not come up")))
      }
    }
    if job.isImage {
      NetworkFiles.replace(hostname: job.hostname, Array(job.network.prefix(4)))
    }
    if !job.newFolder.isEmpty { FileSystems.makeFolders(job.newFolder) }
    return systems.changes
  }

  private static func start(_ job: Job, _ channel: Channel, changes: Int32) {
    var channel = channel
    let signals = Kernel.openSignals(1 << (Kernel.childSignal - 1))
    let command: RunningCommand
    do throws(RunningCommand.Failure) {
      command = try RunningCommand(job)
    } catch {
      refuse(&channel, error.status, error.error, error.subject)
      return
    }
    channel.send(RunFrame(.started, numbers: [UInt32(truncatingIfNeeded: command.process)]))
    var relay = Relay(channel, command, signals: signals, changes: changes)
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
