internal import Formats

/// Makes the attribute of an access control list of its text, as tar archives have it: acl_to_text(3), and Linux,
/// include/uapi/linux/posix_acl_xattr.h.
struct RootAccessLists {
  /// Numbers of names: of the root's etc/passwd and etc/group.
  private let users: [Substring: UInt32]
  private let groups: [Substring: UInt32]

  init(passwd: [UInt8]?, group: [UInt8]?) {
    users = Self.numbers(passwd)
    groups = Self.numbers(group)
  }

  /// The third field of each line, by the first.
  private static func numbers(_ bytes: [UInt8]?) -> [Substring: UInt32] {
    guard let bytes else { return [:] }
    var numbers: [Substring: UInt32] = [:]
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count > 2, let number = UInt32(fields[2]) else { continue }
      numbers[fields[0]] = number
    }
    return numbers
  }

  private struct Entry {
    var tag: UInt16
    var permissions: UInt16
    var id: UInt32
  }

  /// - Returns: nil for a list that says no more than the file's mode.
  /// - Throws: `FormatError.malformed` for what is no list, or names somebody whom the root does not know.
  func attribute(_ list: TarMember.AccessList) throws(FormatError) -> ExtendedAttribute? {
    var entries: [Entry] = []
    let text = String(decoding: list.text, as: UTF8.self)
    for line in text.split(whereSeparator: { $0 == "," || $0 == "\n" }) {
      let word = line.prefix { $0 != "#" }.filter { !$0.isWhitespace }
      if word.isEmpty { continue }
      entries.append(try entry(word[...]))
    }
    guard entries.count > 3 || list.isDefault, !entries.isEmpty else { return nil }
    entries.sort { ($0.tag, $0.id) < ($1.tag, $1.id) }
    var writer = ByteWriter(capacity: 4 + 8 * entries.count)
    writer.littleEndian(2 as UInt32)
    for entry in entries {
      writer.littleEndian(entry.tag)
      writer.littleEndian(entry.permissions)
      writer.littleEndian(entry.id)
    }
    return ExtendedAttribute(
      name: Array("system.posix_acl_\(list.isDefault ? "default" : "access")".utf8),
      value: writer.bytes)
  }

  /// `user:NAME:rwx`, and a number behind it where star wrote it.
  private func entry(_ word: Substring) throws(FormatError) -> Entry {
    var fields = word.split(separator: ":", omittingEmptySubsequences: false)
    if fields.first == "default" { fields.removeFirst() }
    // `mask::rwx` and `other::rwx` are written with one colon, too.
    if fields.count == 2, ["mask", "m", "other", "o"].contains(fields[0]) {
      fields.insert("", at: 1)
    }
    guard fields.count >= 3 else { throw malformed(word) }
    var permissions: UInt16 = 0
    for letter in fields[2] {
      switch letter {
      case "r": permissions |= 4
      case "w": permissions |= 2
      case "x": permissions |= 1
      case "-": break
      default: throw malformed(word)
      }
    }
    let name = fields[1]
    func id(_ known: [Substring: UInt32]) throws(FormatError) -> UInt32 {
      if fields.count > 3, let number = UInt32(fields[3]) { return number }
      guard let number = UInt32(name) ?? known[name] else { throw malformed(word) }
      return number
    }
    switch fields[0] {
    case "user", "u":
      return name.isEmpty
        ? Entry(tag: 0x01, permissions: permissions, id: .max)
        : Entry(tag: 0x02, permissions: permissions, id: try id(users))
    case "group", "g":
      return name.isEmpty
        ? Entry(tag: 0x04, permissions: permissions, id: .max)
        : Entry(tag: 0x08, permissions: permissions, id: try id(groups))
    case "mask", "m": return Entry(tag: 0x10, permissions: permissions, id: .max)
    case "other", "o": return Entry(tag: 0x20, permissions: permissions, id: .max)
    default: throw malformed(word)
    }
  }

  private func malformed(_ word: Substring) -> FormatError {
    FormatError(.malformed, "has the entry \(String(word).quoted), which names nobody here")
  }
}
