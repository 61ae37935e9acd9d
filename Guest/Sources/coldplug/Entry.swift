#if !hasFeature(Embedded)
  import Formats
#endif

/// coldplug: loads the drivers of the devices that there are, and finds the root device.
///
///     coldplug [--root NAME] [--wait SECONDS|forever] [--unknown all|late] [--label LABEL] [--report FILE] [--quiet]
///     coldplug --show-depends [-d ROOT] [-S VERSION] NAME...   what would be loaded, as modprobe says it
///     coldplug --probe FILE...                                 what is on disks
///     coldplug -q -- NAME                                      what the kernel asks modprobe for
///
/// Exit codes: 0 done; 1 it can't work here; 2 usage; 3 the root device did not come; 4 nor did it, but there is
/// a disk with something on it that is not known here, with `--unknown late` one that came while it waited.
@_cdecl("coldplug_main")
public func coldplugMain(_ count: Int, _ pointers: UnsafePointer<UnsafePointer<UInt8>?>) -> Int32 {
  var words: [[UInt8]] = []
  for index in 1..<max(1, count) {
    var word: [UInt8] = []
    guard var pointer = unsafe pointers[index] else { break }
    while unsafe pointer.pointee != 0 {
      unsafe word.append(pointer.pointee)
      unsafe pointer += 1
    }
    words.append(word)
  }
  var command = Command(words)
  return command.run()
}

/// The command line.
private struct Command {
  private var words: ArraySlice<[UInt8]>
  private var options = Coldplug.Options()
  private var base: [UInt8] = []
  private var release: [UInt8]?

  init(_ words: [[UInt8]]) {
    self.words = words[...]
  }

  private enum Task {
    case coldplug, showDepends, probe, modprobe
  }

  mutating func run() -> Int32 {
    var job = Task.coldplug
    while let word = words.first, word.first == UInt8(ascii: "-") {
      words.removeFirst()
      if word.isText("--") { break }
      if word.isText("--version") {
        System.write([UInt8](coldplugVersion) + "\n", to: 1)
        return 0
      } else if word.isText("--quiet") {
        options.isQuiet = true
      } else if word.isText("-q") {
        job = .modprobe
      } else if word.isText("--show-depends") {
        job = .showDepends
      } else if word.isText("--probe") {
        job = .probe
      } else if let value = words.popFirst() {
        guard take(word, value) else { return usage() }
      } else {
        return usage()
      }
    }
    switch job {
    case .probe: return probe()
    case .coldplug: return words.isEmpty ? coldplug() : usage()
    case .showDepends: return showDepends()
    case .modprobe: return modprobe()
    }
  }

  private mutating func take(_ option: [UInt8], _ value: [UInt8]) -> Bool {
    if option.isText("--root") {
      options.root = DeviceName(value)
      options.rootText = value
    } else if option.isText("--label") {
      options.label = value
    } else if option.isText("--report") {
      options.report = value
    } else if option.isText("--wait") {
      options.wait = value.isText("forever") ? nil : (value.number ?? 0) * 1000
    } else if option.isText("--unknown") {
      options.unknown = value.isText("late") ? .late : .all
    } else if option.isText("--lanes") {
      options.lanes = value.number
      return (1...64).contains(options.lanes ?? 0)
    } else if option.isText("-d") {
      base = value
    } else if option.isText("-S") {
      release = value
    } else {
      return false
    }
    return true
  }

  private func usage() -> Int32 {
    Console.say([UInt8]("coldplug: usage: coldplug [--root NAME] [--wait SECONDS|forever]"))
    return 2
  }

  private func tree() -> ModuleTree? {
    let running = System.contents([UInt8]("/proc/sys/kernel/osrelease"))?.withoutNewline ?? []
    let release = release ?? running
    let tree = ModuleTree(base: base, release: release)
    if tree == nil {
      Console.say("/lib/modules/" + release + " has no modules.dep.bin that can be read")
    }
    return tree
  }

  private func coldplug() -> Int32 {
    guard let tree = tree() else { return 1 }
    guard var coldplug = Coldplug(options, tree) else {
      Console.say([UInt8]("the kernel does not tell of devices"))
      return 1
    }
    switch coldplug.run() {
    case .done: return 0
    case .failed: return 1
    case .missing: return 3
    case .unknown: return 4
    }
  }

  /// As modprobe(8) of that option: `insmod PATH ARGUMENTS`, in order.
  private func showDepends() -> Int32 {
    guard let tree = tree() else { return 1 }
    var output: [UInt8] = []
    for word in words {
      for request in tree.requests(for: word) {
        var loader = ModuleLoader(tree, lanes: 1)
        loader.add(request)
        for (path, arguments) in loader.plan {
          output += "insmod "
          output += path
          output += " "
          output += arguments
          output += "\n"
        }
      }
    }
    System.write(output, to: 1)
    return 0
  }

  private func modprobe() -> Int32 {
    guard let tree = tree() else { return 1 }
    var loader = ModuleLoader(tree, lanes: 1)
    for word in words {
      for request in tree.requests(for: word) { loader.add(request) }
    }
    while loader.step() {}
    return 0
  }

  private func probe() -> Int32 {
    for path in words {
      guard let disk = OpenDisk(path) else { return 1 }
      defer { disk.close() }
      var line = path + ":"
      if let identity = FileSystemIdentity(reading: disk) {
        line += " TYPE=\""
        line += identity.kind.name
        line += "\" UUID=\""
        line += identity.uuid
        line += "\" LABEL=\""
        line += identity.label
        line += "\""
        if identity.kind == .ext4 {
          line += Ext4Check.isDue(disk, now: System.now) ? " CHECK=\"due\"" : " CHECK=\"clean\""
        }
      }
      System.write(line + "\n", to: 1)
    }
    return 0
  }
}
