internal import Formats
package import Packages

extension Manifest {
  /// The suites that the packages came from, each once: with the keys that this machine's sources have for
  /// them, if it has such a source.
  package func suites(of sources: AptSources) -> [DebianSuite] {
    var suites: [DebianSuite] = []
    for chain in inputs.compactMap(\.chain) + programs.compactMap(\.chain) {
      guard let mirror = chain.mirror else { continue }
      let own = sources.suites.first { $0.mirror == mirror && $0.suite == chain.release.suite }
      let suite = own ?? DebianSuite(mirror: mirror, suite: chain.release.suite, components: [])
      if !suites.contains(suite) { suites.append(suite) }
    }
    return suites
  }
}

extension Manifest.Chain {
  /// The archive's base: what stands before the suite's folder in the list's address; nil for an address
  /// that is none of the web or not that suite's.
  var mirror: String? {
    guard ["http://", "https://"].contains(where: release.url.hasPrefix) else { return nil }
    return ["InRelease", "Release"].lazy.compactMap { name -> String? in
      let suite = DebianSuite(mirror: "", suite: release.suite)
      let end = "\(suite.folder)/\(name)"
      guard release.url.hasSuffix(end) else { return nil }
      return String(release.url.dropLast(end.count))
    }.first
  }
}
