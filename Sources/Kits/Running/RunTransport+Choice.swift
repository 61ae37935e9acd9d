internal import Basics
internal import Formats
internal import Machines
internal import Modules

extension RunTransport {
  /// Chooses how a guest gets its folders.
  /// - Parameters:
  ///   - found: this machine's virtiofsd, or why there is none that does.
  ///   - wanted: nil for the best that there is.
  /// - Throws: `KitError` for one that is not there, and for folders that none can share.
  init(
    _ kit: Kit, _ index: ModuleIndex, _ shares: [RunShare],
    _ found: (server: Virtiofsd?, problem: String?), _ wanted: RunTransport?
  ) throws(KitError) {
    let folders = shares.filter { $0.image == nil }
    guard !folders.isEmpty else {
      self = .disk
      return
    }
    let known = Self.allCases.filter { RunRamDisk.has($0.modules, in: index) }
    let written = folders.first { !$0.isReadOnly }
    if let wanted {
      guard known.contains(wanted) else {
        throw KitError(
          .missing, "kernel \(kit.release) has no \(wanted.rawValue)",
          advice: "leave --transport out")
      }
      if wanted == .virtiofs, found.server == nil {
        throw KitError(
          .missing, found.problem ?? "virtiofsd is not installed",
          advice: "\(Self.installation), or as root qemu-system-common of Debian 12")
      }
      if wanted == .disk, let written {
        throw KitError(
          .usage, "\(written.host): is shared for writing, which --transport disk can't do",
          advice: Self.waysToReadOnly)
      }
      self = wanted
      return
    }
    if known.contains(.virtiofs), found.server != nil {
      self = .virtiofs
    } else if known.contains(.p9) {
      self = .p9
    } else if let written {
      let reason =
        known.contains(.virtiofs)
        ? "shares folders by virtiofs only, and \(found.problem ?? "virtiofsd is not installed")"
        : "has neither virtiofs nor 9p"
      let others =
        known.contains(.virtiofs) ? "\(Self.installation), use" : "use"
      throw KitError(
        .missing, "\(written.host): can't be shared for writing: kernel \(kit.release) \(reason)",
        advice:
          "\(others) a kernel with 9p, such as linux-image-\(kit.architecture.rawValue), or \(Self.waysToReadOnly)"
      )
    } else {
      self = .disk
    }
  }

  static let installation =
    "install a virtiofsd that knows --readonly (Debian 13: package virtiofsd)"
  private static let waysToReadOnly =
    "share it read-only (the current folder: --share .:ro), or without it (--no-cwd)"
}
