internal import Formats

/// A list that says which modules a RAM disk has: `modules.ramfs`, `modules.autoload` or a profile.
///
/// One entry a line; blanks around it, empty lines, and everything after `#` don't count. An entry
/// that starts with `?` may be missing from a kernel; one that starts with `-` takes out what earlier
/// ones have put in.
package struct ModuleList: Sendable, Hashable {
  /// A line of the list that asks for modules, or takes some out.
  package struct Entry: Sendable, Hashable {
    /// Of the file, from 1.
    package let line: Int
    /// The line, without its marks and its comment.
    package let text: String
    /// Whether it is fine when this kernel has no such module.
    package let isOptional: Bool
    /// Whether it takes modules out.
    package let isRemoval: Bool
    /// What stands behind `#`: which device the line is for.
    package let comment: String
  }

  /// What an entry without prefix is.
  package enum Style: String, Sendable, Hashable {
    /// A file or folder below `kernel/`.
    case paths
    /// A module's name, with wildcards.
    case names
  }

  /// For messages: the file's name or path.
  package let name: String
  /// The whole file, comments and all.
  package let text: String
  /// The entries, in the order of their lines.
  package let entries: [Entry]
  /// What an entry without prefix is.
  package let style: Style

  /// Reads a list. Every text is one.
  /// - Parameter name: what messages call it.
  package init(_ bytes: [UInt8], name: String, style: Style = .paths) {
    self.name = name
    self.style = style
    text = String(decoding: bytes, as: UTF8.self)
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    entries = lines.enumerated().compactMap { number, line in
      var text = line.prefix { $0 != UInt8(ascii: "#") }.trimmed
      let comment = line.drop { $0 != UInt8(ascii: "#") }.dropFirst().trimmed
      var (isOptional, isRemoval) = (false, false)
      while let mark = text.first, [UInt8(ascii: "?"), UInt8(ascii: "-")].contains(mark) {
        if mark == UInt8(ascii: "?") { isOptional = true } else { isRemoval = true }
        text = text.dropFirst().trimmed
      }
      guard !text.isEmpty else { return nil }
      return Entry(
        line: number + 1, text: String(decoding: text, as: UTF8.self), isOptional: isOptional,
        isRemoval: isRemoval, comment: String(decoding: comment, as: UTF8.self))
    }
  }
}

extension ModuleList {
  /// Names of the profiles that it takes in, in order.
  package var profiles: [String] {
    entries.filter { !$0.isRemoval }.compactMap {
      if case .profile(let name) = $0.request(style) { name } else { nil }
    }
  }
}

extension ModuleList.Entry {
  /// What an entry of a list asks for.
  package enum Request: Hashable {
    /// `@qemu`: all that a profile lists.
    case profile(String)
    /// A device as sysfs announces it, and the drivers that some kernels have built in.
    case device(modalias: String, drivers: [String])
    /// Files below the tree.
    case path(String)
    /// A module, or an alias of one; it may have wildcards.
    case name(String)
  }

  /// - Parameter style: of the list that it is in.
  package func request(_ style: ModuleList.Style) -> Request {
    if text.hasPrefix("@") { return .profile(String(text.dropFirst())) }
    // Paths have no colons, devices are known by their bus: `pci:`, `virtio:`, `of:`, `acpi:`.
    let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
    if let first = words.first, let colon = first.firstIndex(of: ":"),
      !first[..<colon].contains("/")
    {
      return .device(modalias: first, drivers: Array(words.dropFirst()))
    }
    return style == .paths ? .path(text) : .name(text)
  }
}
