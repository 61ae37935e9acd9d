internal import Basics
internal import Formats

/// The packages of a branch of an Alpine mirror: hands on only what a trusted key vouches for, from the
/// signed index to the package.
package struct AlpineRepository: Sendable {
  /// The mirror's name of the newest branch.
  package static let newestBranch = "latest-stable"

  /// The most bytes of an index; Alpine's largest has 3 MB.
  private static let indexLimit = 1 << 25
  private let mirror: String
  private let branch: String
  private let keys: AlpineKeys?
  private let environment: KitEnvironment

  /// - Parameters:
  ///   - mirror: its address, of the folder with the branches.
  ///   - keys: nil for those of this machine.
  package init(
    mirror: String, branch: String = newestBranch, keys: AlpineKeys?, environment: KitEnvironment
  ) {
    let (address, login) = MirrorLogin.split(mirror)
    self.mirror = String(address.reversed().drop { $0 == "/" }.reversed())
    self.branch = branch
    self.keys = keys
    self.environment = environment.signingIn([(self.mirror, login)])
  }

  /// A package's file, checked, and which key vouches for it.
  package struct Download {
    package var archive: ApkArchive
    package var url: String
    /// The key's name.
    package var signedBy: String
  }

  /// The newest version of a package.
  /// - Parameter architecture: Debian's name of it.
  /// - Throws: `KitError`: `.unverified` for all that is not what it has to be, `.missing` for what the
  ///   mirror does not have.
  package func download(_ name: String, architecture: String) throws -> Download {
    guard let alpineArchitecture = Architecture(rawValue: architecture)?.alpine else {
      let known = Architecture.allCases.filter { $0.alpine != nil }.map(\.rawValue).sorted()
      throw KitError(
        .usage, "Alpine has no architecture that Debian calls \(architecture)",
        advice:
          "give one of \(known.joined(separator: ", ")) with --arch")
    }
    let keys = keys ?? .system(architecture: alpineArchitecture)
    let base = "\(mirror)/\(branch)/main/\(alpineArchitecture)"
    let package = try newest(name, alpineArchitecture, base, keys)
    let url = "\(base)/\(DebianRepository.escaped(package.fileName))"
    return try refusingDamage {
      // Nothing larger than the index says is taken, and what is smaller is not looked into.
      let bytes = try get(url, limit: package.size, name: package.fileName)
      guard bytes.count == package.size else {
        throw KitError(
          .unverified, "\(url): has \(bytes.count) bytes, and the index says \(package.size)",
          advice: "try again, or another mirror")
      }
      try ApkArchive.refuseVersion3(bytes, url)
      let archive = try ApkArchive(bytes, name: url)
      try archive.check(against: package)
      return Download(archive: archive, url: url, signedBy: try archive.verify(keys))
    }
  }

  private func newest(
    _ name: String, _ architecture: String, _ base: String, _ keys: AlpineKeys
  ) throws -> ApkIndex.Package {
    let url = "\(base)/APKINDEX.tar.gz"
    let bytes: [UInt8]
    do {
      bytes = try get(url, limit: Self.indexLimit, name: "APKINDEX.tar.gz")
    } catch let error as KitError where error.code == .missing {
      throw KitError(
        .missing, "\(mirror) has no branch \(branch.quoted) for \(architecture)",
        advice: "give another with --branch or --mirror")
    }
    let index = try refusingDamage {
      try inside(url) { try ApkIndex(bytes, keys: keys, package: name, url: url) }
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

  private func get(_ url: String, limit: Int, name: String) throws -> [UInt8] {
    try environment.download(url, limit: limit) {
      environment.progress.report(name, $0, nil)
    }
  }

  /// From a mirror, damage and deceit can't be told apart.
  package func refusingDamage<T>(_ body: () throws -> T) throws -> T {
    do {
      return try body()
    } catch let error as FormatError where error.kind != .io {
      throw KitError(.unverified, "\(error)", advice: "try again, or another mirror")
    }
  }
}
