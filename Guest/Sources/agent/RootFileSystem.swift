#if !hasFeature(Embedded)
  import Formats
#endif

/// Makes of the file system that the kernel, or the RAM disk, has mounted what a container engine gives a command.
enum RootFileSystem {
  private struct Mount {
    var path: [UInt8]
    var type: [UInt8]
  }

  /// Those of /proc/mounts, in the order in which they were made.
  private static var mounts: [Mount] {
    var mounts: [Mount] = []
    for line in (System.contents([UInt8]("/proc/mounts")) ?? []).split(separator: 0x0a) {
      let words = line.split(separator: 0x20)
      if words.count > 2 { mounts.append(Mount(path: Array(words[1]), type: Array(words[2]))) }
    }
    return mounts
  }

  static func prepare() {
    if !System.exists([UInt8]("/proc/mounts")) { mount("proc", "/proc") }
    if !System.exists([UInt8]("/sys/kernel")) { mount("sysfs", "/sys") }
    if !System.exists([UInt8]("/dev/null")) { mount("devtmpfs", "/dev") }
    // Where the kernel found none at its start, there is one now.
    let console = Kernel.open([UInt8]("/dev/console"), isWaiting: true)
    if console >= 0 {
      for number in 0...2 as ClosedRange<Int32> { Kernel.duplicate(console, as: number) }
      if console > 2 { System.close(console) }
    }
    let known = mounts
    // The RAM disk's; an image may have files there.
    if known.contains(where: { $0.path.isText("/run") }) { Kernel.unmount([UInt8]("/run")) }
    makeWritable(known.last { $0.path.isText("/") }?.type ?? [])
    FileSystems.mountKernels()
  }

  private static func mount(_ type: StaticString, _ path: StaticString) {
    _ = Kernel.mount([UInt8](type), on: [UInt8](path), type: [UInt8](type))
  }

  /// Lets the command write to its root: to the disk where that can be, or else to RAM.
  private static func makeWritable(_ type: [UInt8]) {
    var parameters = KernelParameters(System.contents([UInt8]("/proc/cmdline")) ?? [])
    var isReadOnly = false
    while let parameter = parameters.next() {
      if parameter.name.isText("ro") { isReadOnly = true }
      if parameter.name.isText("rw") { isReadOnly = false }
    }
    // An overlay is the RAM disk's.
    if isReadOnly || type.isText("overlay") { return }
    let isFixed = type.isText("squashfs") || type.isText("erofs") || type.isText("iso9660")
    if !isFixed,
      Kernel.mount([], on: [UInt8]("/"), type: [], flags: FileSystems.Flag.again) == 0
    {
      return
    }
    if !layMemory() {
      Console.say([UInt8]("the root stays read-only: this kernel has no overlay module"))
    }
  }

  /// Lays RAM over the root, and makes both the root.
  private static func layMemory() -> Bool {
    let place = [UInt8]("/run")
    let flags = FileSystems.Flag.noDevices | FileSystems.Flag.noSUID
    guard Kernel.mount([UInt8]("tmpfs"), on: place, type: [UInt8]("tmpfs"), flags: flags) == 0
    else { return false }
    for name in ["/upper", "/work", "/root"] as [StaticString] {
      System.makeFolder(place + [UInt8](name))
    }
    guard
      Kernel.mount(
        [UInt8]("overlay"), on: [UInt8]("/run/root"), type: [UInt8]("overlay"),
        options: [UInt8]("lowerdir=/,upperdir=/run/upper,workdir=/run/work")) == 0
    else {
      Kernel.unmount(place)
      return false
    }
    for mount in mounts where mount.path.count > 1 && !mount.path.startsWithText("/run") {
      // What is mounted below another one has moved with it.
      _ = Kernel.mount(
        mount.path, on: "/run/root" + mount.path, type: [], flags: FileSystems.Flag.move)
    }
    _ = Kernel.enter([UInt8]("/run/root"))
    guard
      Kernel.mount([UInt8]("."), on: [UInt8]("/"), type: [], flags: FileSystems.Flag.move) == 0,
      Kernel.changeRoot([UInt8](".")) == 0
    else { return false }
    _ = Kernel.enter([UInt8]("/"))
    return true
  }

  /// The terminal behind /dev/console, which itself can't be a controlling terminal.
  static var terminal: (file: Int32, isScreen: Bool) {
    var active = System.contents([UInt8]("/sys/class/tty/console/active"))?.withoutNewline ?? []
    var name = active.split(separator: 0x20).last.map { Array($0) } ?? []
    if name.isText("tty0") {
      active = System.contents([UInt8]("/sys/class/tty/tty0/active"))?.withoutNewline ?? []
      name = active
    }
    let file = name.isEmpty ? -1 : Kernel.open("/dev/" + name, isWaiting: true)
    let isScreen = name.count > 3 && name.startsWithText("tty") && (0x30...0x39).contains(name[3])
    return (file >= 0 ? file : Kernel.open([UInt8]("/dev/console"), isWaiting: true), isScreen)
  }

  /// Leaves the root's disk as one that was unmounted.
  static func close() {
    let flags = FileSystems.Flag.again | FileSystems.Flag.readOnly
    _ = Kernel.mount([], on: [UInt8]("/"), type: [], flags: flags)
  }
}
