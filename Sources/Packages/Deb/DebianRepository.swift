internal import Basics
package import Formats
internal import Logging

/// The packages of a mirror's suites: finds them, and hands on only bytes that a trusted key vouches
/// for, from the suite's signed list over its index to the package.
package struct DebianRepository: Sendable {
  /// A package that was downloaded, or was in the cache, and is the one that the index names.
  package struct Download: Sendable {
    /// The .deb on this machine, open: it is what was hashed, whatever comes in its place.
    package var archive: DebArchive
    package var package: IndexedPackage
    package var url: String
    /// Of the .deb, in small hexadecimal digits.
    package var sha256: String

    init(_ archive: DebArchive, _ package: IndexedPackage) throws {
      (self.archive, self.package, url) = (archive, package, package.url)
      let hash = package.hash
      sha256 = try hash.algorithm == .sha256 ? hash.text : Digest.sha256(of: archive.file)
    }
  }

  let suites: [DebianSuite]
  /// The components to look in instead of the suites' own; empty for those.
  let components: [String]
  let chain: ReleaseChain
  let environment: KitEnvironment

  /// - Parameters:
  ///   - keyrings: keys to trust; empty for those of the suites' sources, or the system's.
  ///   - components: the components to look in instead of the suites' own; empty for those.
  ///   - at: the time to take for now, in seconds since 1970; nil for the clock's.
  ///   - acceptsChanges: whether a suite may come with another Origin, Label or Codename than it had.
  package init(
    suites: [DebianSuite], keyrings: [Keyring] = [], components: [String] = [], at: Int? = nil,
    acceptsChanges: Bool = false, environment: KitEnvironment
  ) {
    self.suites = suites
    self.components = components
    let environment = environment.signingIn(suites.map { ($0.mirror, $0.login) })
    self.environment = environment
    chain = ReleaseChain(
      environment: environment, keyrings: keyrings, at: at, acceptsChanges: acceptsChanges)
  }

  /// The packages with a kernel and its modules: `name` itself, or those that the meta package needs.
  /// - Parameters:
  ///   - name: a package; a kernel release, without its flavour for the cloud kernel; or the beginning
  ///     of a version such as `6.1`, for the newest cloud kernel of that series.
  ///   - version: of the package that is named, or of the kernel that it stands for; nil for the
  ///     newest.
  /// - Throws: `KitError.missing` for what no suite has, with the nearest that one has,
  ///   `KitError.unverified` for what no trusted key vouches for, `KitError.invalid` when it can't be got.
  package func kernelPackages(
    _ name: String, version: String? = nil, architecture: String
  ) async throws -> [Download] {
    let names = KernelPackageName.candidates(name, architecture: architecture)
    let wanted = version.map(DebianVersion.init)
    var similar: Set<String> = []
    let found = try await find(architecture) {
      if KernelPackageName.isOfKernel($0) || names.contains(String($0)) { return true }
      if NearestName.isSimilar($0, to: names[0]) { similar.insert(String($0)) }
      return false
    }
    if KernelPackageName.isSeries(name) {
      return try download(newest(ofSeries: name, wanted, in: found))
    }
    for name in names {
      guard let first = Self.choose(name, wanted, in: found.packages) else { continue }
      return try download(follow(first, in: found))
    }
    throw missing(names[0], wanted, found, similar)
  }

  /// The packages of the kernel that is meant when nobody names one: what the archive's own package for
  /// virtual machines stands for, or where it has none its general one.
  /// - Throws: as `kernelPackages`.
  package func defaultKernelPackages(architecture: String) async throws -> [Download] {
    let found = try await find(architecture) { KernelPackageName.isOfKernel($0) }
    guard let kernel = Self.defaultKernel(in: found) else {
      let names = KernelPackageName.defaults(architecture).joined(separator: ", ")
      throw KitError(
        .missing, "there is none of \(names) in \(found.places)",
        advice: found.packages.isEmpty
          ? "give another archive with --mirror or --suite"
          : "name a kernel; `minivm search` lists what there is")
    }
    return try download(follow(kernel, in: found))
  }

  /// The newest version of a package.
  /// - Throws: as `kernelPackages`.
  package func newest(_ name: String, architecture: String) async throws -> Download {
    let found = try await find(architecture) { $0 == name }
    guard let package = Self.choose(name, nil, in: found.packages) else {
      throw missing(name, nil, found)
    }
    return try download([package])[0]
  }

  /// What the signed indexes say of a package that is on this machine already.
  /// - Parameter architecture: whose indexes to look in for one that is for `all`.
  /// - Throws: `KitError.unverified` when no suite has a package of these bytes.
  package func verify(_ package: DebArchive, architecture: String) async throws -> Download {
    let control = package.control
    let own = control.architecture
    let twins = try await find(own == "all" ? architecture : own) { $0 == control.package }
    let hashes = try Set(twins.packages.map(\.hash.algorithm)).map {
      try FileHash(of: package.file, $0)
    }
    guard let found = twins.packages.first(where: { hashes.contains($0.hash) }) else {
      let sha256 = try Digest.sha256(of: package.file)
      let versions = twins.packages.map(\.version).sorted(by: >).map(\.description)
      let known =
        versions.contains(control.version)
        ? "other bytes for \(control.package) \(control.version)"
        : versions.isEmpty
          ? "no \(control.package)"
          : "\(control.package) in version \(versions.joined(separator: ", "))"
      throw KitError(
        .unverified,
        "\(package.path): no package of \(twins.places) has its SHA-256 \(sha256); it has \(known)",
        advice: "give the suite that it is of with --suite; \(Self.snapshotAdvice)")
    }
    try check(control, is: found, package.path)
    return try Download(package, found)
  }

  /// The kernels that the suites have, the newest first.
  /// - Throws: as `kernelPackages`.
  package func kernels(architecture: String) async throws -> [KernelListing] {
    let found = try await find(architecture) { KernelPackageName.isOfKernel($0) }
    let own = Self.defaultKernel(in: found).flatMap { try? follow($0, in: found).first?.hash }
    var listings: [FileHash: KernelListing] = [:]
    for package in Self.images(in: found.packages) {
      // A mirror that is being updated may lack a part for a while: it has no such kernel.
      guard let parts = try? follow(package, in: found) else { continue }
      if listings[package.hash] == nil {
        var listing = KernelListing(package, parts)
        if package.hash == own { listing.isDefault = true }
        listings[package.hash] = listing
      }
      let suite = package.origin.suite.suite
      if listings[package.hash]?.suites.contains(suite) == false {
        listings[package.hash]?.suites.append(suite)
      }
    }
    return listings.values.sorted { $1 < $0 }
  }

  /// All packages of the suites, in all versions, whose names `isWanted` takes.
  package func packages(
    architecture: String, where isWanted: (Substring) -> Bool
  ) async throws -> [IndexedPackage] {
    try await find(architecture, isWanted).packages
  }

  /// The file of a package, without a look into it.
  package func file(of package: IndexedPackage) throws -> InputFile {
    try DownloadCache(environment: environment).file(
      [package.url], name: FileTree.name(of: package.file), size: package.size,
      hash: package.hash)
  }

  /// The same, which gives a download up when it fails once.
  package func trying(once: Bool) -> DebianRepository {
    guard once else { return self }
    var environment = environment
    environment.pauses = []
    return DebianRepository(
      suites: suites, keyrings: chain.keyrings, components: components, at: chain.at,
      acceptsChanges: chain.acceptsChanges, environment: environment)
  }

  package func download(_ packages: [IndexedPackage]) throws -> [Download] {
    let files = try DownloadCache(environment: environment).files(
      packages.map {
        DownloadCache.Wanted(
          urls: [$0.url], name: FileTree.name(of: $0.file), size: $0.size, proof: .hash($0.hash))
      })
    return try zip(packages, files).map { package, file in
      let archive = try DebArchive(file)
      try check(archive.control, is: package, package.url)
      return try Download(archive, package)
    }
  }

  private func check(
    _ control: DebArchive.Control, is package: IndexedPackage, _ place: String
  ) throws(KitError) {
    guard control.package == package.name, control.version == package.version.description,
      control.architecture == package.architecture
    else {
      throw KitError(
        .unverified,
        "\(place): holds \(control.package) \(control.version), the index names \(package.name) \(package.version)",
        advice: "use another mirror")
    }
  }

  /// A path for a URL. RFC 3986, 2.3 and 3.3.
  static func escaped(_ path: String) -> String {
    path.utf8.map { byte -> String in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"):
        String(UnicodeScalar(byte))
      case _ where "-._~/".utf8.contains(byte): String(UnicodeScalar(byte))
      default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }
}
