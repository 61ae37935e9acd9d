/// A list that a user edits: `modules.ramfs` or `modules.autoload`.
///
/// One entry a line; blanks around it, empty lines, and everything after `#` don't count. An entry
/// that starts with `?` may be missing from a kernel.
public struct ModuleList: Sendable {
  public struct Entry: Sendable, Hashable {
    /// Of the file, from 1.
    public let line: Int
    public let text: String
    /// Whether it is fine when this kernel has no such module.
    public let isOptional: Bool
  }

  /// For messages: the file's name or path.
  public let name: String
  public let entries: [Entry]

  public init(_ bytes: [UInt8], name: String) {
    self.name = name
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    entries = lines.enumerated().compactMap { number, line in
      var text = Self.trimmed(line.prefix { $0 != UInt8(ascii: "#") })
      let isOptional = text.first == UInt8(ascii: "?")
      if isOptional { text = Self.trimmed(text.dropFirst()) }
      guard !text.isEmpty else { return nil }
      return Entry(
        line: number + 1, text: String(decoding: text, as: UTF8.self), isOptional: isOptional)
    }
  }

  private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
    var bytes = bytes.drop(while: isBlank)
    while let last = bytes.last, isBlank(last) { bytes.removeLast() }
    return bytes
  }
}
