package import Basics
internal import Formats

/// A kernel that a mirror has.
package struct KernelListing: Codable, Sendable, Hashable, Comparable {
  /// How a kernel is spread over packages.
  package enum Layout: String, Codable, Sendable {
    case onePackage = "one-package"
    /// Kernel, modules and configuration are packages of their own.
    case split

    /// As people read it.
    package var text: String { self == .onePackage ? "one package" : rawValue }
  }

  /// What `uname -r` says, or where the package's name does not have that, the rest of the name.
  package var release: String
  /// Of the package.
  package var version: String
  /// The name of the package with the kernel.
  package var package: String
  /// The suites that have it.
  package var suites: [String]
  /// Debian's name.
  package var architecture: String
  /// Bytes of all packages that hold it.
  package var size: Int
  /// How the kernel is spread over packages.
  package var layout: Layout
  /// Whether it is the one that is taken when nobody names one; nil for no.
  package var isDefault: Bool?

  init(_ package: IndexedPackage, _ parts: [IndexedPackage]) {
    release = KernelPackageName.release(of: package.name)
    version = package.version.description
    self.package = package.name
    suites = [package.origin.suite.suite]
    architecture = package.architecture
    size = parts.reduce(0) { $0.addingSaturated($1.size) }
    layout = parts.count > 1 ? .split : .onePackage
  }

  /// Older ones come first; of the same version, the later in the alphabet.
  package static func < (left: KernelListing, right: KernelListing) -> Bool {
    let (a, b) = (DebianVersion(left.version), DebianVersion(right.version))
    return a != b ? a < b : left.release > right.release
  }

  /// Whether a user's pattern means it: a part of the release or of the package's name, a glob of the
  /// whole of one, or the first numbers of a version, of which `6.1` is none of `6.12`.
  package func matches(_ pattern: String) -> Bool {
    if KernelPackageName.isSeries(pattern) {
      let upstream = version.split(separator: ":").last.map(String.init) ?? version
      return [release, upstream].contains { KernelPackageName.begins($0, with: pattern) }
    }
    let glob = Array(pattern.utf8)
    return [release, package].contains {
      ModuleAlias.isPattern(glob)
        ? ModuleAlias.matches(glob, Array($0.utf8)) : $0.contains(pattern)
    }
  }
}

extension [KernelListing] {
  /// Those that a pattern means.
  /// - Throws: `KitError.missing` with the nearest one when there are none.
  package func matching(_ pattern: String?, architecture: String) throws(KitError)
    -> [KernelListing]
  {
    guard !isEmpty else {
      throw KitError(
        .missing, "no kernels for \(architecture) were found",
        advice: "give another with --suite, --arch or --mirror")
    }
    guard let pattern else { return self }
    let found = filter { $0.matches(pattern) }
    guard found.isEmpty else { return found }
    let names = map(\.release) + map(\.package)
    let words = names.flatMap { $0.split(separator: "-").map(String.init) }
    let nearest =
      NearestName.name(to: pattern, among: names) ?? NearestName.name(to: pattern, among: words)
      ?? self[0].release
    throw KitError(
      .missing, "no kernel for \(architecture) matches \(pattern.quoted)",
      advice: "the nearest is \(nearest); \(DebianRepository.snapshotAdvice)")
  }
}
