/// The 512 bytes before an entry. POSIX.1-2017, pax, "ustar Interchange Format".
struct TarHeader {
  /// The most bytes of a file: sums of such sizes do not overflow.
  private static let sizeLimit = 1 << 60

  var name: ArraySlice<UInt8>
  var mode: UInt32
  var owner: Int
  var group: Int
  var size: Int
  var modified: Int
  var type: UInt8
  var linkTarget: ArraySlice<UInt8>
  var major: Int
  var minor: Int

  init(reading block: [UInt8]) throws(FormatError) {
    var reader = ByteReader(block)
    let shortName = try reader.bytes(100).prefix { $0 != 0 }
    mode = UInt32(truncatingIfNeeded: try Self.number(reader.bytes(8), "mode")) & 0o7777
    owner = try Self.number(reader.bytes(8), "owner")
    group = try Self.number(reader.bytes(8), "group")
    size = try Self.number(reader.bytes(12), "size")
    modified = try Self.number(reader.bytes(12), "time")
    let checksum = try Self.number(reader.bytes(8), "checksum")
    // The checksum's own field counts as blanks.
    let sum = block.indices.reduce(0) { $0 + Int((148..<156).contains($1) ? 0x20 : block[$1]) }
    guard checksum == sum else {
      throw FormatError(.malformed, "not a tar header: its checksum is wrong")
    }
    guard size >= 0 else { throw FormatError(.malformed, "a negative size") }
    type = try reader.byte()
    linkTarget = try reader.bytes(100).prefix { $0 != 0 }
    let magic = try reader.bytes(8)
    try reader.skip(32 + 32)
    major = try Self.number(reader.bytes(8), "device")
    minor = try Self.number(reader.bytes(8), "device")
    let prefix = try reader.bytes(155).prefix { $0 != 0 }
    // GNU's own variant ("ustar  ") keeps other things where POSIX has the prefix.
    let isPOSIX = Array(magic.prefix(6)) == Array("ustar\0".utf8)
    name = isPOSIX && !prefix.isEmpty ? prefix + [UInt8(ascii: "/")] + shortName : shortName
  }

  /// Octal digits between blanks, or GNU's big-endian binary with the top bit set.
  static func number(_ field: ArraySlice<UInt8>, _ what: String) throws(FormatError) -> Int {
    guard let first = field.first else { return 0 }
    if first & 0x80 != 0 {
      var value = first & 0x40 != 0 ? -1 : 0
      for (index, byte) in field.enumerated() {
        let bits = index == 0 ? Int(byte & 0x7f) : Int(byte)
        guard index < field.count - 8 || value.magnitude < 1 << 55 else {
          throw FormatError(.overflow, "a \(what) that is too large")
        }
        value = value << 8 | bits
        if index == 0, first & 0x40 != 0 { value |= ~0x7f }
      }
      return value
    }
    var value = 0
    var ended = false
    for byte in field.drop(while: { $0 == 0x20 }) {
      if byte == 0 || byte == 0x20 {
        ended = true
      } else {
        guard !ended, (0x30..<0x38).contains(byte), value < 1 << 58 else {
          throw FormatError(.malformed, "a \(what) that is not an octal number")
        }
        value = value << 3 | Int(byte - 0x30)
      }
    }
    return value
  }

  func entry(_ extended: PaxHeader) throws(FormatError) -> TarEntry {
    let rawPath = extended.path ?? Array(name)
    // `./` is the root of the archive, nothing is none.
    guard !rawPath.isEmpty else { throw FormatError(.malformed, "an entry without a name") }
    let path = try ArchivePath.normalize(rawPath)
    let target = extended.linkTarget ?? Array(linkTarget)
    var size = extended.size ?? self.size
    let kind: TarEntry.Kind
    switch type {
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
      // As tar wrote folders before there was a type for them, and as GNU tar takes it.
      kind = rawPath.last == UInt8(ascii: "/") ? .directory : .file
    case UInt8(ascii: "1"): kind = .hardLink(path: try ArchivePath.normalize(target))
    case UInt8(ascii: "2"):
      guard let text = String(validating: target, as: UTF8.self), !text.isEmpty,
        !text.utf8.contains(0),
        text.utf8.count <= ArchivePath.lengthLimit
      else { throw FormatError(.malformed, "\(path.quoted): a link to nowhere") }
      kind = .symbolicLink(target: text)
    case UInt8(ascii: "3"):
      kind = .characterDevice(major: try device(major), minor: try device(minor))
    case UInt8(ascii: "4"): kind = .blockDevice(major: try device(major), minor: try device(minor))
    case UInt8(ascii: "5"): kind = .directory
    case UInt8(ascii: "6"): kind = .fifo
    default:
      throw FormatError(
        .unsupported, "\(path.quoted): an entry of type \(String(UnicodeScalar(type)).quoted)")
    }
    if kind != .file { size = 0 }
    guard size <= Self.sizeLimit else {
      throw FormatError(.overflow, "\(path.quoted): a size that is too large")
    }
    guard let owner = UInt32(exactly: extended.owner ?? owner),
      let group = UInt32(exactly: extended.group ?? group)
    else { throw FormatError(.malformed, "\(path.quoted): an owner that is none") }
    return TarEntry(
      path: path, kind: kind, mode: mode, size: size, modified: extended.modified ?? modified,
      owner: owner, group: group)
  }

  private func device(_ number: Int) throws(FormatError) -> UInt32 {
    guard let number = UInt32(exactly: number) else {
      throw FormatError(.malformed, "a device that is none")
    }
    return number
  }
}

/// What extended headers say of the entry that follows them.
struct PaxHeader {
  var path: [UInt8]?
  var linkTarget: [UInt8]?
  var size: Int?
  var modified: Int?
  var owner: Int?
  var group: Int?

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
    case "mtime": modified = try number(value, key)
    case "uid": owner = try number(value, key)
    case "gid": group = try number(value, key)
    case _ where key.hasPrefix("GNU.sparse."): throw FormatError(.unsupported, "a sparse file")
    default: break
    }
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
  private static func decimal(_ digits: some Collection<UInt8>) -> Int? {
    Int(digits: String(decoding: digits, as: UTF8.self))
  }
}
