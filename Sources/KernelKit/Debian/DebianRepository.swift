internal import Formats
internal import Logging

/// The packages of a mirror's suites: finds them, and hands on only bytes that a trusted key vouches
/// for, from the suite's signed list over its index to the package.
public struct DebianRepository: Sendable {
  /// A package that was downloaded, or was in the cache, and is the one that the index names.
  public struct Download: Sendable {
    /// The .deb on this machine, open: it is what was hashed, whatever comes in its place.
    public var archive: DebArchive
    public var package: IndexedPackage
    public var url: String
  }

  /// The indexes that a suite may have, the smallest first.
  private static let indexNames: [(name: String, compression: Compression)] = [
    ("Packages.xz", .xz), ("Packages.zst", .zstd), ("Packages.gz", .gzip), ("Packages", .none),
  ]
  /// The most bytes of an index as it is downloaded; Debian's largest has 10 MB.
  private static let indexLimit = 1 << 28
  /// The most bytes of an index unpacked; the largest that was read had 65 MB.
  private static let indexTextLimit = 1 << 30

  private let suites: [DebianSuite]
  private let chain: ReleaseChain
  private let environment: KitEnvironment

  /// - Parameters:
  ///   - keyrings: keys to trust; empty for those of the suites' sources, or the system's.
  ///   - at: the time to take for now, in seconds since 1970; nil for the clock's.
  public init(
    suites: [DebianSuite], keyrings: [Keyring] = [], at: Int? = nil, environment: KitEnvironment
  ) {
    self.suites = suites
    let environment = environment.signingIn(suites.map { ($0.mirror, $0.login) })
    self.environment = environment
    chain = ReleaseChain(environment: environment, keyrings: keyrings, at: at)
  }

  /// The packages with a kernel and its modules: `name` itself, or those that the meta package needs.
  /// - Parameters:
  ///   - name: a package, or a kernel release, without its flavour for the cloud kernel.
  ///   - version: of the package that is named, or of the kernel that it stands for; nil for the
  ///     newest.
  /// - Throws: `KitError.missing` for what no suite has, with the nearest that one has,
  ///   `KitError.unverified` for what no trusted key vouches for, `KitError.invalid` when it can't be got.
  public func kernelPackages(
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
    for name in names {
      guard let first = Self.choose(name, wanted, in: found.packages) else { continue }
      return try download(follow(first, in: found))
    }
    throw missing(names[0], wanted, found, similar)
  }

  /// The newest version of a package.
  /// - Throws: as `kernelPackages`.
  public func newest(_ name: String, architecture: String) async throws -> Download {
    let found = try await find(architecture) { $0 == name }
    guard let package = Self.choose(name, nil, in: found.packages) else {
      throw missing(name, nil, found)
    }
    return try download([package])[0]
  }

  /// What the signed indexes say of a package that is on this machine already.
  /// - Parameter architecture: whose indexes to look in for one that is for `all`.
  /// - Throws: `KitError.unverified` when no suite has a package of these bytes.
  public func verify(_ package: DebArchive, architecture: String) async throws -> Download {
    let control = package.control
    let sha256 = try Digest.sha256(of: package.file)
    let own = control.architecture
    let twins = try await find(own == "all" ? architecture : own) { $0 == control.package }
    guard let found = twins.packages.first(where: { $0.sha256 == sha256 }) else {
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
    return Download(archive: package, package: found, url: found.url)
  }

  /// The kernels that the suites have, the newest first.
  /// - Throws: as `kernelPackages`.
  public func kernels(architecture: String) async throws -> [KernelListing] {
    let found = try await find(architecture) { KernelPackageName($0) != nil }
    var listings: [String: KernelListing] = [:]
    for package in found.packages {
      guard let name = KernelPackageName(package.name[...]), name.isImage, !Self.isMeta(package),
        // A mirror that is being updated may lack a part for a while: it has no such kernel.
        let parts = try? follow(package, in: found)
      else { continue }
      if listings[package.sha256] == nil {
        listings[package.sha256] = KernelListing(name, package, parts)
      }
      let suite = package.origin.suite.suite
      if listings[package.sha256]?.suites.contains(suite) == false {
        listings[package.sha256]?.suites.append(suite)
      }
    }
    return listings.values.sorted { $1 < $0 }
  }

  /// All packages of the suites, in all versions, whose names `isWanted` takes.
  public func packages(
    architecture: String, where isWanted: (Substring) -> Bool
  ) async throws -> [IndexedPackage] {
    try await find(architecture, isWanted).packages
  }

  /// What was looked for in the suites' indexes.
  private struct Found {
    var architecture: String
    var packages: [IndexedPackage] = []
    /// The suites that were looked in, for messages.
    var places = ""
  }

  private func find(
    _ architecture: String, _ isWanted: (Substring) -> Bool
  ) async throws -> Found {
    let lists = try await lists()
    var found = Found(architecture: architecture)
    found.places = Self.places(lists.map(\.suite))
    let architectures = lists.flatMap(\.release.architectures)
    guard architectures.contains(architecture) else {
      throw KitError(
        .missing, "there is nothing for \(architecture) in \(found.places)",
        advice: NearestName.name(to: architecture, among: architectures).map {
          "the nearest is \($0)"
        } ?? "there is something for \(Set(architectures).sorted().joined(separator: ", "))")
    }
    for list in lists {
      var packages: [IndexedPackage] = []
      do {
        for component in list.suite.components {
          try readIndex(component, architecture, list, isWanted) { packages.append($0) }
        }
      } catch {
        try leaveOut(list.suite, error)
        continue
      }
      found.packages += packages
    }
    return found
  }

  /// `http://mirror trixie trixie-updates, http://another trixie-security`
  private static func places(_ suites: [DebianSuite]) -> String {
    var places: [(mirror: String, suites: [String])] = []
    for suite in suites {
      if let place = places.firstIndex(where: { $0.mirror == suite.mirror }) {
        places[place].suites.append(suite.suite)
      } else {
        places.append((suite.mirror, [suite.suite]))
      }
    }
    return places.map { "\($0.mirror) \($0.suites.joined(separator: " "))" }.joined(separator: ", ")
  }

  /// A suite that a mirror has, and its list, which a trusted key vouches for.
  private struct TrustedList {
    var suite: DebianSuite
    var release: Release
    var trust: TrustedRelease
  }

  /// The lists of the suites that there are.
  /// - Throws: `KitError.missing` when one that is not optional is in none of the archives.
  private func lists() async throws -> [TrustedList] {
    var lists: [TrustedList] = []
    var missing: [(suite: String, error: KitError)] = []
    for suite in suites {
      do {
        let (release, trust) = try await chain.release(of: suite)
        lists.append(TrustedList(suite: suite, release: release, trust: trust))
      } catch let error as KitError {
        if error.code != .missing || chain.hasSeen(suite) { try leaveOut(suite, error) }
        if !suite.isOptional { missing.append((suite.suite, error)) }
      }
    }
    for (name, error) in missing where !lists.contains(where: { $0.suite.suite == name }) {
      throw error
    }
    return lists
  }

  /// Warns of what a third party's suite lacks; nothing of it is used.
  /// - Throws: the error of any other suite, which may have what is newest, and this machine's own.
  private func leaveOut(_ suite: DebianSuite, _ error: any Error) throws {
    var error = error
    if var named = error as? KitError, let source = suite.source {
      named.message += " (\(source))"
      error = named
    }
    let isFileFault = (error as? FormatError)?.kind == .io
    guard suite.isThirdParty, !isFileFault else { throw error }
    environment.log.warning("\(error); this source is left out")
  }

  private func readIndex(
    _ component: String, _ architecture: String, _ list: TrustedList,
    _ isWanted: (Substring) -> Bool, _ receive: (IndexedPackage) -> Void
  ) throws {
    let (suite, release) = (list.suite, list.release)
    let folder = "\(component)/binary-\(architecture)"
    let base = "\(suite.mirror)/dists/\(suite.suite)/\(folder)"
    for (name, compression) in Self.indexNames {
      guard let index = release.indexes["\(folder)/\(name)"] else { continue }
      guard index.size <= Self.indexLimit else {
        throw KitError(
          .unverified, "\(base)/\(name): \(index.size) bytes are more than an index has")
      }
      let byHash = "\(base)/by-hash/SHA256/\(index.sha256)"
      let file = try DownloadCache(environment: environment).file(
        release.hasHashedNames ? [byHash, "\(base)/\(name)"] : ["\(base)/\(name)"],
        name: name, size: index.size, sha256: index.sha256)
      // Read into memory and hashed there: what is parsed is what was hashed.
      let bytes = try file.readAll(limit: Self.indexLimit)
      guard Digest.sha256(of: bytes) == index.sha256 else {
        throw KitError(.unverified, "\(file.path): changed while it was read", advice: "try again")
      }
      let origin = IndexedPackage.Origin(
        suite: suite, release: list.trust, index: "\(base)/\(name)", indexSHA256: index.sha256)
      try inside("\(base)/\(name)") {
        let text = LimitedSource(
          try compression.decode(MemorySource(bytes), jobs: Machine.cores),
          limit: Self.indexTextLimit, compressedSize: bytes.count)
        try PackagesIndex.forEachPackage(in: text, of: origin, where: isWanted, receive)
      }
      return
    }
  }

  /// The newest package of a name, or the one with a version.
  private static func choose(
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

  /// Whether a package is a kernel of a kind such as `cloud-amd64`.
  private static func isKernel(_ package: IndexedPackage, of flavour: String) -> Bool {
    guard let name = KernelPackageName(package.name[...]) else { return false }
    return name.isImage && name.isOf(flavour) && !isMeta(package)
  }

  /// Whether a package holds no files but needs a kernel: its name has no release, or only a series,
  /// as in `linux-image-6.12-cloud-amd64`.
  private static func isMeta(_ package: IndexedPackage) -> Bool {
    guard let name = KernelPackageName(package.name[...]) else { return true }
    return name.isImage
      && package.dependencies.contains { KernelPackageName($0.name[...])?.isImage == true }
  }

  /// The packages that hold the files of a kernel.
  private func follow(_ package: IndexedPackage, in found: Found) throws -> [IndexedPackage] {
    var kernel: [IndexedPackage] = []
    var left = [package]
    while let package = left.popLast() {
      guard !kernel.contains(where: { $0.name == package.name }) else { continue }
      let parts = package.dependencies.filter { KernelPackageName($0.name[...]) != nil }
      if parts.isEmpty || !Self.isMeta(package) { kernel.append(package) }
      for part in parts.reversed() {
        let wanted = part.exactVersion.map(DebianVersion.init)
        guard let next = Self.choose(part.name, wanted, in: found.packages) else {
          throw missing(part.name, wanted, found)
        }
        left.append(next)
      }
    }
    return kernel
  }

  /// What to do about a package that a mirror has dropped.
  static let snapshotAdvice =
    "what a mirror has dropped is in a snapshot archive: --mirror URL/TIMESTAMP --suite SUITE --at DATE"

  private func missing(
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
    let advice =
      nearest.map { "the nearest is \($0)" } ?? "give another with --suite or --mirror"
    return KitError(
      .missing, "there is no package \(name.quoted) for \(found.architecture) in \(places)",
      advice: release != nil ? "\(advice); \(Self.snapshotAdvice)" : advice)
  }

  /// The file of a package, without a look into it.
  func file(of package: IndexedPackage) throws -> InputFile {
    try DownloadCache(environment: environment).file(
      [package.url], name: FileTree.name(of: package.file), size: package.size,
      sha256: package.sha256)
  }

  private func download(_ packages: [IndexedPackage]) throws -> [Download] {
    let files = try DownloadCache(environment: environment).files(
      packages.map {
        DownloadCache.Wanted(
          urls: [$0.url], name: FileTree.name(of: $0.file), size: $0.size, sha256: $0.sha256)
      })
    return try zip(packages, files).map { package, file in
      let archive = try DebArchive(file)
      try check(archive.control, is: package, package.url)
      return Download(archive: archive, package: package, url: package.url)
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
