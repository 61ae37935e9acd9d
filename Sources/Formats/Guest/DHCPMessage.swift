/// A message between a DHCP client and its server: RFC 2131, figure 1; options: RFC 2132.
package struct DHCPMessage: Equatable, Sendable {
  package enum Kind: UInt8, Sendable {
    case discover = 1
    case offer = 2
    case request = 3
    case acknowledged = 5
    case refused = 6
  }

  /// Four bytes that tell a client's exchange from others.
  package var transaction: [UInt8]
  /// The card's own address, of six bytes.
  package var hardware: [UInt8]
  package var kind: Kind
  /// The address that the client has, in a request: four bytes.
  package var clientAddress: [UInt8] = [0, 0, 0, 0]
  /// The address that the client is given: four bytes.
  package var address: [UInt8] = [0, 0, 0, 0]
  /// The address that a client asks for; empty for none.
  package var wanted: [UInt8] = []
  /// Addresses of four bytes; empty where the server says nothing of them.
  package var server: [UInt8] = []
  package var mask: [UInt8] = []
  package var gateway: [UInt8] = []
  package var nameServers: [[UInt8]] = []
  /// Letters, digits, hyphens and dots; empty for none.
  package var hostname: [UInt8] = []
  package var domain: [UInt8] = []
  /// Seconds; nil for always.
  package var lease: UInt32?

  package init(_ kind: Kind, transaction: [UInt8], hardware: [UInt8]) {
    (self.kind, self.transaction, self.hardware) = (kind, transaction, hardware)
  }

  private enum Option {
    static let mask: UInt8 = 1
    static let router: UInt8 = 3
    static let nameServers: UInt8 = 6
    static let hostname: UInt8 = 12
    static let domain: UInt8 = 15
    static let address: UInt8 = 50
    static let lease: UInt8 = 51
    static let kind: UInt8 = 53
    static let server: UInt8 = 54
    static let list: UInt8 = 55
    static let end: UInt8 = 255
  }

  private static let optionsStart = 240
  private static let magic: [UInt8] = [99, 130, 83, 99]
  /// BOOTP's size, below which some drop a message.
  private static let leastSize = 300

  /// The message as a client sends it: to all, since it may have no address yet.
  package var request: [UInt8] {
    // BOOTREQUEST, Ethernet, six bytes of address; the flag of broadcasts.
    var bytes: [UInt8] = [1, 1, 6, 0] + transaction + [0, 0, 0x80, 0] + clientAddress
    bytes += [UInt8](repeating: 0, count: 12) + hardware
    bytes += [UInt8](repeating: 0, count: Self.optionsStart - Self.magic.count - bytes.count)
    bytes += Self.magic + Self.option(Option.kind, [kind.rawValue])
    bytes += Self.option(Option.address, wanted) + Self.option(Option.server, server)
    bytes += Self.option(
      Option.list,
      [
        Option.mask, Option.router, Option.nameServers, Option.hostname, Option.domain,
        Option.lease,
      ])
    bytes.append(Option.end)
    if bytes.count < Self.leastSize {
      bytes += [UInt8](repeating: 0, count: Self.leastSize - bytes.count)
    }
    return bytes
  }

  private static func option(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    bytes.isEmpty ? [] : [number, UInt8(bytes.count)] + bytes
  }

  /// Reads a server's answer.
  /// - Returns: nil for what is none.
  package init?(reading bytes: [UInt8]) {
    guard bytes.count > Self.optionsStart, bytes[0] == 2, bytes[1] == 1, bytes[2] == 6,
      Array(bytes[(Self.optionsStart - 4)..<Self.optionsStart]) == Self.magic
    else { return nil }
    var kind: Kind?
    transaction = Array(bytes[4..<8])
    hardware = Array(bytes[28..<34])
    self.kind = .offer
    clientAddress = Array(bytes[12..<16])
    address = Array(bytes[16..<20])
    var offset = Self.optionsStart
    while offset < bytes.count, bytes[offset] != Option.end {
      // Padding has no length.
      guard bytes[offset] != 0 else {
        offset += 1
        continue
      }
      guard offset + 1 < bytes.count else { return nil }
      let (number, count) = (bytes[offset], Int(bytes[offset + 1]))
      guard offset + 2 + count <= bytes.count else { return nil }
      let value = Array(bytes[(offset + 2)..<(offset + 2 + count)])
      offset += 2 + count
      switch number {
      case Option.kind where count == 1: kind = Kind(rawValue: value[0])
      case Option.mask where count == 4: mask = value
      case Option.router where count >= 4: gateway = Array(value[..<4])
      case Option.server where count == 4: server = value
      case Option.hostname where Self.isName(value): hostname = value
      case Option.domain where Self.isName(value): domain = value
      case Option.nameServers:
        for start in stride(from: 0, to: count - count % 4, by: 4) {
          nameServers.append(Array(value[start..<(start + 4)]))
        }
      case Option.lease where count == 4:
        let seconds = value.reduce(0) { $0 << 8 | UInt32($1) }
        lease = seconds == .max ? nil : seconds
      default: break
      }
    }
    guard let kind else { return nil }
    self.kind = kind
  }

  /// Whether a server's text is a name, and nothing that a file would take for more.
  private static func isName(_ text: [UInt8]) -> Bool {
    !text.isEmpty
      && text.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte)
          || (0x61...0x7a).contains(byte) || byte == 0x2d || byte == 0x2e
      }
  }
}
