package import Basics
package import Kits
import Logging
import Machines
import Modules
package import Packages

/// The network, folders, clock and log that a test gives to what it tests.
package struct TestEnvironment: Sendable {
  package var network: Network
  package var cache: Cache
  package var clock: Clock
  package var reporter: Reporter
  package var signatureTool: SignatureTool?

  /// Returns one without a network and without variables of the machine.
  package static func testing(
    cache: String, sourceDateEpoch: Int? = nil, now: Int = 1_700_000_000
  ) -> TestEnvironment {
    TestEnvironment(
      network: Network(
        get: { request, _ in throw KitError(.missing, "\(request.url): tests have no network") },
        pause: { _ in }),
      cache: Cache(folder: cache, temporaryFolder: Variables["TMPDIR"] ?? "/tmp"),
      clock: Clock(now: { now }, sourceDateEpoch: sourceDateEpoch),
      reporter: Reporter(log: Logger(label: "test")))
  }

  package func offline() -> TestEnvironment {
    var environment = self
    environment.network = network.offline()
    return environment
  }

  package var downloads: DownloadCache {
    DownloadCache(cache, network, progress: reporter.progress)
  }
}

extension DebianRepository {
  package init(
    suites: [DebianSuite], keyrings: [Keyring] = [], components: [String] = [], at: Int? = nil,
    acceptsChanges: Bool = false, environment: TestEnvironment
  ) {
    self.init(
      suites: suites, keyrings: keyrings, components: components, at: at,
      acceptsChanges: acceptsChanges, signatureTool: environment.signatureTool,
      network: environment.network, cache: environment.cache, clock: environment.clock,
      reporter: environment.reporter)
  }
}

extension KitBuilder {
  package init(
    _ source: KernelSource, inputs: [Manifest.Input], _ places: BuildPlaces, options: BuildOptions,
    environment: TestEnvironment
  ) {
    self.init(
      source, inputs: inputs, places, options: options, clock: environment.clock,
      reporter: environment.reporter)
  }
}
