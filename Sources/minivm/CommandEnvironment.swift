import Basics
import Formats
import Glibc
import Logging
import Packages

/// The world that commands work in: this process's variables and terminal.
enum CommandEnvironment {
  /// What stands on the terminal until something else is written there.
  static let progressLine = ProgressLine()

  /// Where this machine's packages come from.
  static let aptSources = AptSources.system()

  /// - Parameters:
  ///   - quiet: no progress, even on a terminal, and no notices.
  ///   - jobs: cores that may be at work.
  static func make(quiet: Bool = false, jobs: Int = Machine.cores) throws -> KitEnvironment {
    let showsProgress = !quiet && isatty(2) == 1
    var environment = try KitEnvironment.system(
      variables: variables, progress: showsProgress ? progressLine.progress : .none)
    environment.jobs = jobs
    if !quiet { environment.log.logLevel = .notice }
    return environment
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
    ] {
      if let value = unsafe getenv(name) { unsafe result[name] = String(cString: value) }
    }
    return result
  }
}
