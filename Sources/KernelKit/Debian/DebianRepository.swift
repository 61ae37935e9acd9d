internal import Formats

/// The packages of a mirror's suites: finds them, and hands on only bytes that a trusted key vouches
/// for, from the suite's signed list over its index to the package.
public struct DebianRepository: Sendable {
  /// A package that was downloaded, or was in the cache, and is the one that the index names.
  public struct Download: Sendable {
    /// Where the .deb is on this machine.
    public var path: String
    public var package: IndexedPackage
    public var url: String
  }

  /// The compressed indexes that a suite may have, the smallest first.
  private static let indexNames: [(name: String, compression: Compression)] = [
    ("Packages.xz", .xz), ("Packages.zst", .zstd), ("Packages.gz", .gzip),
  ]
  /// The most bytes of a compressed index; Debian's largest has 10 MB.
  private static let indexLimit = 1 << 28

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
    self.environment = environment
    chain = ReleaseChain(environment: environment, keyrings: keyrings, at: at)
  }

  /// The packages with a kernel and its modules: `name` itself, or those that the meta package needs.
  /// - Parameter version: of the package that is named; nil for the newest.
  public func kernelPackages(
    _ name: String, version: String? = nil, architecture: String
  ) async throws -> [Download] {
    let packages = try await packages(architecture: architecture) {
      $0 == name || Self.isKernelPart($0)
    }
    let wanted = version.map(DebianVersion.init)
    guard let first = Self.choose(name, wanted, in: packages) else {
      throw missing(name, wanted, architecture, packages)
    }
    var found: [IndexedPackage] = []
    try follow(first, in: packages, architecture, &found)
    return try download(found)
  }

  /// The newest version of a package.
  public func newest(_ name: String, architecture: String) async throws -> Download {
    let packages = try await packages(architecture: architecture) { $0 == name }
    guard let package = Self.choose(name, nil, in: packages) else {
      throw missing(name, nil, architecture, packages)
    }
    return try download([package])[0]
  }

  /// All packages of the suites, in all versions, whose names `isWanted` takes.
  public func packages(
    architecture: String, where isWanted: (Substring) -> Bool
  ) async throws -> [IndexedPackage] {
    var found: [IndexedPackage] = []
    for suite in suites {
      let release: Release
      let trust: TrustedRelease
      do {
        (release, trust) = try await chain.release(of: suite)
      } catch let error as KitError where error.code == .missing && suite.isOptional {
        continue
      }
      for component in suite.components {
        try readIndex(component, architecture, suite, release, trust, isWanted) { found.append($0) }
      }
    }
    return found
  }

  /// Whether a package is one that a kernel is made of; never its debugging and unsigned twins.
  public static func isKernelPart(_ name: Substring) -> Bool {
    let prefixes = ["linux-image-", "linux-binary-", "linux-modules-", "linux-base-"]
    guard let prefix = prefixes.first(where: name.hasPrefix),
      name.dropFirst(prefix.count).first?.isNumber == true
    else { return false }
    return !["-dbg", "-unsigned", "-signed-template"].contains(where: name.hasSuffix)
  }

  private func readIndex(
    _ component: String, _ architecture: String, _ suite: DebianSuite, _ release: Release,
    _ trust: TrustedRelease, _ isWanted: (Substring) -> Bool, _ receive: (IndexedPackage) -> Void
  ) throws {
    let folder = "\(component)/binary-\(architecture)"
    let base = "\(suite.mirror)/dists/\(suite.suite)/\(folder)"
    for (name, compression) in Self.indexNames {
      guard let index = release.indexes["\(folder)/\(name)"] else { continue }
      guard index.size <= Self.indexLimit else {
        throw KitError(
          .unverified, "\(base)/\(name): \(index.size) bytes are more than an index has")
      }
      let byHash = "\(base)/by-hash/SHA256/\(index.sha256)"
      let path = try DownloadCache(environment: environment).file(
        release.hasHashedNames ? [byHash, "\(base)/\(name)"] : ["\(base)/\(name)"],
        name: name, size: index.size, sha256: index.sha256)
      // Read into memory and hashed there: what is parsed is what was hashed.
      let bytes = try InputFile(path).readAll(limit: Self.indexLimit)
      guard Digest.sha256(of: bytes) == index.sha256 else {
        throw KitError(.unverified, "\(path): changed while it was read", advice: "try again")
      }
      let origin = IndexedPackage.Origin(
        suite: suite, release: trust, index: "\(base)/\(name)", indexSHA256: index.sha256)
      try inside("\(base)/\(name)") {
        let text = try compression.decode(MemorySource(bytes), jobs: Machine.cores)
        try PackagesIndex.forEachPackage(in: text, of: origin, where: isWanted, receive)
      }
      return
    }
  }

  private static func choose(
    _ name: String, _ version: DebianVersion?, in packages: [IndexedPackage]
  ) -> IndexedPackage? {
    packages.filter { $0.name == name && (version ?? $0.version) == $0.version }
      .max { $0.version < $1.version }
  }

  private func follow(
    _ package: IndexedPackage, in packages: [IndexedPackage], _ architecture: String,
    _ found: inout [IndexedPackage]
  ) throws {
    guard !found.contains(where: { $0.name == package.name }) else { return }
    let parts = package.dependencies.filter { Self.isKernelPart($0.name[...]) }
    // A meta package, whose name has no kernel release, holds no files.
    if parts.isEmpty || Self.isKernelPart(package.name[...]) { found.append(package) }
    for part in parts {
      let wanted = part.exactVersion.map(DebianVersion.init)
      guard let next = Self.choose(part.name, wanted, in: packages) else {
        throw missing(part.name, wanted, architecture, packages)
      }
      try follow(next, in: packages, architecture, &found)
    }
  }

  private func missing(
    _ name: String, _ version: DebianVersion?, _ architecture: String, _ packages: [IndexedPackage]
  ) -> KitError {
    let places = suites.map { "\($0.mirror) \($0.suite)" }.joined(separator: ", ")
    let versions = packages.filter { $0.name == name }.map(\.version).sorted(by: >)
    if let version, !versions.isEmpty {
      return KitError(
        .missing,
        "\(name) has version \(versions.map(\.description).joined(separator: ", ")) in \(places), not \(version)",
        advice: "take that, or name a snapshot archive of the time with --mirror and --at")
    }
    let nearest = NearestName.name(to: name, among: packages.map(\.name))
    return KitError(
      .missing, "there is no package \(name.quoted) for \(architecture) in \(places)",
      advice: nearest.map { "the nearest is \($0)" } ?? "give another with --suite or --mirror")
  }

  private func download(_ packages: [IndexedPackage]) throws -> [Download] {
    func url(_ package: IndexedPackage) -> String {
      "\(package.origin.suite.mirror)/\(Self.escaped(package.file))"
    }
    let paths = try DownloadCache(environment: environment).files(
      packages.map {
        DownloadCache.Wanted(
          urls: [url($0)], name: FileTree.name(of: $0.file), size: $0.size, sha256: $0.sha256)
      })
    return try zip(packages, paths).map { try checked($0, path: $1, url: url($0)) }
  }

  /// A package that has arrived: it has to be the one that the index names.
  private func checked(
    _ package: IndexedPackage, path: String, url: String
  ) throws -> Download {
    let control = try DebArchive(path).control
    guard control.package == package.name, control.version == package.version.description,
      control.architecture == package.architecture
    else {
      throw KitError(
        .unverified,
        "\(url): holds \(control.package) \(control.version), the index names \(package.name) \(package.version)",
        advice: "use another mirror")
    }
    return Download(path: path, package: package, url: url)
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
