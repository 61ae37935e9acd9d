package import Basics
internal import Formats

/// The packages of a branch of an Alpine mirror: hands on only what a trusted key vouches for, from the
/// signed index to the package.
package struct AlpineRepository: Repository {
  /// The mirror's name of the newest branch.
  package static let newestBranch = "latest-stable"

  private static let indexName = "APKINDEX.tar.gz"
  /// The most bytes of an index; Alpine's largest has 3 MB.
  private static let indexLimit = 1 << 25
  private let mirror: String
  private let branch: String
  private let keys: AlpineKeys?
  private let network: Network
  private let cache: Cache
  private let progress: Progress

  /// - Parameters:
  ///   - mirror: its address, of the folder with the branches.
  ///   - keys: nil for those of this machine.
  package init(
    mirror: String, branch: String = newestBranch, keys: AlpineKeys?, network: Network,
    cache: Cache, progress: Progress
  ) {
    let (address, login) = MirrorLogin.split(mirror)
    self.mirror = String(address.reversed().drop { $0 == "/" }.reversed())
    self.branch = branch
    self.keys = keys
    self.network = network.signingIn([(self.mirror, login)])
    (self.cache, self.progress) = (cache, progress)
  }

  /// A package that a signed index names.
  package struct Reference: PackageReference {
    let package: ApkIndex.Package
    let keys: AlpineKeys
    /// Where the package is.
    package let url: String

    /// The package's name, version and architecture, as the index has them.
    package var identity: PackageIdentity { package.identity }
    /// The name of the file.
    package var fileName: String { package.fileName }
    /// Bytes, as the index has them.
    package var size: Int { package.size }
    /// None: what proves the package is in its own signature.
    package var chain: SignatureChain? { nil }
  }

  /// Returns the name of the package with a static program.
  /// - Throws: `KitError.usage` for a program that Alpine has no static package of.
  package func packageName(ofStatic program: String) throws -> String {
    guard program == "busybox" else {
      throw KitError(
        .usage, "\(program) is not available from Alpine's mirrors",
        advice: "use --from debian, or name a file")
    }
    return "busybox-static"
  }

  /// Returns the newest package of a name.
  /// - Throws: `KitError.missing` where there is none, `.unverified` for an index that no key vouches for, `.usage` for an
  ///   architecture that Alpine has not.
  package func find(_ name: String, architecture: String) throws -> Reference {
    guard let alpineArchitecture = Architecture(rawValue: architecture)?.alpine else {
      let known = Architecture.allCases.filter { $0.alpine != nil }.map(\.rawValue).sorted()
      throw KitError(
        .usage, "Alpine has no packages for \(architecture)",
        advice:
          "give one of \(known.joined(separator: ", ")) with --arch")
    }
    let keys = keys ?? .system(architecture: alpineArchitecture)
    let base = "\(mirror)/\(branch)/main/\(alpineArchitecture)"
    let package = try newest(name, alpineArchitecture, base, keys)
    return Reference(
      package: package, keys: keys, url: "\(base)/\(DebianRepository.escaped(package.fileName))")
  }

  /// Downloads packages, side by side.
  /// - Throws: `KitError.unverified` for bytes that are not the index's, or not signed.
  package func download(_ packages: [Reference]) throws -> [PackageDownload<Reference>] {
    let files = try DownloadCache(cache, network, progress: progress).files(
      packages.map { package in
        DownloadCache.Wanted(
          urls: [package.url], name: package.fileName, size: package.size,
          proof: .judged(key: "apk-\(Digest.text(package.package.checksum))") {
            _ = try open($0, package)
          })
      })
    // Read once more, and checked: what is taken is what was checked.
    return try zip(packages, files).map { package, file in try open(file, package) }
  }

  /// Reads a package and checks it against the index and against its own signature.
  /// - Throws: `KitError.unverified` for any other file.
  private func open(
    _ file: InputFile, _ reference: Reference
  ) throws -> PackageDownload<Reference> {
    try refusingDamage {
      let bytes = try file.readAll(limit: ApkArchive.sizeLimit)
      let archive = try ApkArchive(bytes, name: reference.url)
      try archive.check(against: reference.package)
      return PackageDownload(
        archive: archive, file: file, package: reference, sha256: archive.hash(.sha256).text,
        signedBy: try archive.verify(reference.keys))
    }
  }

  private func newest(
    _ name: String, _ architecture: String, _ base: String, _ keys: AlpineKeys
  ) throws -> ApkIndex.Package {
    let url = "\(base)/\(Self.indexName)"
    let kept = KeptList(
      "apk-\(Digest.sha256(of: Array(base.utf8)))", title: "\(mirror) \(branch) \(architecture)",
      in: cache)
    let bytes = try indexBytes(url, kept, architecture)
    let index = try refusingDamage {
      try inside(url) { try ApkIndex(bytes, keys: keys, package: name, url: url) }
    }
    if !network.isOffline,
      try kept.read(Self.indexName, limit: Self.indexLimit) != bytes
    {
      try kept.keep([(Self.indexName, bytes)])
    }
    let packages = index.packages.filter {
      [architecture, "noarch"].contains($0.architecture) && $0.size <= ApkArchive.sizeLimit
    }
    guard let package = packages.max(by: { $0.version < $1.version }) else {
      throw KitError(
        .missing, "\(base) has no package \(name)", advice: "give another branch with --branch")
    }
    return package
  }

  /// Returns the index as the mirror has it now, or without a network as an earlier run got it.
  private func indexBytes(
    _ url: String, _ kept: KeptList, _ architecture: String
  ) throws -> [UInt8] {
    if network.isOffline {
      guard let bytes = try kept.read(Self.indexName, limit: Self.indexLimit) else {
        throw kept.absence
      }
      return bytes
    }
    do {
      return try network.download(url, limit: Self.indexLimit) {
        progress.report(Self.indexName, $0, nil)
      }
    } catch let error as KitError where error.code == .missing {
      throw KitError(
        .missing, "\(mirror) has no branch \(branch.quoted) for \(architecture)",
        advice: "give another with --branch or --mirror")
    }
  }

  /// From a mirror, damage and deceit can't be told apart.
  private func refusingDamage<T>(_ body: () throws -> T) throws -> T {
    do {
      return try body()
    } catch let error as FormatError where error.kind != .io {
      throw KitError(.unverified, "\(error)", advice: "try again, or use another mirror")
    }
  }
}
