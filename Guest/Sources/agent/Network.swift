#if !hasFeature(Embedded)
  import Formats
#endif

/// The addresses of a network card, of four bytes each.
struct NetworkAddresses {
  var address: [UInt8] = []
  var mask: [UInt8] = []
  /// Empty for none.
  var gateway: [UInt8] = []
  var nameServers: [[UInt8]] = []
  var domain: [UInt8] = []

  init(_ lease: DHCPMessage) {
    (address, gateway, domain) = (lease.address, lease.gateway, lease.domain)
    mask = lease.mask.isEmpty ? [255, 255, 255, 0] : lease.mask
    nameServers = lease.nameServers
  }

  /// - Parameter bytes: address, mask, gateway and name server.
  init(_ bytes: [UInt8]) {
    address = Array(bytes[0..<4])
    mask = Array(bytes[4..<8])
    gateway = Array(bytes[8..<12])
    nameServers = [Array(bytes[12..<16])]
  }

  /// Those of the kernel's parameter ip=CLIENT:SERVER:GATEWAY:MASK:HOSTNAME:DEVICE:AUTOCONF:DNS0:DNS1. Linux,
  /// Documentation/admin-guide/nfs/nfsroot.rst.
  /// - Returns: nil where it names no address.
  init?(parameter: [UInt8]) {
    let parts = parameter.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    func part(_ index: Int) -> [UInt8]? {
      index < parts.count ? Self.address(Array(parts[index])) : nil
    }
    guard let address = part(0) else { return nil }
    self.address = address
    // As the kernel does where no mask is given: by the address's class.
    let ones = address[0] < 128 ? 1 : address[0] < 192 ? 2 : 3
    mask = part(3) ?? [255, ones > 1 ? 255 : 0, ones > 2 ? 255 : 0, 0]
    gateway = part(2) ?? []
    for index in [7, 8] {
      if let server = part(index) { nameServers.append(server) }
    }
  }

  private static func address(_ text: [UInt8]) -> [UInt8]? {
    var bytes: [UInt8] = []
    for part in text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
      guard let number = Array(part).number, number < 256 else { return nil }
      bytes.append(UInt8(number))
    }
    return bytes.count == 4 && bytes != [0, 0, 0, 0] ? bytes : nil
  }

  static func text(_ address: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    for byte in address {
      if !text.isEmpty { text.append(UInt8(ascii: ".")) }
      text += [UInt8](decimal: Int(byte))
    }
    return text
  }

  /// The content of /etc/resolv.conf.
  var resolver: [UInt8] {
    var text: [UInt8] = domain.isEmpty ? [] : "search " + domain + "\n"
    for server in nameServers { text += "nameserver " + Self.text(server) + "\n" }
    return text
  }
}

/// The machine's network card.
enum Network {
  /// The name of the first card that is one; nil where there is none.
  static var card: [UInt8]? {
    System.names(in: [UInt8]("/sys/class/net"))
      .filter { System.exists("/sys/class/net/" + $0 + "/device") }
      .min { $0.lexicographicallyPrecedes($1) }
  }

  /// - Returns: what went wrong.
  static func configure(_ card: [UInt8], _ addresses: NetworkAddresses) -> [UInt8]? {
    var result = Kernel.bringUp(card, addresses.address, mask: addresses.mask)
    if result >= 0, addresses.gateway.count == 4 {
      result = Kernel.addDefaultRoute(addresses.gateway)
    }
    return result < 0 && result != Kernel.exists
      ? "the network can't be set up (error " + [UInt8](decimal: -result) + ")" : nil
  }
}
