#if !hasFeature(Embedded)
  import Formats
#endif

/// What `root=` asks for, and what was found to be it.
enum DeviceName {
  /// Any path of a block device.
  case path([UInt8])
  case uuid([UInt8])
  case label([UInt8])
  case partitionUUID([UInt8])
  case partitionLabel([UInt8])
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
      self = .partitionUUID(uuid)
    } else if let label = rest("PARTLABEL=") ?? link("/dev/disk/by-partlabel/") {
      self = .partitionLabel(label)
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
    case .partitionUUID(let uuid): device.partition?.uuid.isSameIgnoringCase(uuid) ?? false
    case .partitionLabel(let label): device.partition?.name == label
    case .number(let major, let minor): device.major == major && device.minor == minor
    }
  }
}
