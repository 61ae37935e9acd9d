package import Formats
package import Modules

/// What a path means in a kernel package, in any of Debian's layouts: `lib/` or `usr/lib/`, with or
/// without `/boot`.
package enum KernelPath: Sendable, Hashable {
  case kernel(KernelRelease)
  case configuration(KernelRelease)
  /// A path below lib/modules/VER; empty for that folder itself.
  case moduleTree(KernelRelease, String)

  /// - Parameter path: normalised, as `TarEntry.path` is.
  /// - Returns: nil for what is neither kernel, configuration nor modules.
  /// - Throws: `FormatError.malformed` for a place of one that names no kernel release.
  package init?(_ path: String) throws(FormatError) {
    var parts = path.utf8.split(separator: UInt8(ascii: "/")).map(Substring.init)
    if parts.first == "usr" { parts.removeFirst() }
    if parts.count == 2, parts[0] == "boot" {
      for (prefix, isKernel) in [("vmlinuz-", true), ("vmlinux-", true), ("config-", false)]
      where parts[1].hasPrefix(prefix) {
        let release = try KernelRelease(parts[1].dropFirst(prefix.count))
        self = isKernel ? .kernel(release) : .configuration(release)
        return
      }
      return nil
    }
    guard parts.count >= 3, parts[0] == "lib", parts[1] == "modules" else { return nil }
    self.init(try KernelRelease(parts[2]), below: parts.dropFirst(3).joined(separator: "/"))
  }

  /// - Parameter below: the path below lib/modules/VER.
  init(_ release: KernelRelease, below: String) {
    if ModuleTreePath.kernelNames.contains(below) {
      self = .kernel(release)
    } else if below == ModuleTreePath.configurationName {
      self = .configuration(release)
    } else {
      self = .moduleTree(release, below)
    }
  }

  /// Whether it is part of what becomes lib/modules/VER.
  var isInModuleTree: Bool {
    if case .moduleTree = self { true } else { false }
  }

  /// The kernel that the path belongs to.
  package var release: KernelRelease {
    switch self {
    case .kernel(let release), .configuration(let release), .moduleTree(let release, _): release
    }
  }
}
