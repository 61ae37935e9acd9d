/// Paths as archives give them: an attacker's, until they went through here.
package enum ArchivePath {
  /// The most bytes of a path, PATH_MAX of Linux.
  package static let lengthLimit = 4095
  /// The most bytes of a name, NAME_MAX of Linux.
  package static let nameLimit = 255
  /// The most folders and names of a path. Kernel packages have 13; what works its way down a tree
  /// needs memory for each.
  package static let depthLimit = 128

  /// The path without `./`, doubled and trailing slashes.
  /// - Throws: `FormatError.malformed` for a path that leads out of its archive, or can't be a path:
  ///   absolute, with `..`, with a NUL, not UTF-8; `.limit` for one that is too long.
  package static func normalize(_ bytes: some Collection<UInt8>) throws(FormatError) -> String {
    guard bytes.count <= lengthLimit else {
      throw FormatError(.limit, "a path of \(bytes.count) bytes")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw FormatError(
        .malformed, "a path that is not UTF-8: \(String(decoding: bytes, as: UTF8.self).quoted)")
    }
    // Of bytes, not of characters: a slash with an accent is one character, and a slash to the kernel.
    let slash = UInt8(ascii: "/")
    guard !text.utf8.contains(0), text.utf8.first != slash else {
      throw FormatError(.malformed, "the path \(text.quoted) leads out of the archive")
    }
    var parts: [Substring] = []
    for part in text.utf8.split(separator: slash).map(Substring.init) where part != "." {
      guard part != ".." else {
        throw FormatError(.malformed, "the path \(text.quoted) leads out of the archive")
      }
      guard part.utf8.count <= nameLimit else {
        throw FormatError(.limit, "a name of \(part.utf8.count) bytes")
      }
      parts.append(part)
      guard parts.count <= depthLimit else {
        throw FormatError(.limit, "a path through more than \(depthLimit) folders")
      }
    }
    return parts.joined(separator: "/")
  }

  /// The path of a file of a root, which need not be text: without `./`, and without doubled, trailing and leading
  /// slashes. Archives of roots are made with leading slashes, too, and are always unpacked below a folder.
  /// - Throws: `FormatError.malformed` for a path with `..` or a NUL, `.limit` for one that is too long.
  static func rootPath(_ bytes: [UInt8]) throws(FormatError) -> [UInt8] {
    guard bytes.count <= lengthLimit else {
      throw FormatError(.limit, "a path of \(bytes.count) bytes")
    }
    func shown() -> String { String(decoding: bytes, as: UTF8.self).quoted }
    guard !bytes.contains(0) else {
      throw FormatError(.malformed, "the path \(shown()) has a NUL in it")
    }
    var parts: [ArraySlice<UInt8>] = []
    for part in bytes.split(separator: UInt8(ascii: "/")) where Array(part) != [0x2e] {
      guard Array(part) != [0x2e, 0x2e] else {
        throw FormatError(.malformed, "the path \(shown()) leads out of the archive")
      }
      guard part.count <= nameLimit else {
        throw FormatError(.limit, "a name of \(part.count) bytes")
      }
      parts.append(part)
      guard parts.count <= depthLimit else {
        throw FormatError(.limit, "a path through more than \(depthLimit) folders")
      }
    }
    return Array(parts.joined(separator: [UInt8(ascii: "/")]))
  }
}
