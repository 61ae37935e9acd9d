/// The place of a disk or a network card in the machine, told by its path in sysfs. It puts devices in one
/// order, however the kernel named them.
///
/// Devices on PCI come first, by the address of their controller, then those on other buses, and those
/// on USB last. Behind one controller, the order is that of the device's own address: ATA port or SCSI
/// host, channel, target and LUN.
package struct DeviceAddress: Equatable, Sendable {
  private enum Bus: Int {
    case pci, other, usb
  }

  private let key: [Int]

  /// - Parameter path: what the device's link in /sys/class leads to, such as
  ///   `../../devices/pci0000:00/0000:00:05.0/virtio1/host2/target2:0:1/2:0:1:0/block/sda`.
  package init(_ path: [UInt8]) {
    var bus = Bus.other
    var pci = [0, 0, 0, 0]
    var usb: [Int] = []
    var virtio = 0
    var port = 0
    var host = 0
    var scsi = [0, 0, 0]
    for part in path.split(separator: UInt8(ascii: "/")) {
      let part = Array(part)
      if let address = Self.pciAddress(part) {
        if bus == .other { bus = .pci }
        pci = address
      } else if Self.number(part, after: "usb") != nil {
        bus = .usb
      } else if bus == .usb, let ports = Self.usbPorts(part) {
        usb = ports
      } else if let number = Self.number(part, after: "virtio") {
        virtio = number
      } else if let number = Self.number(part, after: "ata") {
        port = number
      } else if let number = Self.number(part, after: "host") {
        host = number
      } else if let address = Self.scsiAddress(part) {
        scsi = Array(address.dropFirst())
      }
    }
    usb = (0..<8).map { $0 < usb.count ? usb[$0] : 0 }
    key = [bus.rawValue] + pci + usb + [virtio, port, host] + scsi
  }

  /// Whether this device comes before another one.
  package func precedes(_ other: DeviceAddress) -> Bool {
    key.lexicographicallyPrecedes(other.key)
  }

  /// The numbers of `HOST:CHANNEL:TARGET:LUN`; nil for any other name of the SCSI bus.
  package static func scsiAddress(_ name: [UInt8]) -> [Int]? {
    let numbers = numbers(name, separators: [0x3a], radix: 10)
    return numbers?.count == 4 ? numbers : nil
  }

  /// `DOMAIN:BUS:DEVICE.FUNCTION`, in hexadecimal digits.
  private static func pciAddress(_ name: [UInt8]) -> [Int]? {
    guard name.count >= 12, name[name.count - 8] == UInt8(ascii: ":"),
      name[name.count - 5] == UInt8(ascii: ":"), name[name.count - 2] == UInt8(ascii: ".")
    else { return nil }
    let numbers = numbers(name, separators: [0x3a, 0x2e], radix: 16)
    return numbers?.count == 4 ? numbers : nil
  }

  /// `BUS-PORT.PORT`, in decimal digits.
  private static func usbPorts(_ name: [UInt8]) -> [Int]? {
    guard name.contains(UInt8(ascii: "-")) else { return nil }
    return numbers(name, separators: [0x2d, 0x2e], radix: 10)
  }

  private static func number(_ name: [UInt8], after start: StaticString) -> Int? {
    guard name.startsWithText(start) else { return nil }
    let rest = Array(name[start.utf8CodeUnitCount...])
    return numbers(rest, separators: [], radix: 10)?.first
  }

  /// - Returns: nil for a name that is anything but numbers of at most eight digits, with one separator
  ///   between them.
  private static func numbers(_ name: [UInt8], separators: [UInt8], radix: Int) -> [Int]? {
    var numbers: [Int] = []
    var digits = 0
    var number = 0
    for byte in name + [0] {
      if byte == 0 || separators.contains(byte) {
        guard digits > 0 else { return nil }
        numbers.append(number)
        digits = 0
        number = 0
        continue
      }
      guard let digit = digit(byte), digit < radix, digits < 8 else { return nil }
      digits += 1
      number = number * radix + digit
    }
    return numbers
  }

  private static func digit(_ byte: UInt8) -> Int? {
    switch byte {
    case 0x30...0x39: Int(byte) - 0x30
    case 0x41...0x46: Int(byte) - 0x41 + 10
    case 0x61...0x66: Int(byte) - 0x61 + 10
    default: nil
    }
  }
}
