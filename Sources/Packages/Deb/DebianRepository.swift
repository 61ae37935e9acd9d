package import Basics
package import Formats
internal import Logging

/// The packages of a mirror's suites: finds them, and hands on only bytes that a trusted key vouches
/// for, from the suite's signed list over its index to the package.
package struct DebianRepository: KernelRepository {
  /// A package that was downloaded, and checked against its index.
  package typealias Download = PackageDownload<IndexedPackage>

  let suites: [DebianSuite]
  /// The components to look in instead of the suites' own; empty for those.
  let components: [String]
  let chain: ReleaseChain
  let network: Network
  let cache: Cache
  let clock: Clock
  let reporter: Reporter
  let jobs: Int

  /// - Parameters:
  ///   - keyrings: keys to trust; empty for those of the suites' sources, or the system's.
  ///   - components: the components to look in instead of the suites' own; empty for those.
  ///   - at: the time to take for now, in seconds since 1970; nil for the clock's.
  ///   - acceptsChanges: whether a suite may come with another Origin, Label or Codename than it had.
  ///   - signatureTool: what checks OpenPGP signatures; nil for whichever this machine has.
  ///   - jobs: cores that may be at work.
  package init(
    suites: [DebianSuite], keyrings: [Keyring] = [], components: [String] = [], at: Int? = nil,
    acceptsChanges: Bool = false, signatureTool: SignatureTool? = nil, network: Network,
    cache: Cache, clock: Clock, reporter: Reporter, jobs: Int = Machine.cores
  ) {
    self.suites = suites
    self.components = components
    self.network = network.signingIn(suites.map { ($0.mirror, $0.login) })
    (self.cache, self.clock, self.reporter, self.jobs) = (cache, clock, reporter, jobs)
    chain = ReleaseChain(
      network: self.network, cache: cache, clock: clock, keyrings: keyrings, at: at,
      acceptsChanges: acceptsChanges, signatureTool: signatureTool)
  }

  /// Returns the name of the package with a static program.
  package func packageName(ofStatic program: String) -> String { "\(program)-static" }

  /// Returns the packages with a kernel and its modules: `name` itself, or those that the meta package needs.
  /// - Parameters:
  ///   - name: a package; a kernel release, without its flavour for the cloud kernel; the beginning
  ///     of a version such as `6.1`, for the newest cloud kernel of that series; nil for the kernel that the archive's
  ///     own package for virtual machines stands for, or where it has none its general one.
  ///   - version: of the package that is named, or of the kernel that it stands for; nil for the
  ///     newest.
  /// - Throws: `KitError.missing` for what no suite has, with the nearest that one has,
  ///   `KitError.unverified` for what no trusted key vouches for, `KitError.invalid` when it can't be got.
  package func findKernel(
    _ name: String?, version: String? = nil, architecture: String
  ) async throws -> [IndexedPackage] {
    guard let name else { return try await findDefaultKernel(architecture) }
    let names = KernelPackageName.candidates(name, architecture: architecture)
    let wanted = version.map(DebianVersion.init)
    var similar: Set<String> = []
    let found = try await find(architecture) {
      if KernelPackageName.isOfKernel($0) || names.contains(String($0)) { return true }
      if NearestName.isSimilar($0, to: names[0]) { similar.insert(String($0)) }
      return false
    }
    if KernelPackageName.isSeries(name) { return try newest(ofSeries: name, wanted, in: found) }
    for name in names {
      guard let first = Self.choose(name, wanted, in: found.packages) else { continue }
      return try follow(first, in: found)
    }
    throw missing(names[0], wanted, found, similar)
  }

  private func findDefaultKernel(_ architecture: String) async throws -> [IndexedPackage] {
    let found = try await find(architecture) { KernelPackageName.isOfKernel($0) }
    guard let kernel = Self.defaultKernel(in: found) else {
      let names = KernelPackageName.defaults(architecture).joined(separator: ", ")
      throw KitError(
        .missing, "there is none of \(names) in \(found.places)",
        advice: found.packages.isEmpty
          ? "give another archive with --mirror or --suite"
          : "name a kernel that `minivm search` lists")
    }
    return try follow(kernel, in: found)
  }

  /// Returns the newest package of a name.
  /// - Throws: `KitError.missing` for one that no suite has, `.unverified` for what no trusted key vouches for.
  package func find(_ name: String, architecture: String) async throws -> IndexedPackage {
    let found = try await find(architecture) { $0 == name }
    guard let package = Self.choose(name, nil, in: found.packages) else {
      throw missing(name, nil, found)
    }
    return package
  }

  /// Returns the package of the archive that has the same bytes as a file.
  /// - Throws: `KitError.unverified` where no suite has such a package.
  package func twin(
    of package: any PackageArchive, architecture: String
  ) async throws -> IndexedPackage {
    let identity = package.identity
    let own = identity.architecture
    let twins = try await find(own == "all" ? architecture : own) { $0 == identity.name }
    let hashes = try Set(twins.packages.map(\.hash.algorithm)).map { try package.hash($0) }
    guard let found = twins.packages.first(where: { hashes.contains($0.hash) }) else {
      let sha256 = try package.hash(.sha256).text
      let versions = twins.packages.map(\.version).sorted(by: >).map(\.description)
      let known =
        versions.contains(identity.version)
        ? "other bytes for \(identity.name) \(identity.version)"
        : versions.isEmpty
          ? "no \(identity.name)"
          : "\(identity.name) in version \(versions.joined(separator: ", "))"
      throw KitError(
        .unverified,
        "\(package.path): no package of \(twins.places) has its SHA-256 \(sha256); it has \(known)",
        advice: "give its suite with --suite; \(Self.snapshotAdvice)")
    }
    try check(identity, is: found, package.path)
    return found
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

  /// Returns a package's file by its SHA-256, downloaded where the cache has not got it.
  /// - Returns: nil where no suite has it.
  /// - Throws: as `find`.
  package func file(
    of name: String, architecture: String, size: Int?, sha256: String
  ) async throws -> InputFile? {
    for package in try await packages(architecture: architecture, where: { $0 == name })
    where size == nil || size == package.size {
      if package.hash.algorithm == .sha256, package.hash.text != sha256 { continue }
      // An archive that has SHA-512 alone does not say: the file does.
      let file = try files(of: [package])[0]
      if try Digest.sha256(of: file) == sha256 { return file }
    }
    return nil
  }

  /// The same, which gives a download up when it fails once.
  package func trying(once: Bool) -> DebianRepository {
    guard once else { return self }
    var network = network
    network.pauses = []
    return DebianRepository(
      suites: suites, keyrings: chain.keyrings, components: components, at: chain.at,
      acceptsChanges: chain.acceptsChanges, signatureTool: chain.signatureTool, network: network,
      cache: cache, clock: clock, reporter: reporter, jobs: jobs)
  }

  /// Downloads packages, side by side.
  /// - Throws: `KitError.unverified` for bytes that are not the index's.
  package func download(_ packages: [IndexedPackage]) throws -> [Download] {
    try zip(packages, files(of: packages)).map { package, file in
      let archive = try DebArchive(file)
      try check(archive.identity, is: package, package.url)
      let hash = package.hash
      return Download(
        archive: archive, file: file, package: package,
        sha256: try hash.algorithm == .sha256 ? hash.text : Digest.sha256(of: file))
    }
  }

  var downloads: DownloadCache { DownloadCache(cache, network, progress: reporter.progress) }

  private func files(of packages: [IndexedPackage]) throws -> [InputFile] {
    try downloads.files(
      packages.map {
        DownloadCache.Wanted(
          urls: [$0.url], name: $0.fileName, size: $0.size, proof: .hash($0.hash))
      })
  }

  private func check(
    _ identity: PackageIdentity, is package: IndexedPackage, _ place: String
  ) throws(KitError) {
    guard identity == package.identity else {
      throw KitError(
        .unverified,
        "\(place): is \(identity.name) \(identity.version) (index: \(package.name) \(package.version))",
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
