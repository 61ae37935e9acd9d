internal import Basics
internal import CMiniVM
internal import Formats
internal import Glibc
package import Machines
internal import Modules

/// Runs a command on a kit's kernel, with folders of this machine, and finds out how it ended.
package struct GuestRun {
  package struct Options: Sendable {
    package var model: MachineModel
    /// Those to try, one after the other, while the guest stays silent; nil for what suits this machine.
    package var accelerators: [Accelerator]?
    /// MiB.
    package var memory = 1024
    package var cpus = 1
    /// More of the kernel's command line.
    package var append: [String] = []
    /// More disks, in the order of their names in the guest: /dev/vda, /dev/vdb and on.
    package var disks: [MachineDisk] = []
    /// Keeps what the guest changes of its root; nil for RAM.
    package var changes: MachineDisk?
    package var network: NetworkDevice?
    /// Whether a success is none where the kernel warned, but for lines with one of these texts; nil for no.
    package var allowedWarnings: [String]?
    /// Modules to load before the command starts.
    package var modules: [String] = []
    /// Nil for the best that there is.
    package var transport: RunTransport?
    /// Seconds from the machine's start to the command's end; nil for any number.
    package var timeout: Int?
    /// A file for the kernel's messages.
    package var console: String?
    /// Whether the command gets a terminal, which is this program's own.
    package var hasTerminal = false
    /// Where programs are looked for.
    package var path: String
    /// How much is done at once.
    package var jobs = 1

    package init(model: MachineModel, path: String) {
      self.model = model
      self.path = path
    }
  }

  /// What `--json` says.
  package struct Report: Encodable, Sendable {
    package var kernel: String
    package var machine: String
    package var transport: String
    /// What the guest's streams went through: virtio or serial.
    package var channel: String
    /// On which the guest ran.
    package var accelerator: String
    /// This program's exit status.
    package var status: Int
    /// exited, killed, refused, timeout, died, failed, interrupted or left.
    package var ended: String
    package var message: String?
    /// Lines that show why.
    package var lines: [String]?
    /// Seconds from QEMU's start to the agent's first word, the command's start and its end.
    package var agent: Double?
    package var started: Double?
    package var finished: Double?
    /// Seconds from QEMU's start to its end.
    package var total: Double
    /// Nil where the command did not end.
    package var resources: RunResources?
    /// Lines of the console that begin the kernel's reports of its own faults.
    package var warnings: [String]?
  }

  private let kit: Kit
  private let job: RunJob
  /// What the user is told before the boot.
  private let notices: [String]
  private let options: Options
  private let temporaryFolder: String
  private let modulesDisk: MachineDisk
  private let modules: DiskModuleStore
  private let server: Virtiofsd?
  package let transport: RunTransport
  private let port: RunPort

  /// - Parameter temporaryFolder: a folder for this run alone.
  /// - Throws: `KitError` for a kit without a modules disk, a kernel that can't share folders in a way that
  ///   this machine knows, a transport that is not there.
  package init(_ kit: Kit, _ job: RunJob, options: Options, temporaryFolder: String) throws {
    guard let disk = kit.modulesDisk else {
      throw KitError(
        .missing, "\(kit.folder): has no modules disk, which run takes its drivers from",
        advice: "use a kernel with modules")
    }
    try disk.checkIsWhole(advice: "build the kit again")
    try job.check()
    var job = job
    job.keepsChanges = options.changes != nil
    self.kit = kit
    self.options = options
    self.temporaryFolder = temporaryFolder
    modulesDisk = disk
    modules = try DiskModuleStore(disk.path, kit.release, jobs: options.jobs)
    let found =
      options.transport == .p9 ? (server: nil, problem: nil) : Virtiofsd.find(path: options.path)
    let index = modules.index()
    transport = try RunTransport(kit, index, job.shares, found, options.transport)
    port = RunPort(index)
    (self.job, notices) =
      transport == .disk
      ? try Self.withImages(job, in: temporaryFolder) : (job, [])
    server = transport == .virtiofs ? found.server : nil
  }

  /// A job whose folders are on disks.
  private static func withImages(
    _ job: RunJob, in temporaryFolder: String
  ) throws -> (RunJob, notices: [String]) {
    var job = job
    var notices: [String] = []
    for index in job.shares.indices where job.shares[index].image == nil {
      let path = "\(temporaryFolder)/share\(index).raw"
      let folder = job.shares[index].host
      let missing = try FolderImage.write(folder, to: path).unreadable
      if let first = missing.first {
        notices.append(
          "\(folder): left out \(counted(missing.count, "file or folder", "files and folders")) that can't be read, such as \(first)"
        )
      }
      var image = RunImage(path, format: .raw, fileSystem: "ext4")
      image.folder = FolderImage.place
      job.shares[index].image = image
    }
    return (job, notices)
  }

  // MARK: Running

  /// Runs the command on this thread, with whose end QEMU ends, too. This program's signals are the
  /// command's from now on.
  /// - Parameter onNotice: gets what the guest could do without.
  /// - Throws: `KitError` for what keeps the machine from being started.
  package func run(onNotice: @escaping (String) -> Void) throws -> (RunEnding, Report) {
    try QEMURunner.checkProc()
    notices.forEach(onNotice)
    let initramfs = try writeRamDisk()
    let signals = try signalPipe()
    var console: Int32 = -1
    if let path = options.console {
      // A guest that could write to this folder before may have left a link to another file of the user's.
      let isSystems = path.hasPrefix("/dev/") || path.hasPrefix("/proc/")
      console = unsafe open(
        path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | (isSystems ? 0 : O_NOFOLLOW), 0o644)
      guard console >= 0 else {
        guard errno != ELOOP else {
          throw KitError(
            .invalid, "\(path): is a symbolic link, which a guest may have made",
            advice: "remove it, or name the file that it leads to")
        }
        throw KitError(
          .invalid, "\(path): can't be written: \(unsafe String(cString: strerror(errno)))")
      }
    }
    defer { if console >= 0 { close(console) } }
    let candidates = options.accelerators ?? Accelerator.candidates(options.model.architecture)
    for (index, accelerator) in candidates.enumerated() {
      let isLast = index == candidates.count - 1
      if let result = try run(
        accelerator, initramfs, isLast: isLast, signals: signals, console: console, onNotice)
      {
        return result
      }
    }
    throw KitError(.unexpected, "no output from the guest on any accelerator")
  }

  private func writeRamDisk() throws -> String {
    let ramDisk = try RunRamDisk(
      kit, modules, transport: transport, port: port, images: job.shares.compactMap(\.image),
      network: options.network, wanted: options.modules, jobs: options.jobs)
    let path = "\(temporaryFolder)/initramfs"
    try OutputFile.write(ramDisk.bytes, to: path)
    return path
  }

  private func signalPipe() throws(KitError) -> Int32 {
    var ends: [Int32] = [0, 0]
    guard unsafe minivm_pipe(&ends, 1) == 0 else {
      throw KitError(.invalid, "too many open files", advice: "raise `ulimit -n`")
    }
    minivm_redirect_signals(ends[1])
    return ends[0]
  }

  private func machine(_ initramfs: String) -> RunMachine {
    // Warnings and worse: writing the rest to an emulated console costs time.
    let level = options.console == nil ? ["loglevel=5"] : []
    return RunMachine(
      model: options.model, kernel: kit.kernel, initramfs: initramfs, modulesDisk: modulesDisk,
      disks: options.disks, changes: options.changes,
      commandLine: ["panic=-1"] + level + options.append, memory: options.memory,
      cpus: options.cpus, network: options.network, shares: job.shares, transport: transport,
      port: port,
      extraArguments: [])
  }

  /// - Returns: nil for a machine that said nothing, where another accelerator may be tried.
  private func run(
    _ accelerator: Accelerator, _ initramfs: String, isLast: Bool, signals: Int32, console: Int32,
    _ onNotice: @escaping (String) -> Void
  ) throws -> (RunEnding, Report)? {
    let machine = machine(initramfs)
    let emulator = try machine.emulator(path: options.path)
    let channel = try RunSocket.pair()
    defer { close(channel.ours) }
    var servers: [ChildProcess] = []
    var connections: [Int32] = []
    defer { connections.forEach { close($0) } }
    if let server {
      for (index, share) in job.shares.enumerated() where share.image == nil {
        let socket = try RunSocket.listener(in: temporaryFolder, "share\(index)")
        defer { close(socket.listening) }
        connections.append(socket.connected)
        let place = "\(temporaryFolder)/view\(index)"
        if FileTree.status(place) == nil { try FileTree.makeDirectory(place, mode: 0o700) }
        servers.append(try server.start(share, socket: socket.listening, place: place))
      }
    }
    let begin = monotonicTime()
    let child: ChildProcess
    do {
      defer { close(channel.theirs) }
      child = try ChildProcess(
        emulator,
        machine.arguments(accelerator, channel: channel.theirs, servers: connections),
        kept: [channel.theirs] + connections)
    }
    let size = options.hasTerminal ? RunTerminal.size ?? (24, 80) : nil
    if options.hasTerminal { RunTerminal.makeRaw() }
    let session = RunSession(
      child, servers: servers,
      files: RunSession.Files(channel: channel.ours, signals: signals, console: console),
      job: job.frames(transport, terminal: size), hasTerminal: options.hasTerminal,
      deadline: options.timeout.map { (begin + UInt64($0) * 1_000_000_000, $0) },
      silence: isLast ? nil : 15_000_000_000, inputWindow: port.inputWindow,
      warnings: options.allowedWarnings.map(KernelWarnings.init(allowed:)), onNotice: onNotice)
    let ending = session.run()
    // QEMU brings what its disks hold to their files when it is asked to end.
    switch ending {
    case .exited, .killed, .refused: child.end(grace: 2000)
    default: child.end()
    }
    servers.forEach { $0.end(grace: 500) }
    guard let ending else { return nil }
    let times = session.times
    return (
      ending,
      Report(
        kernel: kit.release.description, machine: options.model.description,
        transport: transport.rawValue, channel: port.rawValue, accelerator: accelerator.rawValue,
        status: ending.status,
        ended: ending.word, message: ending.message,
        lines: ending.lines.isEmpty ? nil : ending.lines, agent: times.hello,
        started: times.started, finished: times.ended,
        total: Double(monotonicTime() - begin) / 1e9, resources: session.resources,
        warnings: session.warnings.lines.isEmpty ? nil : session.warnings.lines)
    )
  }

  /// The commands that run the machine, for a person to read: sockets and the initramfs are made anew for
  /// each run.
  package func description() throws -> String {
    let machine = machine("INITRAMFS")
    let accelerator =
      (options.accelerators ?? Accelerator.candidates(options.model.architecture))[0]
    let servers =
      server.map { server in
        job.shares.filter { $0.image == nil }.map { server.description($0) }
      } ?? []
    let arguments = try machine.arguments(
      accelerator, channel: 3, servers: servers.indices.map { Int32(4 + $0) })
    let qemu = arguments.reduce(into: try machine.emulator(path: options.path)) { text, word in
      text += (word.hasPrefix("-") ? " \\\n  " : " ") + word.shellQuoted
    }
    return (servers + [qemu]).joined(separator: "\n")
  }
}

/// Sockets between this program, QEMU and virtiofsd.
enum RunSocket {
  private static var failure: KitError {
    KitError(
      .invalid, "a socket can't be made: \(unsafe String(cString: strerror(errno)))",
      advice: "check `ulimit -n` and the temporary folder")
  }

  private static let stream = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)

  /// Two ends that are connected.
  static func pair() throws(KitError) -> (ours: Int32, theirs: Int32) {
    var ends: [Int32] = [0, 0]
    guard unsafe socketpair(AF_UNIX, stream, 0, &ends) == 0 else { throw failure }
    return (ends[0], ends[1])
  }

  /// A socket that listens, and a connection to it that waits to be accepted: nobody has to wait for the
  /// one who listens.
  static func listener(
    in folder: String, _ name: String
  ) throws(KitError) -> (listening: Int32, connected: Int32) {
    // A socket's path has 107 bytes at most, and a temporary folder may have more.
    let place = unsafe open(folder, minivm_o_path() | O_DIRECTORY | O_CLOEXEC)
    defer { close(place) }
    let path = "/proc/self/fd/\(place)/\(name)"
    unsafe unlink(path)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { bytes in
      for (index, byte) in path.utf8.enumerated() { unsafe bytes[index] = byte }
    }
    let listening = socket(AF_UNIX, stream, 0)
    let connected = socket(AF_UNIX, stream, 0)
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let isConnected = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        unsafe bind(listening, address, size) == 0 && listen(listening, 1) == 0
          && connect(connected, address, size) == 0
      }
    }
    guard isConnected else {
      let failure = failure
      close(listening)
      close(connected)
      throw failure
    }
    return (listening, connected)
  }
}
