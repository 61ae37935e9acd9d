internal import Crypto
internal import Formats

/// The packages of a mirror's suites: finds them, and hands on only bytes that the index vouches for.
public struct DebianRepository: Sendable {
  /// A package that was downloaded, or was in the cache, and has the hash that the index gives.
  public struct Download: Sendable {
    /// Where the .deb is on this machine.
    public var path: String
    public var package: IndexedPackage
    public var url: String
  }

  private let suites: [DebianSuite]
  private let environment: KitEnvironment

  public init(suites: [DebianSuite], environment: KitEnvironment) {
    self.suites = suites
    self.environment = environment
  }

  /// The package with a kernel and its modules: `name` itself, or those that the meta package needs.
  public func kernelPackages(_ name: String, architecture: String) throws -> [Download] {
    let packages = try search(architecture: architecture) {
      $0 == name || Self.isKernelPart($0)
    }
    var found: [IndexedPackage] = []
    try follow(name, in: packages, architecture, &found)
    return try found.map(download)
  }

  /// The newest version of a package.
  public func newest(_ name: String, architecture: String) throws -> Download {
    let packages = try search(architecture: architecture) { $0 == name }
    guard let package = packages[name] else { throw missing(name, architecture) }
    return try download(package)
  }

  private func follow(
    _ name: String, in packages: [String: IndexedPackage], _ architecture: String,
    _ found: inout [IndexedPackage]
  ) throws {
    guard let package = packages[name] else { throw missing(name, architecture) }
    guard !found.contains(where: { $0.name == name }) else { return }
    let parts = package.dependencies.filter { Self.isKernelPart($0[...]) }
    // A meta package, whose name has no kernel release, holds no files.
    if parts.isEmpty || Self.isKernelPart(name[...]) { found.append(package) }
    for part in parts { try follow(part, in: packages, architecture, &found) }
  }

  /// Packages that a kernel is made of; never their debugging and unsigned twins.
  private static func isKernelPart(_ name: Substring) -> Bool {
    let prefix = ["linux-image-", "linux-binary-", "linux-modules-", "linux-base-"].first(
      where: name.hasPrefix)
    guard let prefix, name.dropFirst(prefix.count).first?.isNumber == true else { return false }
    return !["-dbg", "-unsigned", "-signed-template"].contains(where: name.hasSuffix)
  }

  private func missing(_ name: String, _ architecture: String) -> KitError {
    let places = suites.map { "\($0.mirror) \($0.suite)" }.joined(separator: ", ")
    return KitError(
      .missing, "there is no package \(name.quoted) for \(architecture) in \(places)",
      advice: "give another with --suite or --mirror")
  }

  /// The newest version of each package that `isWanted` takes.
  private func search(
    architecture: String, where isWanted: (Substring) -> Bool
  ) throws -> [String: IndexedPackage] {
    var newest: [String: IndexedPackage] = [:]
    for suite in suites {
      for component in suite.components {
        let url =
          "\(suite.mirror)/dists/\(suite.suite)/\(component)/binary-\(architecture)/Packages.xz"
        let bytes: [UInt8]
        do {
          bytes = try download(url, stage: "index of \(suite.suite)", limit: 256 << 20)
        } catch let error as KitError where error.code == .missing && suites.count > 1 {
          continue  // a suite or component without this architecture
        }
        try inside(url) {
          let text = try Compression.xz.decode(MemorySource(bytes), jobs: Machine.cores)
          try PackagesIndex.forEachPackage(in: text, of: suite, where: isWanted) { package in
            if let known = newest[package.name], known.version >= package.version { return }
            newest[package.name] = package
          }
        }
      }
    }
    return newest
  }

  private func download(_ url: String, stage: String, limit: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try environment.get(url) { piece in
      guard bytes.count + piece.count <= limit else {
        throw KitError(.unverified, "\(url): is larger than \(limit) bytes")
      }
      bytes.append(contentsOf: piece)
      environment.progress.report(stage, bytes.count, nil)
    }
    return bytes
  }

  private func download(_ package: IndexedPackage) throws -> Download {
    let url = "\(package.suite.mirror)/\(Self.escaped(package.file))"
    // By hash: what is in the cache is what it is called, or it is not used.
    let folder = "\(environment.cacheFolder)/packages/\(package.sha256)"
    let path = "\(folder)/\(FileTree.name(of: package.file))"
    if let size = FileTree.status(path)?.size, size == package.size,
      try Digest.sha256(of: InputFile(path)) == package.sha256
    {
      return Download(path: path, package: package, url: url)
    }
    try FileTree.makeDirectories(folder)
    let output = try OutputFile(replacing: path)
    var hash = SHA256()
    var count = 0
    try environment.get(url) { piece in
      guard count + piece.count <= package.size else {
        throw KitError(.unverified, "\(url): is larger than the \(package.size) bytes of the index")
      }
      hash.update(data: piece)
      try output.write(piece, at: count)
      count += piece.count
      environment.progress.report(FileTree.name(of: package.file), count, package.size)
    }
    let digest = Digest.text(hash.finalize())
    guard count == package.size, digest == package.sha256 else {
      throw KitError(
        .unverified,
        "\(url): has \(count) bytes with SHA-256 \(digest), the index says \(package.size) and \(package.sha256)",
        advice: "try again, or another mirror")
    }
    try output.commit()
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
