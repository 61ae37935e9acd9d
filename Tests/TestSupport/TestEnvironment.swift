import Basics
import Kits
import Logging
import Machines
import Modules
package import Packages

extension KitEnvironment {
  /// No network, no variables of the machine.
  package static func testing(
    cache: String, sourceDateEpoch: Int? = nil, now: Int = 1_700_000_000
  ) -> KitEnvironment {
    KitEnvironment(
      get: { request, _ in throw KitError(.missing, "\(request.url): tests have no network") },
      pause: { _ in },
      now: { now },
      sourceDateEpoch: sourceDateEpoch, cacheFolder: cache,
      temporaryFolder: Variables["TMPDIR"] ?? "/tmp",
      log: Logger(label: "test"), progress: .none)
  }
}
