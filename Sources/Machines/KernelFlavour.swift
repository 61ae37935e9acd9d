internal import Formats
package import Modules

/// Which of Debian's kernels has what another one leaves out.
package enum KernelFlavour {
  /// The package of the same distribution's kernel for all hardware: `linux-image-amd64` for
  /// `6.1.0-57-cloud-amd64`; nil for a kernel that is no cloud one.
  package static func fullPackage(of release: KernelRelease) -> String? {
    guard let cloud = release.description.firstRange(of: "-cloud-") else { return nil }
    let architecture = Architecture(rawValue: String(release.description[cloud.upperBound...]))
    return architecture.map { "linux-image-\($0.rawValue)" }
  }

  /// What to advise of a module that the kernel has not: where minivm or a profile knows it, or the kernel's configuration has an
  /// option of its name that is not set, the module exists.
  /// - Returns: nil for a name that nothing here knows.
  package static func package(
    with module: String, insteadOf release: KernelRelease, _ configuration: KernelConfiguration?
  ) -> String? {
    let option = DriverOptions.option(of: module)
    let isLeftOut = configuration?.isNotSet(option) == true
    guard
      isLeftOut || DriverOptions.isKnown(module)
        || ModuleProfile.all.contains(where: { $0.lists(module) })
    else { return nil }
    let reason = isLeftOut ? "it was built without CONFIG_\(option); " : ""
    return reason
      + (fullPackage(of: release).map { "the kernel for all hardware has it: `minivm build \($0)`" }
        ?? "use another kernel")
  }

  /// Where a module may be of which nothing here says that it exists: in the part of the kernel's modules that a
  /// distribution packs separately, or in its kernel for all hardware.
  /// - Parameter packages: names of the packages that the kernel came from.
  /// - Returns: nil for a kernel that leaves nothing out, as far as its name tells.
  package static func mayHave(
    insteadOf release: KernelRelease, packages: [String]
  ) -> String? {
    // Ubuntu: https://wiki.ubuntu.com/Kernel/FAQ, linux-modules-extra.
    let extra = "linux-modules-extra-\(release)"
    if packages.contains("linux-modules-\(release)"), !packages.contains(extra) {
      return "\(extra) may have it: build with that package, too"
    }
    return fullPackage(of: release).map {
      "a kernel for all hardware may have it: `minivm build \($0)`"
    }
  }
}
