#if !hasFeature(Embedded)
  import Formats
#endif

/// Puts the command's file system together, and makes it this program's root.
struct FileSystems {
  /// Flags of mount(2).
  enum Flag {
    static let readOnly: UInt = 1
    static let noSUID: UInt = 2
    static let noDevices: UInt = 4
    static let noExecution: UInt = 8
    static let again: UInt = 32
    static let bind: UInt = 4096
    static let move: UInt = 8192
  }

  /// The serial number of a kit's modules disk.
  private static let modulesSerial: StaticString = "minivm-modules"

  /// Steps that failed and that the command can run without.
  private(set) var notices: [[UInt8]] = []
  /// The file system that keeps what the guest changes, open; -1 for none.
  private(set) var changes: Int32 = -1

  /// Why the command can't run.
  struct Failure: Error {
    var message: [UInt8]

    init(_ message: [UInt8], _ error: Int) {
      self.message = message + " (error " + [UInt8](decimal: -error) + ")"
    }
  }

  /// proc, sys and dev, which drivers are found with.
  static func mountFirst() {
    for (type, path) in [
      ("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"),
    ] as [(StaticString, StaticString)] {
      _ = Kernel.mount([UInt8](type), on: [UInt8](path), type: [UInt8](type))
    }
  }

  mutating func mountAll(of job: Job) throws(Failure) {
    guard let root = job.shares.first else { throw Failure([UInt8]("the job has no root"), 0) }
    let modulesDisk = Self.disk([UInt8](Self.modulesSerial))
    let configuration = "/boot/config-" + KernelModules.release
    let settings = System.contents(configuration, limit: 1 << 24)
    try mountRoot(root, changes: job.changes)
    try enterRoot()
    if job.isImage {
      System.makeFolder([UInt8]("/run"))
      Self.mountFresh("tmpfs", "/run/minivm", "mode=755")
    } else {
      Self.mountFresh("tmpfs", "/run", "mode=755")
      Self.mountFresh("tmpfs", "/tmp", "mode=1777")
      System.makeFolder([UInt8]("/var"))
      Self.mountFresh("tmpfs", "/var/tmp", "mode=1777")
      System.makeFolder([UInt8]("/run/lock"))
    }
    Self.mountKernels()
    if let settings {
      Self.makeFolders([UInt8]("/boot"))
      _ = System.writeFile(configuration, settings)
    }
    if let modulesDisk { mountModules(modulesDisk) }
    KernelModules.makeDeviceNodes()
    KernelModules.provideModprobe()
    for share in job.shares.dropFirst() {
      Self.makeFolders(share.path)
      try mount(share, on: share.path)
    }
  }

  /// The host's folder, and over it RAM, or a disk, for what the guest changes.
  private mutating func mountRoot(
    _ root: Job.Share, changes serial: [UInt8]
  ) throws(Failure) {
    let (lower, ram, target) = ([UInt8]("/lower"), [UInt8]("/ram"), [UInt8]("/newroot"))
    for folder in [lower, ram, target] { System.makeFolder(folder) }
    try mount(root, on: lower)
    var result: Int
    if serial.isEmpty {
      result = Kernel.mount([UInt8]("tmpfs"), on: ram, type: [UInt8]("tmpfs"))
      guard result == 0 else { throw Failure([UInt8]("tmpfs can't be mounted"), result) }
    } else {
      guard let disk = Self.disk(serial) else {
        throw Failure([UInt8]("there is no disk for the changes"), -19)
      }
      result = Kernel.mount(disk, on: ram, type: [UInt8]("ext4"))
      guard result == 0 else {
        throw Failure([UInt8]("the disk for the changes can't be mounted"), result)
      }
      changes = System.open(ram)
    }
    System.makeFolder(ram + "/upper")
    System.makeFolder(ram + "/work")
    result = Kernel.mount(
      [UInt8]("overlay"), on: target, type: [UInt8]("overlay"),
      options: [UInt8]("lowerdir=/lower,upperdir=/ram/upper,workdir=/ram/work"))
    guard result == 0 else { throw Failure([UInt8]("overlay can't be mounted"), result) }
  }

  private mutating func mount(_ share: Job.Share, on path: [UInt8]) throws(Failure) {
    let flags = (share.isReadOnly ? Flag.readOnly : 0) | Flag.noDevices
    let result: Int
    switch share.transport {
    case .virtiofs:
      result = Kernel.mount(share.tag, on: path, type: [UInt8]("virtiofs"), flags: flags)
    case .p9:
      var options = [UInt8]("trans=virtio,version=9p2000.L,msize=512000,cache=")
      options += share.isReadOnly ? "loose" : "mmap"
      result = Kernel.mount(
        share.tag, on: path, type: [UInt8]("9p"), flags: flags, options: options)
    case .disk(let type, let partition, let folder):
      guard let disk = Self.disk(share.tag) else {
        throw Failure("there is no disk for " + share.path, -19)
      }
      let whole = mountDisk(disk + partition, on: path, type, flags)
      result =
        whole < 0 || folder.isEmpty
        ? whole : Kernel.mount(path + "/" + folder, on: path, type: [], flags: Flag.bind)
    }
    guard result == 0 else {
      throw Failure("the share for " + share.path + " can't be mounted", result)
    }
  }

  /// A disk that can't be written to, and whose last user may not have unmounted it.
  private mutating func mountDisk(
    _ disk: [UInt8], on path: [UInt8], _ type: [UInt8], _ flags: UInt
  ) -> Int {
    let result = Kernel.mount(disk, on: path, type: type, flags: flags)
    guard result < 0 else { return result }
    let options: StaticString =
      type.isText("ext4") ? "noload" : type.isText("btrfs") ? "rescue=nologreplay" : "norecovery"
    guard Kernel.mount(disk, on: path, type: type, flags: flags, options: [UInt8](options)) == 0
    else { return result }
    notices.append(
      "the file system for " + path
        + " was not unmounted: it is as it was before the changes in its journal")
    return 0
  }

  private func enterRoot() throws(Failure) {
    for folder in ["/proc", "/sys", "/dev"] as [StaticString] {
      let target = "/newroot" + [UInt8](folder)
      System.makeFolder(target)
      _ = Kernel.mount([UInt8](folder), on: target, type: [], flags: Flag.move)
    }
    _ = Kernel.enter([UInt8]("/newroot"))
    var result = Kernel.mount([UInt8]("."), on: [UInt8]("/"), type: [], flags: Flag.move)
    if result == 0 { result = Kernel.changeRoot([UInt8](".")) }
    guard result == 0 else { throw Failure([UInt8]("the root can't be changed"), result) }
    _ = Kernel.enter([UInt8]("/"))
  }

  private static func mountFresh(
    _ type: StaticString, _ path: StaticString, _ options: StaticString = "", flags: UInt? = nil
  ) {
    System.makeFolder([UInt8](path))
    _ = Kernel.mount(
      [UInt8](type), on: [UInt8](path), type: [UInt8](type),
      flags: flags ?? Flag.noSUID | Flag.noDevices, options: [UInt8](options))
  }

  /// What the kernel shows as files, beside proc, sys and dev. If a kernel lacks one, the command runs without it.
  static func mountKernels() {
    mountFresh("devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666", flags: Flag.noSUID)
    mountFresh("tmpfs", "/dev/shm", "mode=1777")
    mountFresh("mqueue", "/dev/mqueue")
    let safe = Flag.noSUID | Flag.noDevices | Flag.noExecution
    mountFresh("cgroup2", "/sys/fs/cgroup", flags: safe)
    mountFresh("bpf", "/sys/fs/bpf", "mode=700", flags: safe)
    mountFresh("debugfs", "/sys/kernel/debug", flags: safe)
    mountFresh("tracefs", "/sys/kernel/tracing", flags: safe)
    mountFresh("securityfs", "/sys/kernel/security", flags: safe)
    for (name, target) in [
      ("/dev/fd", "/proc/self/fd"), ("/dev/stdin", "/proc/self/fd/0"),
      ("/dev/stdout", "/proc/self/fd/1"), ("/dev/stderr", "/proc/self/fd/2"),
    ] as [(StaticString, StaticString)] {
      System.makeLink([UInt8](name), to: [UInt8](target))
    }
  }

  /// Leaves a file system as one that was unmounted.
  static func close(_ file: Int32) {
    guard file >= 0 else { return }
    _ = Kernel.mount(
      [], on: "/proc/self/fd/" + [UInt8](decimal: Int(file)), type: [],
      flags: Flag.again | Flag.readOnly)
  }

  /// The virtio disk of a serial number.
  private static func disk(_ serial: [UInt8]) -> [UInt8]? {
    let blocks = [UInt8]("/sys/class/block")
    for name in System.names(in: blocks)
    where System.contents(blocks + "/" + name + "/serial")?.withoutNewline == serial {
      return "/dev/" + name
    }
    return nil
  }

  /// The modules disk, and RAM over it: modules may be added, and depmod run.
  private mutating func mountModules(_ disk: [UInt8]) {
    let folder = [UInt8]("/lib/modules")
    // A headers package has these, for `make -C /lib/modules/VER/build`.
    let tree = folder + "/" + KernelModules.release
    let links = ["build", "source"] as [StaticString]
    let targets = links.map { System.linkTarget(tree + "/" + [UInt8]($0)) }
    Self.makeFolders(folder)
    let result = Kernel.mount(disk, on: folder, type: [UInt8]("ext4"), flags: Flag.readOnly)
    guard result == 0 else {
      notices.append(
        "the modules disk can't be mounted on /lib/modules (error " + [UInt8](decimal: -result)
          + ")")
      return
    }
    for name in ["", "/modules", "/modules/upper", "/modules/work"] as [StaticString] {
      System.makeFolder("/run/minivm" + [UInt8](name))
    }
    _ = Kernel.mount(
      [UInt8]("overlay"), on: folder, type: [UInt8]("overlay"),
      options: [UInt8](
        "lowerdir=/lib/modules,upperdir=/run/minivm/modules/upper,workdir=/run/minivm/modules/work")
    )
    for (name, target) in zip(links, targets) where !target.isEmpty {
      System.makeLink(tree + "/" + [UInt8](name), to: target)
    }
  }

  /// Makes a folder and those above it.
  static func makeFolders(_ path: [UInt8]) {
    for index in path.indices where index > 0 && path[index] == UInt8(ascii: "/") {
      System.makeFolder(Array(path[..<index]))
    }
    System.makeFolder(path)
  }
}
