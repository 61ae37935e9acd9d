public import KernelKit
import Logging

extension KitEnvironment {
  /// No network, no variables of the machine.
  public static func testing(
    cache: String, sourceDateEpoch: Int? = nil, now: Int = 1_700_000_000
  ) -> KitEnvironment {
    KitEnvironment(
      get: { url, _ in throw KitError(.missing, "\(url): tests have no network") },
      now: { now },
      sourceDateEpoch: sourceDateEpoch, cacheFolder: cache, aptSources: AptSources(suites: []),
      log: Logger(label: "test"), progress: .none)
  }
}
