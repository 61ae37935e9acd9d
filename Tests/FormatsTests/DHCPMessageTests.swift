import Formats
import Testing

/// Messages of DHCP, as RFC 2131 and 2132 have them.
@Suite struct DHCPMessageTests {
  private static let card: [UInt8] = [0x52, 0x54, 0, 1, 2, 3]

  /// A server's answer, with its options.
  private static func answer(_ options: [UInt8], card: [UInt8] = card) -> [UInt8] {
    var bytes: [UInt8] = [2, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 2, 15]
    bytes += [UInt8](repeating: 0, count: 8) + card
    bytes += [UInt8](repeating: 0, count: 236 - bytes.count)
    return bytes + [99, 130, 83, 99] + options
  }

  @Test("A request has what a server needs")
  func request() {
    var message = DHCPMessage(.request, transaction: [1, 2, 3, 4], hardware: Self.card)
    (message.wanted, message.server) = ([10, 0, 2, 15], [10, 0, 2, 2])
    let bytes = message.request
    #expect(bytes.count == 300)
    #expect(Array(bytes[..<12]) == [1, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0x80, 0])
    #expect(Array(bytes[28..<34]) == Self.card)
    #expect(Array(bytes[236..<243]) == [99, 130, 83, 99, 53, 1, 3])
    #expect(Array(bytes[243..<255]) == [50, 4, 10, 0, 2, 15, 54, 4, 10, 0, 2, 2])
  }

  @Test("An answer's options are read, those that make no sense left out")
  func answers() throws {
    let options: [UInt8] =
      [
        0, 53, 1, 5, 1, 4, 255, 255, 255, 0, 3, 8, 10, 0, 2, 2, 10, 0, 2, 9, 6, 9, 10, 0, 2, 3, 1,
        2,
      ]
      + [3, 4, 5, 51, 4, 0, 1, 0, 0, 12, 3] + Array("a-1".utf8) + [15, 4] + Array("x\ny.".utf8)
      + [54, 4, 10, 0, 2, 2, 255, 1]
    let message = try #require(DHCPMessage(reading: Self.answer(options)))
    #expect(message.kind == .acknowledged)
    #expect(message.transaction == [1, 2, 3, 4] && message.hardware == Self.card)
    #expect(message.address == [10, 0, 2, 15] && message.mask == [255, 255, 255, 0])
    #expect(message.gateway == [10, 0, 2, 2] && message.server == [10, 0, 2, 2])
    #expect(message.nameServers == [[10, 0, 2, 3], [1, 2, 3, 4]])
    #expect(message.lease == 65536)
    #expect(String(decoding: message.hostname, as: UTF8.self) == "a-1")
    // A line break would begin a line of resolv.conf.
    #expect(message.domain == [])
    let forever = DHCPMessage(reading: Self.answer([53, 1, 2, 51, 4, 255, 255, 255, 255]))
    #expect(forever?.kind == .offer && forever?.lease == nil)
  }

  @Test("What is no answer is left out")
  func others() {
    let whole = Self.answer([53, 1, 5, 255])
    #expect(DHCPMessage(reading: whole) != nil)
    var request = whole
    request[0] = 1
    #expect(DHCPMessage(reading: request) == nil)
    #expect(DHCPMessage(reading: Array(whole.prefix(240))) == nil)
    #expect(DHCPMessage(reading: Self.answer([53, 1])) == nil)
    #expect(DHCPMessage(reading: Self.answer([53, 9, 5, 1])) == nil)
    #expect(DHCPMessage(reading: Self.answer([1, 4, 255, 255, 255, 0, 255])) == nil)
    #expect(DHCPMessage(reading: []) == nil)
  }
}
