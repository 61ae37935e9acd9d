import Basics
import Formats
import Glibc
import Logging
import Packages

/// The world that commands work in: this process's variables and terminal. A command hands on to each job what that
/// one needs of it.
struct CommandEnvironment {
  var network = Network.system()
  var cache: Cache
  var clock: Clock
  var reporter: Reporter
  /// Cores that may be at work.
  var jobs: Int

  /// Returns the same environment, without a network.
  func offline() -> CommandEnvironment {
    var environment = self
    environment.network = network.offline()
    return environment
  }

  /// What stands on the terminal until something else is written there.
  static let progressLine = ProgressLine()

  /// Where this machine's packages come from.
  static let aptSources = AptSources.system()

  /// - Parameters:
  ///   - quiet: no progress, even on a terminal, and no notices.
  ///   - jobs: cores that may be at work.
  static func make(quiet: Bool = false, jobs: Int = Machine.cores) throws -> CommandEnvironment {
    let showsProgress = !quiet && isatty(2) == 1
    var log = Logger(label: "minivm")
    if !quiet { log.logLevel = .notice }
    return CommandEnvironment(
      cache: .system(variables: variables), clock: try .system(variables: variables),
      reporter: Reporter(log: log, progress: showsProgress ? progressLine.progress : .none),
      jobs: jobs)
  }

  /// The user's own defaults.
  static func configuration() throws -> Configuration {
    let configuration = try Configuration.load(variables: variables)
    do {
      for name in [configuration.suite, configuration.architecture] + configuration.components {
        if let name { try checkName(name) }
      }
    } catch {
      throw KitError(.usage, "minivm.yaml: \(error)")
    }
    return configuration
  }

  static var variables: [String: String] {
    var result: [String: String] = [:]
    for name in [
      "HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "SOURCE_DATE_EPOCH",
      "XDG_RUNTIME_DIR", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE",
    ] {
      if let value = unsafe getenv(name) { unsafe result[name] = String(cString: value) }
    }
    return result
  }
}
