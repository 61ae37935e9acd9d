#if !hasFeature(Embedded)
  import Formats
#endif

/// What `root=` asks for, and what was found to be it.
enum DeviceName {
  /// Any path of a block device.
  case path([UInt8])
  case uuid([UInt8])
  case label([UInt8])
  /// Of a partition, or of the one whose number is smaller by `offset`.
  case partitionUUID([UInt8], offset: Int)
  case partitionLabel([UInt8])
  /// The name of a disk's hardware, as udev has it in /dev/disk/by-id.
  case identifier([UInt8])
  case number(major: [UInt8], minor: [UInt8])
  /// No way to name a device that is known here.
  case other

  init(_ text: [UInt8]) {
    func rest(_ start: StaticString) -> [UInt8]? {
      guard text.startsWithText(start), text.count > start.utf8CodeUnitCount else { return nil }
      return Array(text[start.utf8CodeUnitCount...])
    }
    func link(_ folder: StaticString) -> [UInt8]? { rest(folder)?.fromLinkName }
    if let uuid = rest("UUID=") ?? link("/dev/disk/by-uuid/") {
      self = .uuid(uuid)
    } else if let label = rest("LABEL=") ?? link("/dev/disk/by-label/") {
      self = .label(label)
    } else if let uuid = rest("PARTUUID=") ?? link("/dev/disk/by-partuuid/") {
      self = Self.partition(uuid)
    } else if let label = rest("PARTLABEL=") ?? link("/dev/disk/by-partlabel/") {
      self = .partitionLabel(label)
    } else if let identifier = link("/dev/disk/by-id/") {
      self = .identifier(identifier)
    } else if text.startsWithText("/dev/") {
      self = .path(text)
    } else if let colon = text.firstIndex(of: UInt8(ascii: ":")),
      let major = Array(text[..<colon]).number, let minor = Array(text[(colon + 1)...]).number
    {
      self = .number(major: [UInt8](decimal: major), minor: [UInt8](decimal: minor))
    } else {
      self = .other
    }
  }

  /// `UUID`, or `UUID/PARTNROFF=NUMBER`.
  private static func partition(_ text: [UInt8]) -> DeviceName {
    guard let slash = text.firstIndex(of: UInt8(ascii: "/")) else {
      return .partitionUUID(text, offset: 0)
    }
    let suffix = Array(text[slash...])
    let mark: StaticString = "/PARTNROFF="
    guard suffix.startsWithText(mark) else { return .other }
    var digits = Array(suffix[mark.utf8CodeUnitCount...])
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative { digits.removeFirst() }
    guard let number = digits.number else { return .other }
    return .partitionUUID(Array(text[..<slash]), offset: isNegative ? -number : number)
  }

  /// Whether it is what a file system is called by.
  var isOfFileSystem: Bool {
    switch self {
    case .uuid, .label: true
    default: false
    }
  }

  /// Whether it is this device; never for a path, which is looked at itself.
  func isNamed(_ device: BlockDevice) -> Bool {
    switch self {
    case .path, .other: false
    case .uuid(let uuid): device.identity?.uuid.isSameIgnoringCase(uuid) ?? false
    case .label(let label): device.identity?.label == label
    case .partitionUUID(let uuid, 0): device.partition?.uuid.isSameIgnoringCase(uuid) ?? false
    case .partitionUUID(let uuid, let offset):
      device.partitionUUID(before: offset)?.isSameIgnoringCase(uuid) ?? false
    case .identifier(let identifier): device.identifiers.contains(identifier)
    case .partitionLabel(let label): device.partition?.name == label
    case .number(let major, let minor): device.major == major && device.minor == minor
    }
  }
}
