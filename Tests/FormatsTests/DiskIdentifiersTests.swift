import Formats
import Testing

/// Names of disks in /dev/disk/by-id; the expected ones are those of udev in Debian 12, for QEMU's disks.
@Suite struct DiskIdentifiersTests {
  /// A disk's attributes by their paths.
  private func names(_ disk: String, _ attributes: [String: [UInt8]]) -> [String] {
    DiskIdentifiers.names(of: Array(disk.utf8)) { attributes["\($0)"] }
      .map { String(decoding: $0, as: UTF8.self) }
  }

  private func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// A page 0x83 of these designators: their kind, and their bytes.
  private func page(_ designators: [(kind: UInt8, bytes: [UInt8])]) -> [UInt8] {
    var body: [UInt8] = []
    for (kind, bytes) in designators { body += [2, kind, 0, UInt8(bytes.count)] + bytes }
    return [0, 0x83, 0, UInt8(body.count)] + body
  }

  @Test func virtio() {
    #expect(names("vda", ["serial": text("root disk\n")]) == ["virtio-root_disk"])
    #expect(names("vda", ["serial": []]) == [])
    #expect(names("vda", [:]) == [])
  }

  @Test func nvme() {
    let attributes = [
      "device/model": text("QEMU NVMe Ctrl                          \n"),
      "device/serial": text("s0                  \n"), "wwid": text("nvme.1b36-7330-51-00000001\n"),
    ]
    #expect(
      names("nvme0n1", attributes) == ["nvme-QEMU_NVMe_Ctrl_s0", "nvme-nvme.1b36-7330-51-00000001"])
  }

  @Test func ata() {
    let attributes = [
      "device/vendor": text("ATA     \n"), "device/model": text("QEMU HARDDISK   \n"),
      "device/vpd_pg80": [0, 0x80, 0, 20] + text("             QM00001"),
    ]
    #expect(names("sda", attributes) == ["ata-QEMU_HARDDISK_QM00001"])
  }

  @Test func scsi() {
    let attributes = [
      "device/vendor": text("QEMU    \n"), "device/model": text("QEMU HARDDISK   \n"),
      "device/vpd_pg83": page([
        (0, text("drive-scsi0")), (3, [0x50, 0, 0xc5, 0, 0x12, 0x34, 0x56, 0x78]),
        // A target's port.
        (0x13, [1, 2, 3, 4, 5, 6, 7, 8]),
      ]),
    ]
    #expect(
      names("sda", attributes) == [
        "scsi-0QEMU_QEMU_HARDDISK_drive-scsi0", "scsi-35000c50012345678",
        "wwn-0x5000c50012345678",
      ])
  }

  @Test("USB: target and LUN come last, a serial number with a comma does not count")
  func usb() {
    func names(_ model: String, _ serial: String, address: String) -> [String] {
      let attributes = [
        "device/vendor": text("QEMU    \n"), "device/model": text(model),
        "device/../../../bInterfaceClass": text("08\n"),
        "device/../../../../serial": text(serial),
      ]
      return DiskIdentifiers.names(of: text("sda"), address: text(address)) {
        attributes["\($0)"]
      }.map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(
      names("QEMU HARDDISK   \n", "1-0000:00:04.0-1\n", address: "2:0:0:0")
        == ["usb-QEMU_QEMU_HARDDISK_1-0000:00:04.0-1-0:0"])
    #expect(names("A&B", "x y\n", address: "10:0:1:3") == ["usb-QEMU_A_B_x_y-1:3"])
    #expect(names("A", "1,2\n", address: "2:0:0:0") == ["usb-QEMU_A-0:0"])
    #expect(names("A", "", address: "") == ["usb-QEMU_A"])
  }

  @Test("What has none, and pages that end too early")
  func nothing() {
    #expect(names("loop0", ["serial": text("a")]) == [])
    let whole = page([(0, text("drive-scsi0")), (3, [1, 2, 3, 4, 5, 6, 7, 8])])
    for count in 0..<whole.count {
      let attributes = [
        "device/vendor": text("V"), "device/model": text("M"),
        "device/vpd_pg83": Array(whole.prefix(count)),
      ]
      #expect(names("sda", attributes).count <= 1)
    }
  }
}
