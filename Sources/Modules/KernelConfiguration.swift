package import Basics
internal import Formats

/// The options that a kernel was built with. Linux, Documentation/kbuild/kconfig.rst.
package struct KernelConfiguration: Sendable, Hashable {
  /// What an option is set to.
  package enum Value: Sendable, Hashable {
    case builtIn
    case module
    /// "is not set", written out.
    case off
    /// As it stands there.
    case number(String)
    /// Without its quotes.
    case text(String)

    /// As the file has it; nil for what is off.
    var written: String? {
      switch self {
      case .builtIn: "y"
      case .module: "m"
      case .off: nil
      case .number(let text): text
      case .text(let text): "\"\(text)\""
      }
    }
  }

  /// The most bytes of a configuration.
  package static let sizeLimit = 1 << 24

  /// By names without `CONFIG_`. Of several lines with one option the last counts.
  private let values: [String: Value]

  /// - Parameter bytes: a `.config`, as packages have it at boot/config-VER. Lines that are none of one's are passed
  ///   over.
  package init(reading bytes: [UInt8]) {
    var values: [String: Value] = [:]
    values.reserveCapacity(1 << 14)
    for line in bytes.split(separator: 0x0a) {
      if line.starts(with: "CONFIG_".utf8) {
        let line = line.dropFirst("CONFIG_".utf8.count)
        guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
        values[String(decoding: line[..<equals], as: UTF8.self)] = Self.value(line[(equals + 1)...])
      } else if line.starts(with: "# CONFIG_".utf8), line.ends(with: " is not set".utf8) {
        let name = line.dropFirst("# CONFIG_".utf8.count).dropLast(" is not set".utf8.count)
        values[String(decoding: name, as: UTF8.self)] = .off
      }
    }
    self.values = values
  }

  private static func value(_ text: ArraySlice<UInt8>) -> Value {
    if text.count == 1, text.first == UInt8(ascii: "y") { return .builtIn }
    if text.count == 1, text.first == UInt8(ascii: "m") { return .module }
    guard text.count > 1, text.first == UInt8(ascii: "\""), text.last == UInt8(ascii: "\"") else {
      return .number(String(decoding: text, as: UTF8.self))
    }
    return .text(String(decoding: text.dropFirst().dropLast(), as: UTF8.self))
  }

  /// The text that an option is set to, by its name without `CONFIG_`; nil for one that is no text.
  package func text(of option: String) -> String? {
    guard case .text(let text)? = values[option] else { return nil }
    return text
  }

  /// The options that another configuration has otherwise, by name; nil is not set.
  package func changes(to other: KernelConfiguration) -> [Change] {
    Set(values.keys).union(other.values.keys).sorted().compactMap {
      Change("CONFIG_\($0)", values[$0]?.written, other.values[$0]?.written)
    }
  }

  /// Whether the kernel takes a module as its file is: it unpacks the one form that its own modules are
  /// installed in. Linux, kernel/module/Kconfig.
  package func unpacksModule(_ path: String) -> Bool {
    let forms = [".xz": "XZ", ".zst": "ZSTD", ".gz": "GZIP"]
    guard let form = forms.first(where: { path.hasSuffix($0.key) }) else { return true }
    return isBuiltIn("MODULE_DECOMPRESS") && isBuiltIn("MODULE_COMPRESS_\(form.value)")
  }

  /// Whether the configuration says of an option, written without `CONFIG_`, that it is not set.
  package func isNotSet(_ option: String) -> Bool { values[option] == .off }

  /// Whether the kernel was built without support for modules.
  package var hasNoModules: Bool { isNotSet("MODULES") }

  /// Whether an option, written without `CONFIG_`, is part of the kernel itself.
  package func isBuiltIn(_ option: String) -> Bool { values[option] == .builtIn }
}

extension ArraySlice<UInt8> {
  fileprivate func ends(with end: String.UTF8View) -> Bool { suffix(end.count).elementsEqual(end) }
}
