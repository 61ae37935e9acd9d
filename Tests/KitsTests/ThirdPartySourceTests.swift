import Basics
import Formats
import Kits
import Logging
import Machines
import Modules
import Packages
import Synchronization
import TestSupport
import Testing

/// Sources of others beside the release's own archive, as vendors have their users add them.
@Suite struct ThirdPartySourceTests {
  private let main: SignedRepository
  private let vendor: SignedRepository
  private let root: TemporaryFolder
  private let cache: TemporaryFolder
  private let warnings = WarningLog()

  /// A machine whose archive has a release and its updates, and a vendor with a suite of that name. The
  /// archive's keys are trusted for all sources, the vendor's are not.
  init() async throws {
    main = try await SignedRepository()
    vendor = try await SignedRepository()
    root = try TemporaryFolder()
    cache = try TemporaryFolder()
    var fields = SignedRepository.Fields(date: main.now - 3600)
    fields.codename = "test-updates"
    try await main.writeRelease(fields)
    try await main.sign()
    try root.write("etc/os-release", "VERSION_CODENAME=test\n".utf8)
    try root.write(
      "etc/apt/sources.list",
      "deb http://m.invalid test main\ndeb http://m.invalid test-updates main\n".utf8)
    try root.write(vendorsFile, "deb http://v.invalid/x test main\n".utf8)
    try root.write(
      "etc/apt/trusted.gpg.d/main.gpg", InputFile(main.keyring).readAll(limit: 1 << 20))
  }

  private var vendorsFile: String { "etc/apt/sources.list.d/vendor.list" }

  private func versions(
    fails failure: (host: String, code: KitError.Code)? = nil, keyrings: [Keyring] = [],
    isOffline: Bool = false
  ) async throws -> [String] {
    var environment = main.environment(cache: cache.path)
    environment.reporter.log = Logger(label: "test") { _ in warnings }
    let (main, vendor) = (main.root, vendor.root)
    environment.network.get = { request, receive in
      if let failure, request.url.contains(failure.host) {
        throw KitError(failure.code, "\(request.url): the server says so")
      }
      let path = request.url.replacing("http://m.invalid", with: main)
        .replacing("http://v.invalid/x", with: vendor)
        .replacing("test-updates", with: "test").replacing("%2B", with: "+")
      guard FileTree.status(path) != nil else {
        throw KitError(.missing, "\(request.url): the server has no such file")
      }
      try receive(try InputFile(path).readAll(limit: 1 << 24), 0)
    }
    if isOffline { environment = environment.offline() }
    return try await DebianRepository(
      suites: AptSources.system(root: root.path).chosen(suite: nil), keyrings: keyrings,
      environment: environment
    ).packages(architecture: "amd64") { _ in true }.map(\.origin.suite.mirror)
  }

  private let all = ["http://m.invalid", "http://m.invalid", "http://v.invalid/x"]

  @Test("Without Signed-By, the keys that apt trusts for any source do, binary and in armour")
  func trusted() async throws {
    try await Tool.shell(
      "gpg --homedir gpg --armor --export >\(root("etc/apt/trusted.gpg.d/vendor.asc"))",
      in: vendor.folder.path)
    // Neither is a file of keys for apt.
    try root.write("etc/apt/trusted.gpg.d/broken.gpg", "hello".utf8)
    try root.write("etc/apt/trusted.gpg.d/broken.asc", "-----BEGIN".utf8)
    #expect(try await versions() == all)
    #expect(warnings.lines == [])
    let folder = root("etc/apt/trusted.gpg.d")
    #expect(try await vendor.isTakenByApt(signedBy: nil, trusted: folder))
    FileTree.remove(root("etc/apt/trusted.gpg.d/vendor.asc"))
    #expect(try await !vendor.isTakenByApt(signedBy: nil, trusted: folder))
    // A file by another name is none of apt's.
    try await Tool.shell(
      "gpg --homedir gpg --export >\(root("etc/apt/trusted.gpg.d/vendor.key"))",
      in: vendor.folder.path)
    #expect(try await versions() == Array(all.prefix(2)))
  }

  @Test("A third party that is not trusted is left out, and a warning names the source's file")
  func untrusted() async throws {
    #expect(try await versions() == Array(all.prefix(2)))
    #expect(warnings.lines.count == 1)
    let text = warnings.lines.first ?? ""
    #expect(text.contains("not signed by a trusted key"), "\(text)")
    #expect(text.contains("Signed-By in \(root(vendorsFile))"), "\(text)")
    #expect(!text.contains("--keyring"), "\(text)")
    // Keys that were given are for all sources.
    _ = try await versions(keyrings: [.file(main.keyring)])
    #expect(warnings.lines.count == 2)
  }

  @Test(
    "A third party that is down, or has another index than its list says, is left out with a warning"
  )
  func broken() async throws {
    try root.write(
      vendorsFile, "deb [signed-by=\(vendor.keyring)] http://v.invalid/x test main\n".utf8)
    #expect(try await versions(fails: ("v.invalid", .invalid)) == Array(all.prefix(2)))
    #expect(warnings.lines.count == 1 && warnings.lines[0].contains(root(vendorsFile)))
    #expect(try await versions() == all)
    #expect(try await versions(isOffline: true) == all)
    #expect(warnings.lines.count == 1)
    // What was there once is missing.
    #expect(try await versions(fails: ("v.invalid", .missing)) == Array(all.prefix(2)))
    #expect(warnings.lines.count == 2)
    try await Tool.shell("echo >>Packages.xz", in: "\(vendor.suiteFolder)/main/binary-amd64")
    FileTree.remove(cache("files"))
    #expect(try await versions() == Array(all.prefix(2)))
    #expect(warnings.lines.count == 3)
  }

  @Test("The release's own archive is never left out, nor is any where none is known to be that")
  func own() async throws {
    func failure(_ host: String) async -> KitError? {
      await #expect(throws: KitError.self) {
        _ = try await versions(fails: (host, .invalid))
      }
    }
    let error = await failure("m.invalid")
    #expect(error?.code == .invalid)
    #expect(error?.message.contains("(\(root("etc/apt/sources.list")))") == true, "\(error!)")
    // The updates alone: a network could keep them back.
    #expect(await failure("test-updates")?.code == .invalid)
    try root.write("etc/apt/sources.list", "deb http://m.invalid test main\n".utf8)
    #expect(await failure("v.invalid")?.code == .invalid)
    let untrusted = await #expect(throws: KitError.self) { _ = try await versions() }
    #expect(untrusted?.code == .unverified)
    #expect(untrusted?.advice?.contains(root(vendorsFile)) == true, "\(untrusted!)")
  }
}

/// What was warned of.
private final class WarningLog: LogHandler {
  private let list = Mutex<[String]>([])
  var lines: [String] { list.withLock { $0 } }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  var logLevel: Logger.Level {
    get { .warning }
    set {}
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) {
    list.withLock { $0.append("\(event.message)") }
  }
}
