import ArgumentParser
import Basics
import Formats
import Kits
import Logging
import Packages

/// Where packages come from, and who has to vouch for them.
struct MirrorOptions: ParsableArguments {
  /// Debian's, for completion.
  private static let usualSuites = [
    "stable", "testing", "unstable", "bookworm", "bookworm-backports", "trixie", "trixie-backports",
    "forky", "sid",
  ]

  /// Debian's and Ubuntu's, for completion.
  private static let usualComponents = [
    "main", "contrib", "non-free", "non-free-firmware", "universe", "restricted", "multiverse",
  ]

  @Option(
    help: ArgumentHelp("Suite, such as trixie (default: this machine's).", valueName: "name"),
    completion: .list(Self.usualSuites))
  var suite: String?

  @Option(
    help: ArgumentHelp(
      "Address of a mirror; repeatable (default: those of this machine's apt sources).",
      valueName: "url"))
  var mirror: [String] = []

  @Flag(help: "Search this suite only, without its updates and security.")
  var onlySuite = false

  @Option(
    help: ArgumentHelp(
      "Components, such as main,universe; repeatable (default: those of the apt sources, all of a mirror).",
      valueName: "names"),
    completion: .list(Self.usualComponents))
  var component: [String] = []

  @Option(
    help: ArgumentHelp(
      "File of keys to trust; repeatable (default: those of the apt sources, or the system's).",
      valueName: "file"),
    completion: .file())
  var keyring: [String] = []

  @Option(
    help: ArgumentHelp(
      "Date of a snapshot archive, such as 2026-03-01 or 2026-03-01T12:00:00Z (default: now).",
      valueName: "date"))
  var at: String?

  @Flag(help: "Accept a suite whose Origin, Label or Codename has changed.")
  var allowReleaseinfoChange = false

  @Flag(help: "Use downloads of earlier runs only, without a network.")
  var offline = false

  /// Whether any of it is said.
  var isGiven: Bool {
    suite != nil || !mirror.isEmpty || !keyring.isEmpty || !component.isEmpty || at != nil
      || onlySuite || offline || allowReleaseinfoChange
  }

  /// The options that were given and mean nothing to a mirror of another distribution.
  var debianOptions: [String] {
    [
      ("--suite", suite != nil), ("--only-suite", onlySuite), ("--component", !component.isEmpty),
      ("--keyring", !keyring.isEmpty), ("--at", at != nil),
      ("--allow-releaseinfo-change", allowReleaseinfoChange),
    ].filter(\.1).map(\.0)
  }

  /// - Parameter isRelease: look in the release itself that the suite stands beside.
  func repository(
    _ environment: CommandEnvironment, isRelease: Bool = false
  ) throws -> DebianRepository {
    let defaults = try CommandEnvironment.configuration()
    let suite = (suite ?? defaults.suite).map { isRelease ? DebianSuite.release(of: $0) : $0 }
    let environment = offline ? environment.offline() : environment
    if !isRelease { note(defaults, environment) }
    if mirrors(defaults).isEmpty, !isRelease {
      CommandEnvironment.aptSources.problems.forEach {
        environment.reporter.log.warning("\($0); ignored")
      }
    }
    return DebianRepository(
      suites: try CommandEnvironment.aptSources.chosen(
        suite: suite, mirrors: mirrors(defaults), isAlone: onlySuite),
      keyrings: keyrings(defaults).map { .file($0) }, components: components(defaults),
      at: at.flatMap(PointInTime.seconds), acceptsChanges: allowReleaseinfoChange,
      network: environment.network, cache: environment.cache, clock: environment.clock,
      reporter: environment.reporter, jobs: environment.jobs)
  }

  /// Where the packages of a kit came from, by its manifest, where neither an option nor the user's
  /// defaults say it. Who has to vouch for them is never the manifest's to say.
  func repository(
    _ environment: CommandEnvironment, of manifest: Manifest
  ) throws -> DebianRepository {
    let defaults = try CommandEnvironment.configuration()
    let suites = CommandEnvironment.aptSources.suites(of: manifest.chains)
    guard suite == nil, mirror.isEmpty, !suites.isEmpty else { return try repository(environment) }
    let environment = offline ? environment.offline() : environment
    return DebianRepository(
      suites: suites, keyrings: keyrings(defaults).map { .file($0) },
      components: component.isEmpty ? [] : components(defaults),
      at: at.flatMap(PointInTime.seconds), acceptsChanges: allowReleaseinfoChange,
      network: environment.network, cache: environment.cache, clock: environment.clock,
      reporter: environment.reporter, jobs: environment.jobs)
  }

  /// Says where packages and keys come from when a file that lies in the current folder chose.
  private func note(_ defaults: Configuration, _ environment: CommandEnvironment) {
    let chosen =
      (mirror.isEmpty && !defaults.mirrors.isEmpty ? ["mirror"] : [])
      + (keyring.isEmpty && !defaults.keyrings.isEmpty ? ["keyring"] : [])
    guard let file = defaults.foreignFile, !chosen.isEmpty else { return }
    environment.reporter.log.notice("\(chosen.joined(separator: " and ")) as ./\(file) says")
  }

  /// The template of those who have none, with programs of this mirror.
  func defaultTemplate(
    _ architecture: String, _ environment: CommandEnvironment
  ) throws -> DefaultTemplate {
    // Backports have kernels, and no busybox.
    let suite =
      try (suite ?? CommandEnvironment.configuration().suite).map(DebianSuite.release)
      ?? CommandEnvironment.aptSources.codename
    let defaults = try CommandEnvironment.configuration()
    return DefaultTemplate(
      architecture: architecture, suite: suite,
      origin: mirrors(defaults) + [at].compactMap { $0 }
        + components(defaults).map { "component \($0)" },
      keyrings: keyrings(defaults),
      network: environment.network, cache: environment.cache, log: environment.reporter.log
    ) { [self] in
      try repository(environment, isRelease: true)
    }
  }

  private func mirrors(_ defaults: Configuration) -> [String] {
    mirror.isEmpty ? defaults.mirrors : mirror
  }

  private func components(_ defaults: Configuration) -> [String] {
    component.isEmpty
      ? defaults.components
      : component.flatMap { $0.split(separator: ",").map(String.init) }
  }

  private func keyrings(_ defaults: Configuration) -> [String] {
    keyring.isEmpty ? defaults.keyrings : keyring
  }

  func validate() throws {
    if let suite { try checkName(suite) }
    for name in component.flatMap({ $0.split(separator: ",").map(String.init) }) {
      try checkName(name)
    }
    if let at, PointInTime.seconds(at) == nil {
      throw ValidationError("--at takes a date such as 2026-03-01, not “\(at)”")
    }
  }
}

/// Which packages, and where they come from.
struct ArchiveOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Architecture by Debian's name: amd64, arm64, riscv64 (default: this machine's).",
      valueName: "name"))
  var arch: String?

  @OptionGroup var mirror: MirrorOptions

  /// Debian's name of the architecture that packages are for.
  func architecture() throws -> String {
    try arch ?? CommandEnvironment.configuration().architecture ?? Machine.architecture.rawValue
  }

  func repository(_ environment: CommandEnvironment) throws -> DebianRepository {
    try mirror.repository(environment)
  }

  /// Where the names of kernels are looked up.
  func kernels(_ environment: CommandEnvironment) throws -> KernelChoice.Archive<DebianRepository> {
    KernelChoice.Archive(wanted: arch, architecture: try architecture()) {
      try repository(environment)
    }
  }

  func validate() throws {
    guard let arch else { return }
    try checkName(arch)
    if Architecture(rawValue: arch) == nil, let own = Architecture(anyName: arch) {
      throw ValidationError("Debian calls \(arch) \(own.rawValue)")
    }
  }
}

/// Names of suites and architectures become parts of addresses.
func checkName(_ name: String) throws {
  let isPlain = name.allSatisfy {
    $0.isASCII && ($0.isLetter || $0.isNumber || "-_./".contains($0))
  }
  guard isPlain, !name.contains("..") else {
    throw ValidationError(
      "“\(name)” is not a valid name of an architecture, a suite or a component")
  }
}
