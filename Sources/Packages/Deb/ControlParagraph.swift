package import Formats

/// A paragraph of fields, as control files, Packages, Release and deb822 sources have them.
/// deb822(5), deb-control(5).
package struct ControlParagraph: Sendable, Hashable {
  /// Field names in small letters, and values; the lines of a folded value are joined by newlines.
  private var fields: [String: String] = [:]

  /// Makes a paragraph without fields.
  package init() {}

  /// The value of a field, whose name's case does not matter.
  package subscript(_ name: String) -> String? { fields[name.lowercased()] }

  /// The value of a field that is one word of printable ASCII, as names, versions and hashes are; nil
  /// for any other. Such a word is safe to print and to make a file's name of.
  func word(_ name: String) -> String? {
    self[name].flatMap { value in
      !value.isEmpty && value.utf8.allSatisfy { (0x21..<0x7f).contains($0) } ? value : nil
    }
  }

  /// Whether it has no fields.
  package var isEmpty: Bool { fields.isEmpty }

  /// - Throws: `FormatError.malformed` with the line's number for what is not a field.
  package static func parse(_ bytes: [UInt8]) throws(FormatError) -> [ControlParagraph] {
    var paragraphs: [ControlParagraph] = []
    try forEach(bytes) { paragraphs.append($0) }
    return paragraphs
  }

  /// Hands on one paragraph after another, for files that have thousands.
  package static func forEach(
    _ bytes: [UInt8], _ receive: (ControlParagraph) -> Void
  ) throws(FormatError) {
    var paragraph = ControlParagraph()
    var lastField: String?
    var number = 0
    for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) {
      number += 1
      if line.first == UInt8(ascii: "#") { continue }
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }) {
        if !paragraph.isEmpty { receive(paragraph) }
        paragraph = ControlParagraph()
        lastField = nil
        continue
      }
      if line.first == 0x20 || line.first == 0x09 {
        guard let lastField else {
          throw FormatError(.malformed, "line \(number) goes on with a field that was not begun")
        }
        paragraph.fields[lastField]?.append("\n" + String(decoding: line.trimmed, as: UTF8.self))
        continue
      }
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else {
        throw FormatError(.malformed, "line \(number) is not a field")
      }
      let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
      guard
        paragraph.fields.updateValue(
          String(decoding: line[(colon + 1)...].trimmed, as: UTF8.self), forKey: name) == nil
      else {
        throw FormatError(.malformed, "line \(number) has the field \(name.quoted) a second time")
      }
      lastField = name
    }
    if !paragraph.isEmpty { receive(paragraph) }
  }
}
