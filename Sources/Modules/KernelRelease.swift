package import Basics
package import Formats

/// What `uname -r` prints on a kernel: VER in the names of its files.
///
/// It becomes part of paths, labels, lists and commands, so it is checked before it is anything.
package struct KernelRelease: Sendable, Hashable, CustomStringConvertible {
  /// As many bytes as the kernel has room for (utsname, without the final NUL).
  package static let lengthLimit = 64

  /// The release, as `uname -r` prints it.
  package let description: String

  /// What a user asks for.
  /// - Throws: `KitError.usage` for a text that no kernel release can be.
  package init(argument text: String) throws(KitError) {
    do throws(FormatError) {
      try self.init(text)
    } catch {
      throw KitError(
        .usage, error.reason,
        advice: "give one as `uname -r` prints it, such as 6.1.0-18-cloud-amd64")
    }
  }

  /// - Throws: `FormatError.malformed` for a text that no kernel release can be.
  package init(_ text: some StringProtocol) throws(FormatError) {
    let isAllowed = { (byte: UInt8) in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"):
        true
      default: ".+~_-".utf8.contains(byte)
      }
    }
    guard let first = text.utf8.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first),
      text.utf8.count <= Self.lengthLimit, text.utf8.allSatisfy(isAllowed)
    else { throw FormatError(.malformed, "\(String(text).quoted) can't be a kernel release") }
    description = String(text)
  }

  /// Those of several kernels that a user means: the one of this name, or those whose names begin with it, up to a
  /// mark: 6.1.0-5 means 6.1.0-5-amd64, and not 6.1.0-57-amd64.
  /// - Parameter wanted: nil for all.
  package static func chosen(from names: [String], by wanted: KernelRelease?) -> [String] {
    guard let wanted = wanted?.description else { return names }
    if names.contains(wanted) { return [wanted] }
    return names.filter { name in
      guard name.hasPrefix(wanted) else { return false }
      let next = name.dropFirst(wanted.count).first
      return next.map { !$0.isLetter && !$0.isNumber } ?? true
    }
  }
}
