#if !hasFeature(Embedded)
  import Formats
#endif

/// A block device and what is on it.
struct BlockDevice {
  /// In /dev.
  let path: [UInt8]
  let major: [UInt8]
  let minor: [UInt8]
  let identity: FileSystemIdentity?
  /// Whether it has something on it that is not known here.
  var isUnknown: Bool { identity == nil && hasContent }
  private let hasContent: Bool
  /// Of a partition: what its disk's table says.
  let partition: (uuid: [UInt8], name: [UInt8])?
  /// Of a partition.
  private let number: Int?
  /// Names of the hardware, as udev has them in /dev/disk/by-id.
  let identifiers: [[UInt8]]

  /// - Parameter event: what the kernel says of it.
  init?(_ event: DeviceEvent) {
    guard let name = event.value(of: "DEVNAME") else { return nil }
    path = "/dev/" + name
    major = event.value(of: "MAJOR") ?? []
    minor = event.value(of: "MINOR") ?? []
    let file = OpenDisk(path)
    identity = file.flatMap { FileSystemIdentity(reading: $0) }
    hasContent = file.map { $0.size > 0 } ?? false
    number = event.value(of: "PARTN")?.number
    identifiers = Self.identifiers(number, name)
    if let number {
      partition = Self.partition(number, name, event)
    } else {
      partition = nil
    }
    file?.close()
  }

  /// The kernel tells a partition's UUID, old ones do not, and its name in part: the disk's table is read.
  private static func partition(
    _ number: Int, _ name: [UInt8], _ event: DeviceEvent
  ) -> (uuid: [UInt8], name: [UInt8])? {
    // Of each UTF-16 unit the low byte, which is not the name where that is not ASCII.
    let label = event.value(of: "PARTNAME")
    let uuid = event.value(of: "PARTUUID")
    if let uuid, label == nil { return (uuid, []) }
    let told = uuid.map { ($0, label ?? []) }
    guard let entry = entry(number, of: name) else { return told }
    return (uuid ?? entry.uuid, entry.name.isEmpty ? label ?? [] : entry.name)
  }

  /// What the table of a partition's disk says of its partition of that number.
  private static func entry(
    _ number: Int, of name: [UInt8]
  ) -> PartitionTable<OpenDisk>.Entry? {
    guard let disk = disk(of: name) else { return nil }
    let sector = System.contents("/sys/class/block/" + disk + "/queue/logical_block_size")
    guard let file = OpenDisk("/dev/" + disk.deviceName) else { return nil }
    defer { file.close() }
    return PartitionTable(reading: file, sectorSize: sector?.withoutNewline.number ?? 512)?
      .entry(number)
  }

  /// The name in sysfs of a partition's disk.
  private static func disk(of name: [UInt8]) -> [UInt8]? {
    // The folder of a partition stands in that of its disk.
    var folder = System.linkTarget("/sys/class/block/" + name.sysfsName)
    guard let slash = folder.lastIndex(of: UInt8(ascii: "/")) else { return nil }
    folder.removeSubrange(slash...)
    return folder.lastPathPart
  }

  /// The UUID of the partition of the same disk whose number is smaller by `offset`.
  func partitionUUID(before offset: Int) -> [UInt8]? {
    guard let number, number > offset else { return nil }
    return Self.entry(number - offset, of: Array(path.dropFirst(5)))?.uuid
  }

  private static func identifiers(_ number: Int?, _ name: [UInt8]) -> [[UInt8]] {
    guard let disk = number == nil ? name.sysfsName : disk(of: name) else { return [] }
    let address = System.linkTarget("/sys/class/block/" + disk + "/device").lastPathPart
    let names = DiskIdentifiers.names(of: disk, address: address) { attribute in
      System.contents("/sys/class/block/" + disk + "/" + [UInt8](attribute))
    }
    guard let number else { return names }
    return names.map { $0 + "-part" + [UInt8](decimal: number) }
  }

  /// Whether its file system has to be checked before it is written to; nil where that is not known.
  var isCheckDue: Bool? {
    guard identity?.kind == .ext4, let file = OpenDisk(path) else { return nil }
    defer { file.close() }
    return Ext4Check.isDue(file, now: System.now)
  }

  /// Makes the links of /dev/disk that udev makes for these names.
  func makeLinks() {
    link("by-uuid", identity?.uuid)
    link("by-label", identity?.label)
    link("by-partuuid", partition?.uuid)
    link("by-partlabel", partition?.name)
    for identifier in identifiers { link("by-id", identifier) }
  }

  private func link(_ kind: StaticString, _ name: [UInt8]?) {
    guard let name, !name.isEmpty else { return }
    System.makeFolder([UInt8]("/dev/disk"))
    let folder = "/dev/disk/" + [UInt8](kind)
    System.makeFolder(folder)
    System.makeLink(folder + "/" + name.linkName, to: "../../" + Array(path.dropFirst(5)))
  }
}

/// A device that is being read.
struct OpenDisk: DiskReader {
  private let file: Int32
  let size: Int

  init?(_ path: [UInt8]) {
    file = System.open(path)
    guard file >= 0 else { return nil }
    let sectors = System.contents("/sys/class/block/" + path.lastPathPart + "/size")
    // What is not known is not a limit.
    size = (sectors?.withoutNewline.number).map { $0 * 512 } ?? Int.max
  }

  static func canBeRead(_ path: [UInt8]) -> Bool {
    guard let disk = OpenDisk(path) else { return false }
    defer { disk.close() }
    return disk.read(at: 0, count: 512).count == 512
  }

  func read(at offset: Int, count: Int) -> [UInt8] {
    guard offset >= 0, count > 0, offset <= Int.max - count else { return [] }
    return System.read(file, at: offset, count: count)
  }

  func close() {
    System.close(file)
  }
}

extension [UInt8] {
  /// Slashes in names of devices are exclamation marks in sysfs.
  fileprivate var sysfsName: [UInt8] {
    map { $0 == UInt8(ascii: "/") ? UInt8(ascii: "!") : $0 }
  }

  fileprivate var deviceName: [UInt8] {
    map { $0 == UInt8(ascii: "!") ? UInt8(ascii: "/") : $0 }
  }

  /// The name that a link made of `linkName` stands for.
  var fromLinkName: [UInt8] {
    var text: [UInt8] = []
    var index = 0
    while index < count {
      if count - index >= 4, Array(self[index..<index + 2]).isText("\\x"),
        let high = self[index + 2].hexadecimalDigit, let low = self[index + 3].hexadecimalDigit
      {
        text.append(high << 4 | low)
        index += 4
      } else {
        text.append(self[index])
        index += 1
      }
    }
    return text
  }

  /// The name as udev writes it in a link: what could be taken for something else as `\x2f`.
  fileprivate var linkName: [UInt8] {
    var text: [UInt8] = []
    for byte in self {
      let isPlain =
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
        || byte >= 0x80 || [UInt8]("#+-.:=@_").contains(byte)
      if isPlain {
        text.append(byte)
      } else {
        text += "\\x"
        for digit in [byte >> 4, byte & 15] {
          text.append(digit < 10 ? 0x30 + digit : 0x61 + digit - 10)
        }
      }
    }
    return text
  }
}
