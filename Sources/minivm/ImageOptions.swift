import ArgumentParser
import Basics
import Formats
import Packages

/// How registries of container images are asked.
struct ImageOptions: ParsableArguments {
  @Option(
    name: .customLong("registry-ca"),
    help: ArgumentHelp(
      "Certificates to trust for registries, instead of the system's.", valueName: "file"),
    completion: .file())
  var authorities: String?

  @Flag(
    name: .customLong("insecure-registry"),
    help: "Ask registries by plain HTTP (default: those of this machine only).")
  var isInsecure = false

  /// Returns what it takes to get images.
  /// - Parameter offline: whether they come from the cache only.
  func access(_ environment: CommandEnvironment, offline: Bool) throws -> ImageAccess {
    if let authorities, FileTree.status(authorities, followingLink: true) == nil {
      throw KitError(.missing, "\(authorities): no such file")
    }
    let environment = offline ? environment.offline() : environment
    var access = ImageAccess(
      environment.cache, environment.network, progress: environment.reporter.progress,
      jobs: environment.jobs, variables: CommandEnvironment.variables)
    access.authorities = authorities
    access.isInsecure = isInsecure
    access.registry = try CommandEnvironment.configuration().imageRegistry
    return access
  }
}
