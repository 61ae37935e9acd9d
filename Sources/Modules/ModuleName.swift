/// How modules are named, and in which order kmod keeps names.
package enum ModuleName {
  /// What the files of modules end with. kmod as Debian builds it lacks gzip; kernels don't.
  package static let suffixes = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"]

  /// Whether a file's name is a module's: longer than one of `suffixes`, and ending with it.
  package static func isModuleFile(_ name: some StringProtocol) -> Bool {
    let name = name.utf8
    return suffixes.contains { suffix in
      name.count > suffix.utf8.count && name.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }
  }

  /// A module's path without what compression adds to its end.
  package static func uncompressed(_ path: String) -> String {
    for suffix in suffixes.dropFirst() where path.hasSuffix(suffix) {
      return String(path.dropLast(suffix.count)) + suffixes[0]
    }
    return path
  }

  /// What a line of modules.ramfs says for a module, from its path below lib/modules/VER.
  package static func listEntry(ofPath path: String) -> String {
    let path = uncompressed(path)
    let prefix = "kernel/"
    return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
  }

  /// The module's name for a path: its last part up to the first dot, with underscores for dashes.
  package static func name(ofPath path: some StringProtocol) -> String {
    String(decoding: name(ofPath: Array(path.utf8)[...]), as: UTF8.self)
  }

  static func name(ofPath path: ArraySlice<UInt8>) -> [UInt8] { normalized(base(of: path)) }

  /// The last part of a path, up to the first dot.
  private static func base(of path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let start = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? path.startIndex
    return path[start...].prefix { $0 != UInt8(ascii: ".") }
  }

  /// A module's name as any of its users may write it.
  package static func normalized(_ name: some StringProtocol) -> String {
    String(decoding: name.utf8.map(underscored), as: UTF8.self)
  }

  static func normalized(_ name: ArraySlice<UInt8>) -> [UInt8] { name.map(underscored) }

  /// The path as modules.order has it, whatever the file is compressed with: cut after `.ko`.
  static func orderPath(_ path: String) -> ArraySlice<UInt8> {
    let bytes = Array(path.utf8)
    return bytes.prefix(base(of: bytes[...]).endIndex + 3)
  }

  /// Paul Hsieh's SuperFastHash: kmod's tables are written in its order.
  static func hash(_ key: ArraySlice<UInt8>) -> UInt32 {
    var hash = UInt32(truncatingIfNeeded: key.count)
    var index = key.startIndex
    func next() -> UInt32 {
      defer { index += 1 }
      return UInt32(key[index])
    }
    func nextPair() -> UInt32 {
      let low = next()
      return low | next() << 8
    }
    for _ in 0..<key.count / 4 {
      hash &+= nextPair()
      hash = hash << 16 ^ (nextPair() << 11 ^ hash)
      hash &+= hash >> 11
    }
    switch key.count % 4 {
    case 3:
      hash &+= nextPair()
      hash ^= hash << 16
      hash ^= next() << 18
      hash &+= hash >> 11
    case 2:
      hash &+= nextPair()
      hash ^= hash << 11
      hash &+= hash >> 17
    case 1:
      hash &+= next()
      hash ^= hash << 10
      hash &+= hash >> 1
    default: break
    }
    hash ^= hash << 3
    hash &+= hash >> 5
    hash ^= hash << 4
    hash &+= hash >> 17
    hash ^= hash << 25
    hash &+= hash >> 6
    return hash
  }

  private static func underscored(_ byte: UInt8) -> UInt8 {
    byte == UInt8(ascii: "-") ? UInt8(ascii: "_") : byte
  }
}
