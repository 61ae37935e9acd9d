internal import Formats

/// The options that a kernel was built with. Linux, Documentation/kbuild/kconfig.rst.
public struct KernelConfiguration: Sendable, Hashable {
  /// The most bytes of a configuration.
  static let sizeLimit = 1 << 24

  private var values: [String: String] = [:]

  /// - Parameter bytes: a `.config`, as packages have it at boot/config-VER.
  public init(reading bytes: [UInt8]) {
    for line in bytes.split(separator: 0x0a) where line.starts(with: "CONFIG_".utf8) {
      guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let name = String(decoding: line[..<equals].dropFirst("CONFIG_".utf8.count), as: UTF8.self)
      values[name] = String(decoding: line[(equals + 1)...], as: UTF8.self)
    }
  }

  /// The value of an option, written without `CONFIG_`, without quotes; nil when it is not set.
  func text(of option: String) -> String? {
    values[option].map { $0.hasPrefix("\"") ? String($0.dropFirst().dropLast()) : $0 }
  }

  /// The options that another configuration has otherwise, by name; nil is not set.
  func changes(to other: KernelConfiguration) -> [Change] {
    Set(values.keys).union(other.values.keys).sorted().compactMap {
      Change("CONFIG_\($0)", values[$0], other.values[$0])
    }
  }

  /// Whether the kernel takes a module as its file is: it unpacks the one form that its own modules are
  /// installed in. Linux, kernel/module/Kconfig.
  func unpacksModule(_ path: String) -> Bool {
    let forms = [".xz": "XZ", ".zst": "ZSTD", ".gz": "GZIP"]
    guard let form = forms.first(where: { path.hasSuffix($0.key) }) else { return true }
    return isBuiltIn("MODULE_DECOMPRESS") && isBuiltIn("MODULE_COMPRESS_\(form.value)")
  }

  /// Whether an option, written without `CONFIG_`, is part of the kernel itself.
  public func isBuiltIn(_ option: String) -> Bool {
    values[option] == "y"
  }
}
