package import Basics
internal import Formats
internal import Glibc

/// The options that a kernel was built with. Linux, Documentation/kbuild/kconfig.rst.
package struct KernelConfiguration: Sendable, Hashable {
  /// The most bytes of a configuration.
  package static let sizeLimit = 1 << 24

  /// A line feed, the file without NULs, and a NUL.
  private let text: [CChar]

  /// - Parameter bytes: a `.config`, as packages have it at boot/config-VER.
  package init(reading bytes: [UInt8]) {
    text = [0x0a] + bytes.map { $0 == 0 ? 0x0a : CChar(bitPattern: $0) } + [0]
  }

  /// All options that are set, by name.
  private var values: [String: String] {
    var values: [String: String] = [:]
    let lines = text.map(UInt8.init(bitPattern:)).dropLast().split(separator: 0x0a)
    for line in lines where line.starts(with: "CONFIG_".utf8) {
      guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let name = String(decoding: line[..<equals].dropFirst("CONFIG_".utf8.count), as: UTF8.self)
      values[name] = String(decoding: line[(equals + 1)...], as: UTF8.self)
    }
    return values
  }

  /// A whole configuration has thousands of options, of which few are asked for. Of lines with one option the last
  /// counts.
  private func value(of option: String) -> String? {
    let name = "\nCONFIG_\(option)="
    return unsafe text.withUnsafeBufferPointer { text in
      var value: String?
      var rest = text.baseAddress!
      while let found = unsafe strstr(rest, name) {
        unsafe rest = unsafe UnsafePointer(found) + name.utf8.count
        value = unsafe String(
          decoding: UnsafeRawBufferPointer(start: rest, count: strcspn(rest, "\n")), as: UTF8.self)
      }
      return value
    }
  }

  /// The value of an option, written without `CONFIG_`, without quotes; nil when it is not set.
  package func text(of option: String) -> String? {
    value(of: option).map { $0.hasPrefix("\"") ? String($0.dropFirst().dropLast()) : $0 }
  }

  /// The options that another configuration has otherwise, by name; nil is not set.
  package func changes(to other: KernelConfiguration) -> [Change] {
    let (values, others) = (values, other.values)
    return Set(values.keys).union(others.keys).sorted().compactMap {
      Change("CONFIG_\($0)", values[$0], others[$0])
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
  package func isNotSet(_ option: String) -> Bool {
    let line = "\n# CONFIG_\(option) is not set\n"
    return unsafe text.withUnsafeBufferPointer { text in
      unsafe strstr(text.baseAddress!, line) != nil
    }
  }

  /// Whether the kernel was built without support for modules.
  package var hasNoModules: Bool { isNotSet("MODULES") }

  /// Whether an option, written without `CONFIG_`, is part of the kernel itself.
  package func isBuiltIn(_ option: String) -> Bool {
    value(of: option) == "y"
  }
}
