import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// A release on a mirror that was named, and its security updates in the archive beside it.
@Suite struct ReleaseSuitesTests {
  /// What the server does about the security archive.
  enum Security: Equatable {
    case isThere
    case fails(KitError.Code)
  }

  private let main: SignedRepository
  private let security: SignedRepository
  private let cache: TemporaryFolder
  private static let mirror = "http://m.invalid/debian"

  init() async throws {
    main = try await SignedRepository()
    security = try await SignedRepository()
    cache = try TemporaryFolder()
    try await Tool.shell(
      """
      sed -i 's/^Version: .*/Version: 2.0/' p/DEBIAN/control
      dpkg-deb --root-owner-group -b p repository/pool/kernel+b1.deb >/dev/null
      mv repository/pool repository/pool-security
      """, in: security.folder.path)
    try await Tool.shell("ln -s pool-security pool", in: security.root)
    try await security.writeIndex(
      extra: ["Version": "2.0", "Filename": "pool-security/kernel+b1.deb"])
    try await security.writeRelease(securityFields)
    try await security.sign()
  }

  private var securityFields: SignedRepository.Fields {
    var fields = SignedRepository.Fields(date: main.now - 3600)
    fields.suite = "test-security"
    fields.codename = "test-security"
    return fields
  }

  private func environment(_ state: Security) -> TestEnvironment {
    var environment = main.environment(cache: cache.path)
    let (main, security) = (main.root, security.root)
    environment.network.get = { request, receive in
      let path = request.url.replacing("http://m.invalid/", with: "").replacing("%2B", with: "+")
      let isSecurity = path.hasPrefix("debian-security/")
      if isSecurity, case .fails(let code) = state {
        throw KitError(code, "\(request.url): the server says so")
      }
      // A mirror of the main archive does not have the other one's suites.
      let file =
        isSecurity
        ? path.replacing("debian-security/dists/test-security", with: "\(security)/dists/test")
          .replacing("debian-security", with: security)
        : path.replacing("debian/", with: "\(main)/")
      guard FileTree.status(file) != nil else {
        throw KitError(.missing, "\(request.url): the server has no such file")
      }
      try receive(try InputFile(file).readAll(limit: 1 << 24), 0)
    }
    return environment
  }

  private func repository(_ environment: TestEnvironment) throws -> DebianRepository {
    DebianRepository(
      suites: try AptSources(suites: []).chosen(suite: "test", mirrors: [Self.mirror]),
      keyrings: [.file(main.keyring), .file(security.keyring)], environment: environment)
  }

  private func versions(_ state: Security, isOffline: Bool = false) async throws -> [String] {
    let environment = environment(state)
    return try await repository(isOffline ? environment.offline() : environment)
      .kernelPackages(SignedRepository.package, architecture: "amd64").map {
        #expect(
          $0.package.origin.suite.suite
            == ("\($0.package.version)" == "2.0" ? "test-security" : "test"))
        return "\($0.package.version)"
      }
  }

  private func failure(_ state: Security) async -> KitError? {
    await #expect(throws: KitError.self) { _ = try await versions(state) }
  }

  @Test("The newest is taken, wherever it is, and is there without a network, too")
  func newest() async throws {
    #expect(try await versions(.isThere) == ["2.0"])
    #expect(try await versions(.isThere, isOffline: true) == ["2.0"])
  }

  @Test("A mirror without updates and security simply works, and messages name what was looked in")
  func alone() async throws {
    #expect(try await versions(.fails(.missing)) == ["1.0+b1"])
    #expect(try await versions(.fails(.missing), isOffline: true) == ["1.0+b1"])
    let error = await #expect(throws: KitError.self) {
      _ = try await repository(environment(.fails(.missing)))
        .kernelPackages("linux-image-none", architecture: "amd64")
    }
    #expect(error?.code == .missing)
    #expect(error?.message.hasSuffix(" for amd64 in \(Self.mirror) test") == true, "\(error!)")
    let unknown = await #expect(throws: KitError.self) {
      _ = try await DebianRepository(
        suites: AptSources(suites: []).chosen(suite: "tset", mirrors: [Self.mirror]),
        keyrings: [.file(main.keyring)], environment: environment(.fails(.missing))
      ).kernels(architecture: "amd64")
    }
    #expect(unknown?.code == .missing)
    #expect(unknown?.message == "\(Self.mirror) has no suite “tset”")
  }

  @Test("Security updates that are there have to be right")
  func faults() async throws {
    // A server that fails is not one that has none.
    #expect(await failure(.fails(.invalid))?.code == .invalid)
    try await security.sign(home: "other")
    let unknown = await failure(.isThere)
    #expect(unknown?.code == .unverified && unknown?.message.contains("keyring") == true)
    var fields = securityFields
    fields.validUntil = main.now - 100
    try await security.writeRelease(fields)
    try await security.sign()
    let expired = await failure(.isThere)
    #expect(expired?.code == .unverified && expired?.message.contains("expired on") == true)
    try await Tool.shell("rm InRelease", in: security.suiteFolder)
    let unsigned = await failure(.isThere)
    #expect(unsigned?.code == .unverified && unsigned?.message.contains("not signed") == true)
  }

  @Test("A suite that was there is not to be hidden afterwards")
  func hidden() async throws {
    #expect(try await versions(.isThere) == ["2.0"])
    let error = await failure(.fails(.missing))
    #expect(error?.code == .unverified && error?.message.contains("any more") == true)
    FileTree.remove(cache("lists"))
    let offline = await #expect(throws: KitError.self) {
      _ = try await versions(.isThere, isOffline: true)
    }
    #expect(offline?.code == .missing && offline?.advice?.contains("--offline") == true)
  }

  @Test(
    "A RAM disk's programs come from the release: what stands beside it has kernels, and no busybox",
    arguments: [
      ("trixie", "trixie"), ("trixie-backports", "trixie"),
      ("bookworm-backports-sloppy", "bookworm"),
      ("trixie-proposed-updates", "trixie"), ("bullseye-security", "bullseye"), ("sid", "sid"),
      ("bookworm-updates", "bookworm"),
    ])
  func releaseOf(_ suite: String, _ release: String) {
    #expect(DebianSuite.release(of: suite) == release)
  }
}
