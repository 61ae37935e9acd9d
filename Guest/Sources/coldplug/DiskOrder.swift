#if !hasFeature(Embedded)
  import Formats
#endif

/// Gives SCSI and ATA disks their letters in the order of their addresses.
///
/// The kernel gives them as probing happens to end: controllers are loaded side by side, and the driver
/// of disks probes asynchronously. While the bus is held, drivers that are loaded take no device; then each
/// device gets its driver, one after the other. Linux, Documentation/ABI/testing/sysfs-bus,
/// drivers_autoprobe and drivers_probe.
struct DiskOrder {
  private static let bus = [UInt8]("/sys/bus/scsi")
  private var isHeld = false
  private var tried: [[UInt8]] = []

  /// Holds the bus, if there is one. Called when the SCSI core has come, before any controller's driver.
  mutating func hold() {
    if !isHeld { isHeld = System.writeFile(Self.bus + "/drivers_autoprobe", [0x30]) }
  }

  /// Gives the devices that have come their drivers.
  /// - Returns: whether there were any.
  mutating func attach() -> Bool {
    guard isHeld else { return false }
    let waiting = DiskOrder.sorted(in: Self.bus + "/devices").filter { name in
      DeviceAddress.scsiAddress(name) != nil && !tried.contains(name)
        && !System.exists(Self.bus + "/devices/" + name + "/driver")
    }
    for name in waiting {
      tried.append(name)
      // It fails for a device that no driver is for.
      _ = System.writeFile(Self.bus + "/drivers_probe", name)
    }
    return !waiting.isEmpty
  }

  /// Lets drivers take what comes from now on, as usual.
  /// - Returns: whether there were more devices.
  mutating func release() -> Bool {
    guard isHeld else { return false }
    _ = System.writeFile(Self.bus + "/drivers_autoprobe", [0x31])
    let hasMore = attach()
    isHeld = false
    return hasMore
  }

  /// The kernel's path of the disk at a position.
  /// - Returns: nil if there is none.
  static func path(_ position: DiskPosition) -> [UInt8]? {
    let folder = [UInt8](position.kind == .scsi ? "/sys/class/block" : "/sys/class/nvme")
    let disks = sorted(in: folder).filter { name in
      switch position.kind {
      case .scsi:
        name.startsWithText("sd") && name[2...].allSatisfy { (0x61...0x7a).contains($0) }
      case .nvme: name.startsWithText("nvme")
      }
    }
    guard position.index < disks.count else { return nil }
    return "/dev/" + disks[position.index] + position.rest
  }

  /// The names of the links in a folder, in the order of the devices that they lead to.
  static func sorted(in folder: [UInt8]) -> [[UInt8]] {
    System.names(in: folder).map { name in
      (name: name, address: DeviceAddress(System.linkTarget(folder + "/" + name)))
    }.sorted {
      if $0.address != $1.address { return $0.address.precedes($1.address) }
      return $0.name.count == $1.name.count
        ? $0.name.lexicographicallyPrecedes($1.name) : $0.name.count < $1.name.count
    }.map { $0.name }
  }
}
