/// A name in a directory: bytes, compared as bytes.
struct Ext4Name: Hashable, Comparable, Sendable {
  let bytes: [UInt8]

  /// - Throws: for what no directory may hold.
  init(_ name: some Collection<UInt8>) throws(FormatError) {
    bytes = [UInt8](name)
    let problem: String? =
      switch bytes.count {
      case 0: "a name is empty"
      case 256...: "a name has more than 255 bytes"
      default:
        if bytes == [0x2e] || bytes == [0x2e, 0x2e] {
          "“.” and “..” are not names for files"
        } else if bytes.contains(0) || bytes.contains(0x2f) {
          "a name contains NUL or a slash"
        } else {
          nil
        }
      }
    if let problem {
      throw FormatError(
        .malformed, problem, path: [String(decoding: bytes.prefix(300), as: UTF8.self)])
    }
  }

  /// The names of a path, which may begin with a slash.
  static func path(_ path: String) throws(FormatError) -> [Ext4Name] {
    var bytes = Array(path.utf8)[...]
    if bytes.first == 0x2f { bytes = bytes.dropFirst() }
    var names: [Ext4Name] = []
    if bytes.isEmpty, !path.isEmpty { return names }
    for name in bytes.split(separator: 0x2f, omittingEmptySubsequences: false) {
      do {
        names.append(try Ext4Name(name))
      } catch {
        throw error.inside(path)
      }
    }
    return names
  }

  /// The names of a path that is bytes; none for the root.
  static func parts(_ path: [UInt8]) throws(FormatError) -> [Ext4Name] {
    guard !path.isEmpty else { return [] }
    var names: [Ext4Name] = []
    for name in path.split(separator: 0x2f, omittingEmptySubsequences: false) {
      do {
        names.append(try Ext4Name(name))
      } catch {
        throw error.inside(text(path))
      }
    }
    return names
  }

  /// A path to be shown.
  static func text(_ path: [UInt8]) -> String {
    path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
  }

  func hash(into hasher: inout Hasher) {
    unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
  }

  static func < (left: Ext4Name, right: Ext4Name) -> Bool {
    left.bytes.lexicographicallyPrecedes(right.bytes)
  }
}
