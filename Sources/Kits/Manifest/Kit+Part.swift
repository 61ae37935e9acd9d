package import Machines
package import Modules

extension Kit {
  /// The files that a kernel has in a kit. Raw values are what their names begin with.
  package enum Part: String, Sendable, CaseIterable {
    case vmlinuz, vmlinux
    case configuration = "config"
    case initramfs
    case modulesDisk = "modules"

    /// - Parameter name: a file's; nil for none of this kernel's.
    package init?(_ name: String, _ release: KernelRelease) {
      let part = Self.allCases.first { part in
        MachineDisk.Format.allCases.contains { part.fileName(release, format: $0) == name }
      }
      guard let part else { return nil }
      self = part
    }

    var prefix: String { "\(rawValue)-" }

    /// - Parameter format: the modules disk's; no other file has one.
    package func fileName(_ release: KernelRelease, format: MachineDisk.Format = .qcow2) -> String {
      let name = "\(prefix)\(release)"
      return self == .modulesDisk ? "\(name).\(format.rawValue)" : name
    }

    /// What people call it.
    var title: String {
      switch self {
      case .vmlinuz, .vmlinux: rawValue
      case .configuration: "configuration"
      case .initramfs: "initramfs"
      case .modulesDisk: "modules disk"
      }
    }

    /// Whether there are files in it.
    var isImage: Bool { self == .initramfs || self == .modulesDisk }
  }

  static func manifestName(_ release: KernelRelease) -> String { "manifest-\(release).json" }

  /// VER of `manifest-VER.json`, whatever it is; nil for other names.
  static func version(ofManifest name: String) -> Substring? {
    guard name.hasPrefix("manifest-"), name.hasSuffix(".json") else { return nil }
    return name.dropFirst("manifest-".count).dropLast(".json".count)
  }
}
