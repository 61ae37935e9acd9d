public import KernelKit
import Logging

extension KitEnvironment {
  /// No network, no variables of the machine.
  public static func testing(cache: String, sourceDateEpoch: Int? = nil) -> KitEnvironment {
    KitEnvironment(
      get: { url, _ in throw KitError(.missing, "\(url): tests have no network") },
      sourceDateEpoch: sourceDateEpoch, cacheFolder: cache, aptSources: AptSources(suites: []),
      log: Logger(label: "test"), progress: .none)
  }
}
