internal import Basics
internal import Formats

/// Fetches the signed lists of suites, and takes only those that are signed, current, and the ones
/// that were asked for.
struct ReleaseChain: Sendable {
  /// How far in the future a list may be dated: clocks differ.
  private static let clockTolerance = 3600
  /// 2020-01-01: no clock that is right shows less.
  private static let firstTime = 1_577_836_800

  let network: Network
  let cache: Cache
  let clock: Clock
  /// Keys to trust; empty for those of the suite's source, or the system's.
  let keyrings: [Keyring]
  /// The time to take for now, in seconds since 1970; nil for the clock's.
  let at: Int?
  /// Whether a suite may come with another Origin, Label or Codename than it had.
  var acceptsChanges = false
  /// What checks OpenPGP signatures; nil for whichever this machine has.
  var signatureTool: SignatureTool?

  private struct Request: Hashable {
    var suite: DebianSuite
    var keyrings: [Keyring]
    var at: Int?
    var isOffline: Bool
  }

  /// A list that this run of the program has verified.
  private struct KnownList: Sendable {
    var request: Request
    var release: Release
    var trust: TrustedRelease
  }

  /// A suite's list, which a run of the program asks for once.
  /// - Throws: `KitError.unverified`, for each reason with its own message.
  func release(of suite: DebianSuite) async throws -> (release: Release, trust: TrustedRelease) {
    let request = Request(
      suite: suite, keyrings: keyrings, at: at, isOffline: network.isOffline)
    if let known = cache.memory.first(where: { (list: KnownList) in list.request == request }) {
      // The clock goes on.
      try check(known.release, suite, known.trust.url)
      return (known.release, known.trust)
    }
    let found = try await verified(suite)
    cache.memory.keep(
      KnownList(request: request, release: found.release, trust: found.trust))
    return found
  }

  private func verified(
    _ suite: DebianSuite
  ) async throws -> (release: Release, trust: TrustedRelease) {
    // All keys are of the future then, and gpgv says nothing clear of that.
    guard clock.now() >= Self.firstTime else {
      throw KitError(
        .unverified,
        "this machine's clock says \(ArchiveDate.text(clock.now())): signatures can't be checked",
        advice: "set the clock")
    }
    let list =
      if network.isOffline {
        try SignedList(kept: suite, isPast: at != nil, in: cache)
      } else {
        try fetched(suite)
      }
    let url = list.url
    var verifier = SignatureVerifier(
      keyrings: try chosenKeyrings(suite), temporaryFolder: cache.temporaryFolder,
      tool: signatureTool)
    if keyrings.isEmpty {
      verifier.signers = suite.signers
      if let source = suite.source {
        verifier.advice = "name its keys with Signed-By in \(source)"
      }
    }
    let verified =
      if let signature = list.signature {
        try await verifier.verify(list.text, signature: signature, url: url)
      } else {
        try await verifier.verify(clearsigned: list.text, url: url)
      }
    let release: Release
    do {
      release = try Release(reading: verified.text)
    } catch {
      throw KitError(.unverified, "\(error.inside(url))", advice: "use another mirror")
    }
    try check(release, suite, url)
    if !network.isOffline { try list.keep(for: suite, isPast: at != nil, in: cache) }
    let trust = TrustedRelease(
      suite: suite.suite, url: url, date: ArchiveDate.text(release.date),
      fingerprints: verified.signatures.map(\.primaryKey),
      signingKeys: verified.signatures.map(\.key), at: at.map(ArchiveDate.text))
    return (release, trust)
  }

  /// Whether a mirror had a suite when it was last asked for it.
  func hasSeen(_ suite: DebianSuite) -> Bool {
    at == nil && lastSeen(suite) != nil
  }

  /// A mirror that hides a suite keeps its users from what was mended in it.
  private func fetched(_ suite: DebianSuite) throws -> SignedList {
    do {
      return try SignedList(fetching: suite, network)
    } catch let error as KitError where error.isAbsence {
      guard at == nil, let seen = lastSeen(suite)?.date else { throw error }
      throw KitError(
        .unverified,
        "\(suite.mirror) has no suite \(suite.suite.quoted) any more; the last one seen is dated \(ArchiveDate.text(seen))",
        advice: "try again later, or use another mirror")
    }
  }

  private func chosenKeyrings(_ suite: DebianSuite) throws -> [Keyring] {
    let candidates = [keyrings, suite.keyrings].first { !$0.isEmpty }
    if let candidates { return candidates }
    let own = Keyring.distributions.filter { FileTree.status($0, followingLink: true) != nil }
    guard !own.isEmpty else {
      throw KitError(
        .unverified, "no keys to verify \(suite.mirror)",
        advice: "give a file of the archive's keys with --keyring")
    }
    return own.map { .file($0) }
  }

  private func check(_ release: Release, _ suite: DebianSuite, _ url: String) throws {
    let now = at ?? clock.now()
    func refused(_ reason: String, _ advice: String) -> KitError {
      KitError(.unverified, "\(url): \(reason)", advice: advice)
    }
    // A flat archive has one list: its address says which.
    guard suite.isFlat || release.suite != nil || release.codename != nil else {
      throw refused(
        "names neither its Suite nor its Codename, so it can't be told from another suite's list",
        "ask the archive's operators to add them, or build from files: apt-get download PACKAGE, then minivm build FILE.deb"
      )
    }
    guard suite.isFlat || release.isCalled(suite.suite) else {
      let names = [release.codename, release.suite].compactMap { $0?.quoted }.joined(
        separator: " or ")
      throw refused(
        "is the list of \(names), not of \(suite.suite.quoted)", "use another mirror, or that name")
    }
    guard release.date <= now + Self.clockTolerance else {
      throw refused(
        "is dated \(ArchiveDate.text(release.date)), which is "
          + (at.map { "after \(ArchiveDate.text($0))" } ?? "in the future"),
        at == nil
          ? "check this machine's clock" : "name a snapshot archive of that time with --mirror")
    }
    if let until = release.validUntil, until < now {
      throw refused(
        "expired on \(ArchiveDate.text(until))",
        network.isOffline
          ? "run it once without --offline, or accept it with --at DATE"
          : "use an up-to-date mirror, or --at DATE for an archived one")
    }
    if at == nil { try remember(release, suite, refused) }
  }

  /// A mirror that goes back in time keeps its users from what was mended since.
  private func remember(
    _ release: Release, _ suite: DebianSuite, _ refused: (String, String) -> KitError
  ) throws {
    let now = SeenRelease(release)
    if let seen = lastSeen(suite) {
      guard release.date >= seen.date else {
        throw refused(
          "is dated \(ArchiveDate.text(release.date)), older than the last one seen, \(ArchiveDate.text(seen.date))",
          "try again later, or use another mirror")
      }
      let changes = seen.changes(to: now)
      guard changes.isEmpty || acceptsChanges else {
        throw refused(
          "changed its \(changes.joined(separator: ", its "))",
          "if you expect this, add --allow-releaseinfo-change")
      }
      if now == seen { return }
    }
    let path = memory(of: suite)
    try cache.makeFolder(FileTree.parent(of: path))
    try OutputFile.write(Array(now.text.utf8), to: path)
  }

  /// The newest list that this machine has seen.
  private func lastSeen(_ suite: DebianSuite) -> SeenRelease? {
    SeenRelease(reading: memory(of: suite))
  }

  private func memory(of suite: DebianSuite) -> String {
    "\(cache.folder)/seen/\(suite.key)"
  }
}
