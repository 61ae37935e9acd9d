package import Basics
internal import Formats

/// Which packages a name leads to.
extension DebianRepository {
  /// What to do about a package that a mirror has dropped.
  package static let snapshotAdvice =
    "snapshot archives have what a mirror has dropped: --mirror URL/TIMESTAMP --suite SUITE --at DATE"

  /// The newest package of a name, or the one with a version.
  package static func choose(
    _ name: String, _ version: DebianVersion?, in packages: [IndexedPackage]
  ) -> IndexedPackage? {
    func newest(_ isWanted: (IndexedPackage) -> Bool) -> IndexedPackage? {
      packages.filter { (version ?? $0.version) == $0.version && isWanted($0) }
        .max { $0.version < $1.version }
    }
    if let package = newest({ $0.name == name }) { return package }
    // A meta package moves on; the kernels that it stood for may still be there.
    guard version != nil, let flavour = KernelPackageName.flavour(ofMeta: name) else { return nil }
    return newest { isKernel($0, of: flavour) }
  }

  /// The package that stands for the kernel to take when nobody names one.
  static func defaultKernel(in found: Found) -> IndexedPackage? {
    KernelPackageName.defaults(found.architecture).lazy
      .compactMap { choose($0, nil, in: found.packages) }.first
  }

  /// The packages that a kernel is installed by, without meta packages, and unsigned ones only where
  /// there is no signed one of the same release.
  static func images(in packages: [IndexedPackage]) -> [IndexedPackage] {
    let images = packages.filter { KernelPackageName.isImage($0.name) && !isMeta($0) }
    let signed = Set(
      images.compactMap { KernelPackageName($0.name[...]) }.filter { !$0.isUnsigned }.map(\.release)
    )
    return images.filter { package in
      guard let name = KernelPackageName(package.name[...]), name.isUnsigned else { return true }
      return !signed.contains(name.release)
    }
  }

  /// The packages of the newest kernel whose version begins so: of the cloud kernels, or where there are
  /// none of the next best kind.
  func newest(
    ofSeries series: String, _ version: DebianVersion?, in found: Found
  ) throws -> [IndexedPackage] {
    let kinds = KernelPackageName.kinds(found.architecture)
    var kernels: [(package: IndexedPackage, kind: Int)] = []
    for package in Self.images(in: found.packages) {
      guard let name = KernelPackageName(package.name[...]),
        name.isOfSeries(series, version: package.version),
        (version ?? package.version) == package.version
      else { continue }
      kernels.append((package, name.rank(among: kinds)))
    }
    kernels.sort {
      $0.kind != $1.kind ? $0.kind < $1.kind : $0.package.version > $1.package.version
    }
    // A mirror that is being updated may lack a part of the newest for a while.
    for kernel in kernels {
      if let parts = try? follow(kernel.package, in: found) { return parts }
    }
    let known = Self.defaultKernel(in: found).flatMap { try? follow($0, in: found).first?.name }
    let wanted = version.map { " with version \($0)" } ?? ""
    throw KitError(
      .missing,
      "no kernel \(series)\(wanted) for \(found.architecture) in \(found.places)",
      advice: "\(known.map { "there is \($0); " } ?? "")\(Self.snapshotAdvice)")
  }

  /// Whether a package is a kernel of a kind such as `cloud-amd64`.
  private static func isKernel(_ package: IndexedPackage, of flavour: String) -> Bool {
    guard let name = KernelPackageName(package.name[...]) else { return false }
    return name.isImage && name.isOf(flavour) && !isMeta(package)
  }

  /// Whether a package holds no files but needs a kernel, as `linux-image-6.12-cloud-amd64` does.
  private static func isMeta(_ package: IndexedPackage) -> Bool {
    // Modules that come in a package of their own need the kernel, too.
    guard KernelPackageName.mayBeMeta(package.name) else { return false }
    return package.dependencies.contains { dependency in
      ([dependency] + dependency.alternatives).contains {
        $0.name != package.name && KernelPackageName.isImage($0.name)
      }
    }
  }

  /// The packages that hold the files of a kernel.
  func follow(_ package: IndexedPackage, in found: Found) throws -> [IndexedPackage] {
    var kernel: [IndexedPackage] = []
    var seen: Set<String> = []
    var left = [package]
    while let package = left.popLast() {
      guard seen.insert(package.name).inserted else { continue }
      if !Self.isMeta(package) { kernel.append(package) }
      for part in package.dependencies.reversed() {
        let choices = ([part] + part.alternatives).filter {
          KernelPackageName.isOfKernel($0.name[...])
        }
        guard let first = choices.first else { continue }
        let known = choices.lazy.compactMap {
          Self.choose($0.name, $0.exactVersion.map(DebianVersion.init), in: found.packages)
        }.first
        guard let known else {
          throw missing(first.name, first.exactVersion.map(DebianVersion.init), found)
        }
        // The kernel that modules need is the one that they were found by.
        let isTwin = kernel.contains { Self.areTwins($0, known) }
        if !isTwin { left.append(known) }
      }
    }
    return kernel
  }

  /// Whether two packages are the same kernel, signed and unsigned.
  private static func areTwins(_ one: IndexedPackage, _ other: IndexedPackage) -> Bool {
    guard let one = KernelPackageName(one.name[...]), let other = KernelPackageName(other.name[...])
    else { return false }
    return one.isImage && other.isImage && one.release == other.release
  }

  /// Returns the error for a package that no suite has, with the nearest that one has.
  package func missing(
    _ name: String, _ version: DebianVersion?, _ found: Found, _ similar: Set<String> = []
  ) -> KitError {
    let (packages, places) = (found.packages, found.places)
    let flavour = KernelPackageName.flavour(ofMeta: name)
    let isNamed = packages.contains { $0.name == name }
    if let version, isNamed {
      let versions = packages.filter { package in
        package.name == name || flavour.map { Self.isKernel(package, of: $0) } == true
      }.map(\.version)
      let nearest = versions.filter { $0 > version }.min() ?? versions.max()
      return KitError(
        .missing, "\(name) has no version \(version) in \(places)",
        advice: "the nearest is \(nearest?.description ?? "none"); \(Self.snapshotAdvice)")
    }
    let release = KernelPackageName(name[...])
    let nearest =
      release.flatMap { $0.nearest(among: packages.map(\.name)) }
      ?? NearestName.name(to: name, among: packages.map(\.name) + similar)
    var advice =
      nearest.map { "the nearest is \($0)" } ?? "give another with --suite or --mirror"
    if !found.otherComponents.isEmpty {
      advice +=
        "; not looked in: component \(found.otherComponents.joined(separator: ", ")) (--component NAME)"
    }
    return KitError(
      .missing, "no package \(name.quoted) for \(found.architecture) in \(places)",
      advice: release != nil ? "\(advice); \(Self.snapshotAdvice)" : advice)
  }
}
