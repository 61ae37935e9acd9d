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
  /// GNU tar manual, "Storing Sparse Files": of entries of type S.
  var oldSparseMap: OldSparseMap

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
    oldSparseMap = OldSparseMap(block[386...])
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

  /// What the header says, with what the extended headers before it say instead. Its paths are as they stand in the
  /// archive.
  func member(_ extended: PaxHeader) throws(FormatError) -> TarMember {
    let path = extended.path ?? Array(name)
    // `./` is the root of the archive, nothing is none.
    guard !path.isEmpty else { throw FormatError(.malformed, "an entry without a name") }
    let size = extended.size ?? self.size
    guard size <= Self.sizeLimit, extended.sparse.size ?? 0 <= Self.sizeLimit else {
      throw FormatError(.overflow, "\(Self.shown(path)): a size that is too large")
    }
    let kind: TarMember.Kind
    switch type {
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"), UInt8(ascii: "S"):
      // As tar wrote folders before there was a type for them, and as GNU tar takes it.
      kind = .node(path.last == UInt8(ascii: "/") ? .directory : .file(size: size))
    case UInt8(ascii: "1"): kind = .hardLink(target: extended.linkTarget ?? Array(linkTarget))
    case UInt8(ascii: "2"):
      let target = extended.linkTarget ?? Array(linkTarget)
      guard !target.isEmpty, !target.contains(0), target.count <= ArchivePath.lengthLimit else {
        throw FormatError(.malformed, "\(Self.shown(path)): a link to nowhere")
      }
      kind = .node(.symbolicLink(target: target))
    case UInt8(ascii: "3"):
      kind = .node(.characterDevice(major: try device(major), minor: try device(minor)))
    case UInt8(ascii: "4"):
      kind = .node(.blockDevice(major: try device(major), minor: try device(minor)))
    case UInt8(ascii: "5"): kind = .node(.directory)
    case UInt8(ascii: "6"): kind = .node(.fifo)
    default:
      throw FormatError(
        .unsupported,
        "\(Self.shown(path)): an entry of type \(String(UnicodeScalar(type)).quoted)")
    }
    guard let owner = UInt32(exactly: extended.owner ?? owner),
      let group = UInt32(exactly: extended.group ?? group)
    else { throw FormatError(.malformed, "\(Self.shown(path)): an owner that is none") }
    return TarMember(
      path: path, kind: kind,
      attributes: FileAttributes(
        mode: UInt16(truncatingIfNeeded: mode), owner: owner, group: group,
        modified: extended.modified ?? FileTime(seconds: modified),
        extended: extended.attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }),
      accessLists: extended.accessLists)
  }

  private static func shown(_ path: [UInt8]) -> String {
    String(decoding: path.prefix(300), as: UTF8.self).quoted
  }

  private func device(_ number: Int) throws(FormatError) -> UInt32 {
    guard let number = UInt32(exactly: number) else {
      throw FormatError(.malformed, "a device that is none")
    }
    return number
  }
}
