import Formats
import Testing

/// The order of disks and network cards.
@Suite struct DeviceAddressTests {
  private func address(_ path: String) -> DeviceAddress {
    DeviceAddress(Array("../../devices/\(path)".utf8))
  }

  @Test("By the controller's address, then the device's own; USB last")
  func order() {
    let paths = [
      // IDE of pc: one function, a host for each channel.
      "pci0000:00/0000:00:01.1/ata1/host9/target9:0:0/9:0:0:0/block/sde",
      "pci0000:00/0000:00:01.1/ata1/host9/target9:0:1/9:0:1:0/block/sdd",
      "pci0000:00/0000:00:01.1/ata2/host1/target1:0:0/1:0:0:0/block/sda",
      "pci0000:00/0000:00:03.0/virtio0/net/eth1",
      "pci0000:00/0000:00:04.0/virtio1/host2/target2:0:2/2:0:2:0/block/sdc",
      "pci0000:00/0000:00:04.0/virtio1/host2/target2:0:10/2:0:10:0/block/sdb",
      "pci0000:00/0000:00:04.0/virtio1/host2/target2:0:10/2:0:10:3/block/sdf",
      "pci0000:00/0000:00:1f.2/ata3/host0/target0:0:0/0:0:0:0/block/sdg",
      // Behind a bridge at a lower address: the controller's own counts.
      "pci0000:00/0000:00:02.0/0000:01:00.0/virtio9/host4/target4:0:0/4:0:0:0/block/sdh",
      "pci0000:00/0000:00:02.0/0000:01:00.1/net/eth0",
      "pci0001:00/0001:00:00.0/nvme/nvme0",
      "pci10000:00/10000:00:00.0/nvme/nvme1",
      "platform/LNRO0005:02/virtio2/block/vda",
      "platform/LNRO0005:01/virtio10/block/vdb",
      "pci0000:00/0000:00:01.2/usb1/1-1/1-1:1.0/host5/target5:0:0/5:0:0:0/block/sdi",
      "pci0000:00/0000:00:01.2/usb1/1-2/1-2.1/1-2.1:1.0/host3/target3:0:0/3:0:0:0/block/sdj",
    ]
    let addresses = paths.map(address)
    for (index, path) in paths.enumerated() {
      for (other, otherPath) in paths.enumerated() {
        #expect(
          addresses[index].precedes(addresses[other]) == (index < other), "\(path), \(otherPath)")
      }
    }
  }

  @Test("What is no address, and what is far too long, is not taken for one")
  func odd() {
    for path in ["", "/", "virtual/net/lo", "pci0000:00/00000000000000000001:00:01.0", "a:b:c:d"] {
      #expect(
        !address(path).precedes(address("x")) && !address("x").precedes(address(path)), "\(path)")
    }
    #expect(DeviceAddress.scsiAddress(Array("2:0:1:16384".utf8)) == [2, 0, 1, 16384])
    for name in ["host2", "target2:0:1", "2:0:1", "2:0::1", "2:0:1:999999999999999999999"] {
      #expect(DeviceAddress.scsiAddress(Array(name.utf8)) == nil, "\(name)")
    }
  }

  @Test(arguments: [
    ("/dev/sda", 0, ""), ("/dev/sdb2", 1, "2"), ("/dev/sdz", 25, ""), ("/dev/sdaa12", 26, "12"),
    ("/dev/sdzz", 701, ""), ("/dev/sdaaa", 702, ""), ("/dev/nvme1n1p2", 1, "n1p2"),
    ("/dev/nvme0n1", 0, "n1"),
  ])
  func position(_ path: String, _ index: Int, _ rest: String) {
    let position = DiskPosition(Array(path.utf8))
    #expect(position?.index == index)
    #expect(position?.rest == Array(rest.utf8))
  }

  @Test(arguments: [
    "/dev/sd", "/dev/sd1", "/dev/sda/x", "/dev/sda1x", "/dev/sdaaaaa", "/dev/vda", "/dev/nvme",
    "/dev/nvmen1",
    "/dev/nvme0", "/dev/nvme999999999999n1", "/dev/disk/by-id/sda", "sda", "",
  ])
  func noPosition(_ path: String) {
    #expect(DiskPosition(Array(path.utf8)) == nil)
  }
}
