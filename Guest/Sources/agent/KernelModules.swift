#if !hasFeature(Embedded)
  import Formats
#endif

/// Prepares a root so that the kernel loads a module when a program asks for what it does.
enum KernelModules {
  /// Makes the device nodes of modules that are loaded when such a node is opened: loop-control, fuse, net/tun. On a
  /// machine with systemd, `kmod static-nodes` does this. modules.devname(5) has lines `MODULE NAME TYPE MAJOR:MINOR`.
  static func makeDeviceNodes() {
    let path = "/lib/modules/" + release + "/modules.devname"
    for line in (System.contents(path) ?? []).split(separator: 0x0a) {
      let words = line.split(separator: 0x20)
      guard words.count == 3, line.first != UInt8(ascii: "#"), let node = Node(words[2]) else {
        continue
      }
      let name = Array(words[1])
      if name.split(separator: slash).contains(where: { Array($0).isText("..") }) { continue }
      let target = "/dev/" + name
      for index in target.indices.dropFirst(5) where target[index] == slash {
        System.makeFolder(Array(target[..<index]))
      }
      node.make(target)
      // As udev's rules have them; devtmpfs keeps the mode of a node that is there.
      if name.isText("fuse") || name.isText("net/tun") || name.isText("kvm") {
        Kernel.setMode(of: target, 0o666)
      }
    }
  }

  /// The running kernel's.
  static var release: [UInt8] {
    System.contents([UInt8]("/proc/sys/kernel/osrelease"))?.withoutNewline ?? []
  }

  private static let slash = UInt8(ascii: "/")

  private struct Node {
    private let isBlock: Bool
    private let numbers: [Int]

    /// - Parameter text: `c10:237`.
    init?(_ text: ArraySlice<UInt8>) {
      guard let type = text.first, type == UInt8(ascii: "c") || type == UInt8(ascii: "b") else {
        return nil
      }
      isBlock = type == UInt8(ascii: "b")
      var numbers: [Int] = []
      for word in text.dropFirst().split(separator: UInt8(ascii: ":")) {
        guard let number = Array(word).number else { return nil }
        numbers.append(number)
      }
      guard numbers.count == 2 else { return nil }
      self.numbers = numbers
    }

    func make(_ path: [UInt8]) {
      Kernel.makeNode(path, isBlock: isBlock, major: numbers[0], minor: numbers[1])
    }
  }

  /// Gives the kernel this program in the place of a modprobe that the root does not have.
  static func provideModprobe() {
    let setting = [UInt8]("/proc/sys/kernel/modprobe")
    guard let path = System.contents(setting)?.withoutNewline, !path.isEmpty,
      !System.exists(path), let program = System.contents([UInt8]("/proc/self/exe"), limit: 1 << 22)
    else { return }
    System.makeFolder([UInt8]("/run/minivm"))
    let copy = [UInt8]("/run/minivm/modprobe")
    guard System.writeFile(copy, program) else { return }
    Kernel.setMode(of: copy, 0o755)
    _ = System.writeFile(setting, copy)
  }

  /// Loads a module, or those of an alias, with what they need.
  static func load(_ name: [UInt8]) {
    guard name.first != UInt8(ascii: "-"), let tree = ModuleTree(base: [], release: release) else {
      return
    }
    var loader = ModuleLoader(tree, lanes: 1)
    for request in tree.requests(for: name) { loader.add(request) }
    while loader.step() {}
  }
}
