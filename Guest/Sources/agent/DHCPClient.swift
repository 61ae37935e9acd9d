#if !hasFeature(Embedded)
  import Formats
#endif

/// Asks DHCP servers for the addresses of a network card. RFC 2131.
struct DHCPClient {
  private static let (serverPort, clientPort) = (67, 68) as (UInt16, UInt16)

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
  mutating func lease() -> DHCPMessage {
    var wait = 500
    while true {
      begin()
      send(message(.discover))
      if let offer = receive(.offer, within: wait) {
        var request = message(.request)
        (request.wanted, request.server) = (offer.address, offer.server)
        send(request)
        if let answer = receive(.acknowledged, within: 2000) { return answer }
      }
      wait = min(16_000, wait * 2)
    }
  }

  /// Asks to keep an address, of whichever server knows it: 4.3.2, REBINDING.
  mutating func renew(_ lease: DHCPMessage) -> DHCPMessage? {
    begin()
    var request = message(.request)
    request.clientAddress = lease.address
    send(request)
    return receive(.acknowledged, within: 4000)
  }

  private mutating func begin() {
    // Any number that a neighbour does not use just now.
    let number = UInt32(truncatingIfNeeded: System.uptime &* 2_654_435_761 ^ System.now)
    transaction = []
    for (index, shift) in ([24, 16, 8, 0] as [UInt32]).enumerated() {
      transaction.append(UInt8(truncatingIfNeeded: number >> shift) ^ hardware[index + 2])
    }
  }

  private func message(_ kind: DHCPMessage.Kind) -> DHCPMessage {
    DHCPMessage(kind, transaction: transaction, hardware: hardware)
  }

  private func send(_ message: DHCPMessage) {
    Kernel.broadcast(message.request, from: socket, to: Self.serverPort)
  }

  /// - Returns: nil where none comes in time.
  private func receive(_ kind: DHCPMessage.Kind, within milliseconds: Int) -> DHCPMessage? {
    let start = System.uptime
    while true {
      let left = milliseconds - (System.uptime - start)
      if left <= 0 { return nil }
      var polls = [Kernel.Poll(file: socket, wantsInput: true)]
      Kernel.poll(&polls, milliseconds: left)
      let (bytes, count) = Kernel.read(socket, count: 1500)
      guard count > 0, let answer = DHCPMessage(reading: bytes), answer.transaction == transaction,
        answer.hardware == hardware
      else { continue }
      if answer.kind == kind { return answer }
      if answer.kind == .refused { return nil }
    }
  }
}
