extension AptSources {
  /// Returns the suites that packages came from by their chains, each suite once: with the keys that this machine's
  /// sources have for it, if there is such a source.
  package func suites(of chains: [SignatureChain]) -> [DebianSuite] {
    var found: [DebianSuite] = []
    for chain in chains {
      guard let mirror = chain.mirror else { continue }
      let own = suites.first { $0.mirror == mirror && $0.suite == chain.release.suite }
      let suite = own ?? DebianSuite(mirror: mirror, suite: chain.release.suite, components: [])
      if !found.contains(suite) { found.append(suite) }
    }
    return found
  }
}

extension SignatureChain {
  /// The archive's base: the list's address up to the suite's folder; nil for an address that is not of http or https
  /// or not that suite's.
  fileprivate var mirror: String? {
    guard ["http://", "https://"].contains(where: release.url.hasPrefix) else { return nil }
    return ["InRelease", "Release"].lazy.compactMap { name -> String? in
      let suite = DebianSuite(mirror: "", suite: release.suite)
      let end = "\(suite.folder)/\(name)"
      guard release.url.hasSuffix(end) else { return nil }
      return String(release.url.dropLast(end.count))
    }.first
  }
}
