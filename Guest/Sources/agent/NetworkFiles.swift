#if !hasFeature(Embedded)
  import Formats
#endif

/// The files of a root that say who it is in the network: /etc/resolv.conf, hosts and hostname.
enum NetworkFiles {
  static let resolver: StaticString = "/etc/resolv.conf"
  private static let hosts: StaticString = "/etc/hosts"
  private static let hostname: StaticString = "/etc/hostname"

  /// Lays files in RAM over those of the root, which stay as they are.
  static func hide() {
    let place = [UInt8]("/tmp")
    guard
      Kernel.mount(
        [UInt8]("tmpfs"), on: place, type: [UInt8]("tmpfs"), options: [UInt8]("size=1m,mode=755"))
        == 0
    else { return }
    for path in [resolver, hosts, hostname] {
      let target = [UInt8](path)
      let copy = place + "/" + target.lastPathPart
      _ = System.writeFile(copy, System.contents(target) ?? [])
      _ = Kernel.mount(copy, on: target, type: [], flags: FileSystems.Flag.bind)
    }
    // The files stay where they are bound.
    Kernel.unmount(place)
  }

  /// Writes the files as they are.
  /// - Parameter address: this machine's; empty for none.
  static func write(hostname name: [UInt8], _ address: [UInt8]) {
    _ = System.writeFile([UInt8](hostname), name + "\n")
    _ = System.writeFile([UInt8](hosts), lines(name, address))
  }

  /// Makes the files anew, in a root whose changes nobody keeps.
  static func replace(hostname name: [UInt8], _ address: [UInt8]) {
    replace([UInt8](hostname), with: name + "\n")
    replace([UInt8](hosts), with: lines(name, address))
  }

  /// Makes a file anew. A link may lead to a file of /run, which is not the host's here.
  static func replace(_ path: [UInt8], with bytes: [UInt8]) {
    Kernel.remove(path)
    _ = System.writeFile(path, bytes)
  }

  private static func lines(_ name: [UInt8], _ address: [UInt8]) -> [UInt8] {
    let own = address.isEmpty ? [UInt8]("127.0.1.1") : NetworkAddresses.text(address)
    return "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" + own + "\t" + name
      + "\n"
  }
}
