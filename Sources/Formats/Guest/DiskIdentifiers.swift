/// The names that udev gives a disk in /dev/disk/by-id, from the attributes of sysfs: virtio, NVMe, ATA, SCSI, USB,
/// MMC.
///
/// A disk may get names here that udev makes only where there is no better one. udev(7) and its rules
/// `60-persistent-storage.rules`; SPC-5, "Vital product data parameters".
package enum DiskIdentifiers {
  /// Returns the names of a disk.
  /// - Parameters:
  ///   - disk: The name in /sys/class/block.
  ///   - address: The SCSI device's own address, HOST:CHANNEL:TARGET:LUN.
  ///   - attribute: The content of a file in the disk's folder of sysfs.
  package static func names(
    of disk: [UInt8], address: [UInt8] = [], attribute: (StaticString) -> [UInt8]?
  ) -> [[UInt8]] {
    func word(_ name: StaticString) -> [UInt8]? {
      guard let text = attribute(name)?.joinedByUnderscores(), !text.isEmpty else { return nil }
      return text
    }
    func joined(_ kind: StaticString, _ model: [UInt8]?, _ serial: [UInt8]?) -> [[UInt8]] {
      guard let model, let serial, !serial.isEmpty else { return [] }
      return [name(kind, model, "_", serial)]
    }
    if disk.startsWithText("vd") {
      return word("serial").map { [name("virtio-", $0)] } ?? []
    }
    if disk.startsWithText("nvme") {
      return joined("nvme-", word("device/model"), word("device/serial"))
        + (word("wwid").map { [name("nvme-", $0)] } ?? [])
    }
    if disk.startsWithText("mmcblk") {
      return joined("mmc-", word("device/name"), word("device/serial"))
    }
    guard disk.startsWithText("sd") || disk.startsWithText("sr"),
      let vendor = word("device/vendor"), let model = word("device/model")
    else { return [] }
    let serial = attribute("device/vpd_pg80").map { Array($0.dropFirst(4)).joinedByUnderscores() }
    let page = attribute("device/vpd_pg83") ?? []
    // The interface that the SCSI host belongs to is of a mass storage device.
    if let kind = attribute("device/../../../bInterfaceClass"), kind.startsWithText("08") {
      return [usbName(vendor, model, attribute("device/../../../../serial"), address)]
        + designators(page, vendor, model)
    }
    if vendor.isText("ATA") {
      return joined("ata-", model, serial) + designators(page, vendor, model)
    }
    return joined("scsi-S", name("", vendor, "_", model), serial)
      + designators(page, vendor, model)
  }

  /// Several disks of one device differ in target and LUN.
  private static func usbName(
    _ vendor: [UInt8], _ model: [UInt8], _ serial: [UInt8]?, _ address: [UInt8]
  ) -> [UInt8] {
    var result = name("usb-", vendor.plain(), "_", model.plain())
    var serial = serial ?? []
    if serial.last == 0x0a { serial.removeLast() }
    // udev takes no serial number with a comma or control characters.
    if !serial.isEmpty, serial.allSatisfy({ $0 >= 0x20 && $0 < 0x80 && $0 != 0x2c }) {
      result = name("", result, "_", serial.joinedByUnderscores().plain())
    }
    var colons = 0
    let unit = address.drop { byte in
      if byte == UInt8(ascii: ":") { colons += 1 }
      return colons < 2
    }.dropFirst()
    return unit.isEmpty ? result : name("", result, "-", Array(unit))
  }

  /// The names by the designators of the logical unit.
  private static func designators(
    _ page: [UInt8], _ vendor: [UInt8], _ model: [UInt8]
  ) -> [[UInt8]] {
    var names: [[UInt8]] = []
    var offset = 4
    while offset + 4 <= page.count {
      let length = Int(page[offset + 3])
      guard offset + 4 + length <= page.count else { break }
      let value = Array(page[(offset + 4)..<(offset + 4 + length)])
      let kind = page[offset + 1]
      offset += 4 + length
      // Of the logical unit, not of its port or target.
      guard kind & 0x30 == 0, !value.isEmpty else { continue }
      switch kind & 0x0f {
      case 0:
        let start = name("scsi-0", vendor, "_", model)
        names.append(name("", start, "_", value.joinedByUnderscores()))
      case 1: names.append(name("scsi-1", value.joinedByUnderscores()))
      case 2, 3:
        var digits: [UInt8] = []
        for byte in value { UUIDText.appendHexadecimal(byte, to: &digits) }
        names.append(name(kind & 0x0f == 2 ? "scsi-2" : "scsi-3", digits))
        names.append(name("wwn-0x", digits))
      default: break
      }
    }
    return names
  }

  private static func name(
    _ kind: StaticString, _ first: [UInt8], _ separator: StaticString = "", _ second: [UInt8] = []
  ) -> [UInt8] {
    var result: [UInt8] = []
    func append(_ text: StaticString) {
      for index in 0..<text.utf8CodeUnitCount { unsafe result.append(text.utf8Start[index]) }
    }
    append(kind)
    result += first
    append(separator)
    return result + second
  }
}

extension [UInt8] {
  /// Returns the printable text without blanks around it, and with one `_` for those in it.
  fileprivate func joinedByUnderscores() -> [UInt8] {
    var text: [UInt8] = []
    var isGap = false
    for byte in self where byte != 0 {
      if ByteWords.isBlank(byte) {
        isGap = !text.isEmpty
      } else if byte > 0x20, byte != 0x7f {
        if isGap { text.append(UInt8(ascii: "_")) }
        isGap = false
        text.append(byte)
      }
    }
    return text
  }

  /// Returns the text with `_` for what udev has in no name.
  fileprivate func plain() -> [UInt8] {
    map { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x80...0xff: return byte
      // #+-.:=@_
      case 0x23, 0x2b, 0x2d, 0x2e, 0x3a, 0x3d, 0x40, 0x5f: return byte
      default: return UInt8(ascii: "_")
      }
    }
  }
}
