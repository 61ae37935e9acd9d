/// Writes a tar archive of files that arrive one after another: POSIX.1-2017, pax, "ustar Interchange Format" and
/// "pax Extended Header". Extended attributes are in records `SCHILY.xattr.NAME`, as GNU tar and container tools have
/// them. Sockets, of which tar knows nothing, are left out.
package final class TarWriter: FileSystemWriter {
  private static let blockSize = 512
  /// GNU tar's default: 20 blocks.
  private static let recordSize = 20 * blockSize

  private let write: ([UInt8]) throws -> Void
  private var size = 0
  /// Files that tar can't hold.
  package private(set) var socketCount = 0

  /// - Parameter write: takes the archive's bytes, in order.
  package init(_ write: @escaping ([UInt8]) throws -> Void) {
    self.write = write
  }

  package func add(
    _ path: [UInt8], _ kind: FileKind, _ attributes: FileAttributes, content: (any ByteSource)?
  ) throws {
    if kind == .socket {
      socketCount += 1
      return
    }
    try addHeader(path, kind, attributes, hardLink: nil)
    guard case .file(let expected) = kind, let content else { return }
    var count = 0
    try content.forEachPiece { piece in
      count += piece.count
      guard count <= expected else { throw Self.wrongSize(path, expected) }
      try put(piece)
    }
    guard count == expected else { throw Self.wrongSize(path, expected) }
    try pad(to: Self.blockSize)
  }

  package func addHardLink(_ path: [UInt8], to target: [UInt8]) throws {
    try addHeader(
      path, .file(size: 0), FileAttributes(mode: 0o644, modified: FileTime(seconds: 0)),
      hardLink: target)
  }

  /// Writes the archive's end.
  package func finish() throws {
    try put([UInt8](repeating: 0, count: 2 * Self.blockSize))
    try pad(to: Self.recordSize)
  }

  private static func wrongSize(_ path: [UInt8], _ expected: Int) -> FormatError {
    FormatError(
      .malformed, "/\(ByteText.escaped(path)): does not have the \(expected) bytes it says")
  }

  private func put(_ bytes: [UInt8]) throws {
    try write(bytes)
    size += bytes.count
  }

  private func pad(to alignment: Int) throws {
    let rest = size % alignment
    if rest > 0 { try put([UInt8](repeating: 0, count: alignment - rest)) }
  }

  // MARK: - Headers

  private func addHeader(
    _ path: [UInt8], _ kind: FileKind, _ attributes: FileAttributes, hardLink: [UInt8]?
  ) throws {
    var name = path.isEmpty ? Array("./".utf8) : path
    if kind == .directory, name.last != 0x2f { name.append(0x2f) }
    var link: [UInt8] = hardLink ?? []
    var (major, minor): (UInt32, UInt32) = (0, 0)
    let type: Character
    var content = 0
    switch kind {
    case _ where hardLink != nil: type = "1"
    case .file(let size): (type, content) = ("0", size)
    case .symbolicLink(let target): (type, link) = ("2", target)
    case .characterDevice(let first, let second): (type, major, minor) = ("3", first, second)
    case .blockDevice(let first, let second): (type, major, minor) = ("4", first, second)
    case .directory: type = "5"
    case .fifo, .socket: type = "6"
    }
    var records: [UInt8] = []
    if [name, link].contains(where: { String(validating: $0, as: UTF8.self) == nil }),
      name.count > 100 || link.count > 100
    {
      Self.add("hdrcharset", Array("BINARY".utf8), to: &records)
    }
    if name.count > 100 { Self.add("path", name, to: &records) }
    if link.count > 100 { Self.add("linkpath", link, to: &records) }
    if content >= 1 << 33 { Self.add("size", Array("\(content)".utf8), to: &records) }
    for (key, value) in [("uid", attributes.owner), ("gid", attributes.group)]
    where value >= 1 << 21 {
      Self.add(key, Array("\(value)".utf8), to: &records)
    }
    let time = attributes.modified
    if time.nanoseconds > 0 || !(0..<1 << 33).contains(time.seconds) {
      Self.add("mtime", Array(Self.decimal(time).utf8), to: &records)
    }
    for attribute in attributes.extended {
      Self.add(Array("SCHILY.xattr.".utf8) + attribute.name, attribute.value, to: &records)
    }
    if !records.isEmpty {
      let base = Array("./PaxHeaders/".utf8) + name.suffix(80)
      try put(
        Self.header(
          base.last == 0x2f ? Array(base.dropLast()) : base, "x", [],
          FileAttributes(mode: 0o644, modified: FileTime(seconds: max(0, time.seconds))),
          size: records.count, 0, 0))
      try put(records)
      try pad(to: Self.blockSize)
    }
    try put(Self.header(name, type, link, attributes, size: content, major, minor))
  }

  /// `LENGTH KEY=VALUE\n`, whose length counts its own digits.
  private static func add(_ key: String, _ value: [UInt8], to records: inout [UInt8]) {
    add(Array(key.utf8), value, to: &records)
  }

  private static func add(_ key: [UInt8], _ value: [UInt8], to records: inout [UInt8]) {
    let rest = key.count + value.count + 3
    var length = rest + "\(rest)".utf8.count
    if "\(length)".utf8.count > "\(rest)".utf8.count { length = rest + "\(length)".utf8.count }
    records += "\(length) ".utf8 + key + "=".utf8 + value + "\n".utf8
  }

  private static func decimal(_ time: FileTime) -> String {
    guard time.nanoseconds > 0 else { return "\(time.seconds)" }
    // Before 1970, the fraction counts backwards from the next second.
    let isNegative = time.seconds < 0
    let seconds = isNegative ? -(time.seconds + 1) : time.seconds
    let nanoseconds = isNegative ? 1_000_000_000 - time.nanoseconds : time.nanoseconds
    return
      "\(isNegative ? "-" : "")\(seconds).\(String(String(1_000_000_000 + nanoseconds).dropFirst()))"
  }

  private static func header(
    _ name: [UInt8], _ type: Character, _ link: [UInt8], _ attributes: FileAttributes, size: Int,
    _ major: UInt32, _ minor: UInt32
  ) -> [UInt8] {
    var block: [UInt8] = []
    func field(_ bytes: some Collection<UInt8>, _ width: Int) {
      block += bytes.prefix(width)
      block += [UInt8](repeating: 0, count: width - min(width, bytes.count))
    }
    /// Octal, with a NUL behind it; zero for what an extended header says.
    func number(_ value: Int, _ width: Int) {
      let fits = value >= 0 && value < 1 << (3 * (width - 1))
      let digits = String(fits ? value : 0, radix: 8)
      field((String(repeating: "0", count: width - 1 - digits.count) + digits).utf8, width)
    }
    field(name, 100)
    number(Int(attributes.mode), 8)
    number(Int(attributes.owner), 8)
    number(Int(attributes.group), 8)
    number(size, 12)
    number(attributes.modified.seconds, 12)
    field(Array("        ".utf8), 8)
    field(String(type).utf8, 1)
    field(link, 100)
    field("ustar\0".utf8, 6)
    field("00".utf8, 2)
    field([], 64)
    number(Int(major), 8)
    number(Int(minor), 8)
    field([], 155 + 12)
    let sum = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
    let checksum = String(repeating: "0", count: 6 - sum.utf8.count) + sum
    block.replaceSubrange(148..<156, with: Array(checksum.utf8) + [0, 0x20])
    return block
  }
}
