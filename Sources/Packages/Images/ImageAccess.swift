package import Basics

/// What it takes to get images: the network, a cache of blobs, logins, and what the user says of registries.
package struct ImageAccess: Sendable {
  package var cache: Cache
  package var network: Network
  package var progress: Progress
  /// Cores that may be at work.
  package var jobs: Int
  /// `HOST[/PREFIX]` of the registry that names without one belong to; nil for none.
  package var registry: String?
  /// A file of certificates to trust instead of the system's.
  package var authorities: String?
  /// Whether registries on other machines may be asked by plain HTTP.
  package var isInsecure = false
  /// `HOME`, `DOCKER_CONFIG`, `REGISTRY_AUTH_FILE`, `XDG_RUNTIME_DIR`, which lead to the user's logins.
  package var variables: [String: String]

  package init(
    _ cache: Cache, _ network: Network, progress: Progress, jobs: Int, variables: [String: String]
  ) {
    (self.cache, self.network, self.progress) = (cache, network, progress)
    (self.jobs, self.variables) = (jobs, variables)
  }
}
