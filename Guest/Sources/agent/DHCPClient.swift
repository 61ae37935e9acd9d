#if !hasFeature(Embedded)
  import Formats
#endif

/// Asks for the addresses of a network card. RFC 2131; options: RFC 2132.
struct DHCPClient {
  private enum Kind: UInt8 {
    case discover = 1
    case offer = 2
    case request = 3
    case acknowledged = 5
    case refused = 6
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
    static let wanted: UInt8 = 55
    static let end: UInt8 = 255
  }

  private static let (serverPort, clientPort) = (67, 68) as (UInt16, UInt16)
  private static let optionsStart = 240
  private static let magic: [UInt8] = [99, 130, 83, 99]

  private let socket: Int32
  /// The card's own address.
  private let hardware: [UInt8]
  private var transaction: [UInt8] = []

  /// - Parameter card: one that is up.
  /// - Returns: nil for a card that is no Ethernet card.
  init?(_ card: [UInt8]) {
    let text = System.contents("/sys/class/net/" + card + "/address")?.withoutNewline ?? []
    var bytes: [UInt8] = []
    for part in text.split(separator: UInt8(ascii: ":")) {
      guard part.count == 2, let high = part.first?.hexadecimalDigit,
        let low = part.last?.hexadecimalDigit
      else { return nil }
      bytes.append(high << 4 | low)
    }
    guard bytes.count == 6 else { return nil }
    hardware = bytes
    socket = Kernel.openBroadcasts(on: card, port: Self.clientPort)
    if socket < 0 { return nil }
  }

  /// Asks until a server answers, for ever.
  mutating func lease() -> NetworkAddresses {
    var wait = 500
    while true {
      begin()
      send(.discover, [])
      if let offer = receive(.offer, within: wait) {
        send(
          .request,
          Self.option(Option.address, offer.addresses.address)
            + Self.option(Option.server, offer.server))
        if let answer = receive(.acknowledged, within: 2000) { return answer.addresses }
      }
      wait = min(16_000, wait * 2)
    }
  }

  /// Asks to keep addresses, of whichever server knows them: 4.3.2, REBINDING.
  mutating func renew(_ addresses: NetworkAddresses) -> NetworkAddresses? {
    begin()
    send(.request, [], address: addresses.address)
    return receive(.acknowledged, within: 4000)?.addresses
  }

  private mutating func begin() {
    // Any number that a neighbour does not use just now.
    let number = UInt32(truncatingIfNeeded: System.uptime &* 2_654_435_761 ^ System.now)
    transaction = []
    for (index, shift) in ([24, 16, 8, 0] as [UInt32]).enumerated() {
      transaction.append(UInt8(truncatingIfNeeded: number >> shift) ^ hardware[index + 2])
    }
  }

  private static func option(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    bytes.isEmpty ? [] : [number, UInt8(bytes.count)] + bytes
  }

  /// - Parameter address: the card's; answers then come to it.
  private func send(_ kind: Kind, _ options: [UInt8], address: [UInt8] = [0, 0, 0, 0]) {
    // BOOTREQUEST, Ethernet, six bytes of address; then: answer to all, since there is no address yet.
    var message: [UInt8] = [1, 1, 6, 0] + transaction + [0, 0, 0x80, 0] + address
    message += [UInt8](repeating: 0, count: 12) + hardware
    message += [UInt8](repeating: 0, count: Self.optionsStart - Self.magic.count - message.count)
    message += Self.magic + Self.option(Option.kind, [kind.rawValue]) + options
    message += Self.option(
      Option.wanted,
      [
        Option.mask, Option.router, Option.nameServers, Option.hostname, Option.domain,
        Option.lease,
      ])
    message.append(Option.end)
    // BOOTP's size, below which some drop it.
    if message.count < 300 { message += [UInt8](repeating: 0, count: 300 - message.count) }
    Kernel.broadcast(message, from: socket, to: Self.serverPort)
  }

  /// - Returns: nil where none comes in time.
  private func receive(
    _ kind: Kind, within milliseconds: Int
  ) -> (addresses: NetworkAddresses, server: [UInt8])? {
    let start = System.uptime
    while true {
      let left = milliseconds - (System.uptime - start)
      if left <= 0 { return nil }
      var polls = [Kernel.Poll(file: socket, wantsInput: true)]
      Kernel.poll(&polls, milliseconds: left)
      let (bytes, count) = Kernel.read(socket, count: 1500)
      guard count > 0, let (found, addresses, server) = read(bytes) else { continue }
      if found == kind { return (addresses, server) }
      if found == .refused { return nil }
    }
  }

  /// - Returns: nil for what is no answer to this client.
  private func read(_ bytes: [UInt8]) -> (Kind, NetworkAddresses, server: [UInt8])? {
    guard bytes.count > Self.optionsStart, bytes[0] == 2, Array(bytes[4..<8]) == transaction,
      Array(bytes[28..<34]) == hardware,
      Array(bytes[(Self.optionsStart - 4)..<Self.optionsStart]) == Self.magic
    else { return nil }
    var addresses = NetworkAddresses()
    addresses.address = Array(bytes[16..<20])
    var kind: Kind?
    var server: [UInt8] = []
    var offset = Self.optionsStart
    while offset < bytes.count, bytes[offset] != Option.end {
      // Padding has no length.
      guard bytes[offset] != 0 else {
        offset += 1
        continue
      }
      guard offset + 1 < bytes.count else { break }
      let (number, count) = (bytes[offset], Int(bytes[offset + 1]))
      guard offset + 2 + count <= bytes.count else { break }
      let value = Array(bytes[(offset + 2)..<(offset + 2 + count)])
      offset += 2 + count
      switch number {
      case Option.kind: kind = value.first.flatMap { Kind(rawValue: $0) }
      case Option.mask where count == 4: addresses.mask = value
      case Option.router where count >= 4: addresses.gateway = Array(value[..<4])
      case Option.server where count == 4: server = value
      case Option.hostname where Self.isName(value): addresses.hostname = value
      case Option.domain where Self.isName(value): addresses.domain = value
      case Option.nameServers:
        for start in stride(from: 0, to: count - count % 4, by: 4) {
          addresses.nameServers.append(Array(value[start..<(start + 4)]))
        }
      case Option.lease where count == 4:
        addresses.lease = value.reduce(0) { $0 << 8 | Int($1) }
      default: break
      }
    }
    guard let kind else { return nil }
    if addresses.mask.isEmpty { addresses.mask = [255, 255, 255, 0] }
    return (kind, addresses, server)
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
