/// What extended headers say of the entry that follows them.
struct PaxHeader {
  var path: [UInt8]?
  var linkTarget: [UInt8]?
  var size: Int?
  var modified: FileTime?
  var owner: Int?
  var group: Int?
  var attributes: [ExtendedAttribute] = []
  /// As text: acl_from_text(3).
  var accessLists: [TarMember.AccessList] = []
  var sparse = PaxSparseFile()

  /// Adds records of the form `LENGTH KEY=VALUE\n`.
  mutating func merge(_ bytes: [UInt8]) throws(FormatError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      guard let blank = rest.firstIndex(of: 0x20),
        let length = Self.decimal(rest[..<blank]), length > 0,
        length <= rest.count, rest.startIndex + length > blank + 1,
        rest[rest.startIndex + length - 1] == 0x0a,
        let equals = rest[blank..<rest.startIndex + length].firstIndex(of: UInt8(ascii: "="))
      else { throw FormatError(.malformed, "a pax header that can't be read") }
      // A reader in C would take what is before a NUL for the key.
      let keyBytes = rest[(blank + 1)..<equals]
      guard !keyBytes.isEmpty, let key = String(validating: keyBytes, as: UTF8.self),
        !key.utf8.contains(0)
      else { throw FormatError(.malformed, "a pax header with a key that is none") }
      try set(key, Array(rest[(equals + 1)..<(rest.startIndex + length - 1)]))
      rest = rest[(rest.startIndex + length)...]
    }
  }

  private mutating func set(_ key: String, _ value: [UInt8]) throws(FormatError) {
    switch key {
    case "path": path = value
    case "linkpath": linkTarget = value
    case "size":
      size = try number(value, key)
      if size! < 0 { throw FormatError(.malformed, "a negative pax size") }
    case "mtime": modified = try time(value, key)
    case "uid": owner = try number(value, key)
    case "gid": group = try number(value, key)
    case "SCHILY.acl.access": set(TarMember.AccessList(isDefault: false, text: value))
    case "SCHILY.acl.default": set(TarMember.AccessList(isDefault: true, text: value))
    // GNU tar --selinux keeps no NUL at the end, which the kernel does.
    case "RHT.security.selinux": try setAttribute("security.selinux", value + [0])
    case _ where key.hasPrefix(Self.attributePrefix):
      try setAttribute(String(key.dropFirst(Self.attributePrefix.count)), value)
    case _ where key.hasPrefix(PaxSparseFile.prefix):
      try sparse.set(String(key.dropFirst(PaxSparseFile.prefix.count)), value)
    default: break
    }
  }

  /// star(1), "SCHILY extensions"; what GNU tar, bsdtar and container tools write.
  private static let attributePrefix = "SCHILY.xattr."

  private mutating func set(_ list: TarMember.AccessList) {
    accessLists.removeAll { $0.isDefault == list.isDefault }
    accessLists.append(list)
  }

  private mutating func setAttribute(
    _ name: String, _ value: [UInt8]
  ) throws(FormatError) {
    let name = Array(name.utf8)
    guard !name.isEmpty, name.count <= ExtendedAttribute.nameLimit,
      value.count <= ExtendedAttribute.valueLimit
    else {
      throw FormatError(.limit, "an extended attribute that Linux can't hold")
    }
    attributes.removeAll { $0.name == name }
    attributes.append(ExtendedAttribute(name: name, value: value))
  }

  /// Seconds with a fraction; of it, nanoseconds count.
  private func time(_ value: [UInt8], _ key: String) throws(FormatError) -> FileTime {
    let seconds = try number(value, key)
    let fraction = value.split(separator: UInt8(ascii: "."), maxSplits: 1).dropFirst().first ?? []
    var digits = fraction.prefix(9).map { UInt32($0 - 0x30) }
    while digits.count < 9 { digits.append(0) }
    let nanoseconds = digits.reduce(0) { $0 * 10 + $1 }
    let isNegative = value.first == UInt8(ascii: "-")
    return FileTime(
      seconds: seconds,
      nanoseconds: isNegative && nanoseconds > 0 ? 1_000_000_000 - nanoseconds : nanoseconds)
  }

  /// Whole seconds or bytes; a fraction is rounded down.
  private func number(_ value: [UInt8], _ key: String) throws(FormatError) -> Int {
    let isNegative = value.first == UInt8(ascii: "-")
    let parts = value.dropFirst(isNegative ? 1 : 0).split(
      separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    let fraction = parts.dropFirst().first ?? []
    guard let first = parts.first, let whole = Self.decimal(first),
      fraction.allSatisfy({ (0x30..<0x3a).contains($0) })
    else { throw FormatError(.malformed, "a pax \(key) that is not a number") }
    guard isNegative else { return whole }
    return fraction.contains { $0 != 0x30 } ? -whole - 1 : -whole
  }

  /// Digits and nothing else: no sign, no blanks.
  static func decimal(_ digits: some Collection<UInt8>) -> Int? {
    Int(digits: String(decoding: digits, as: UTF8.self))
  }
}
