internal import Basics
internal import Formats
internal import Logging

/// The suites' lists and indexes.
extension DebianRepository {
  /// The forms that an index may have, the smallest first.
  private static let indexNames: [(name: String, compression: Compression)] = [
    ("Packages.xz", .xz), ("Packages.zst", .zstd), ("Packages.bz2", .bzip2),
    ("Packages.gz", .gzip), ("Packages.lz4", .lz4), ("Packages", .none),
  ]
  /// The most bytes of an index as it is downloaded; Debian's largest has 10 MB.
  private static let indexLimit = 1 << 28
  /// The most bytes of an index unpacked; the largest that was read had 65 MB.
  private static let indexTextLimit = 1 << 30

  /// What was looked for in the suites' indexes.
  package struct Found {
    var architecture: String
    /// The packages, in the order of the suites and of their indexes.
    package var packages: [IndexedPackage] = []
    /// The suites that were looked in, for messages.
    var places = ""
    /// The components that were looked in.
    package var components: [String] = []
    /// The components of these that were not looked in.
    package var otherComponents: [String] = []
  }

  /// A suite that a mirror has, and its list, which a trusted key vouches for.
  private struct TrustedList {
    var suite: DebianSuite
    var release: Release
    var trust: TrustedRelease

    /// The folders of the indexes for an architecture, by component. A security archive may call its
    /// components `updates/main` and keep them in `main`.
    func folders(_ components: [String], _ architecture: String) -> [String] {
      guard !suite.isFlat else { return [""] }
      return components.flatMap { component -> [String] in
        let last = component.split(separator: "/").last.map(String.init) ?? component
        return [component, last].map { "\($0)/binary-\(architecture)/" }
          .filter { folder in release.indexes.keys.contains { $0.hasPrefix(folder) } }.prefix(1)
          .map { $0 }
      }
    }

    /// All components that it has: those that it names, or where it names none those of its indexes.
    func components(_ architecture: String) -> [String] {
      guard release.components.isEmpty else { return release.components }
      let end = "/binary-\(architecture)/"
      let found = release.indexes.keys.compactMap { path in
        path.firstRange(of: end).map { String(path[..<$0.lowerBound]) }
      }
      return Set(found).filter { !$0.hasSuffix("debian-installer") }.sorted()
    }
  }

  /// Returns the packages of all suites for an architecture whose names `isWanted` takes.
  /// - Throws: `KitError.missing` where nothing is for the architecture, `.unverified` for what no trusted key vouches for.
  package func find(
    _ architecture: String, _ isWanted: (Substring) -> Bool
  ) async throws -> Found {
    let lists = try await lists()
    var found = Found(architecture: architecture)
    found.places = Self.places(lists.map(\.suite))
    let architectures = lists.flatMap(\.release.architectures)
    guard architectures.contains(architecture) || lists.contains(where: \.suite.isFlat) else {
      throw KitError(
        .missing, "no packages for \(architecture) in \(found.places)",
        advice: NearestName.name(to: architecture, among: architectures).map {
          "the nearest is \($0)"
        } ?? "there are packages for \(Set(architectures).sorted().joined(separator: ", "))")
    }
    try checkComponents(lists, architecture, found.places)
    for list in lists {
      let all = list.components(architecture)
      let wanted = [components, list.suite.components, all].first { !$0.isEmpty } ?? []
      for name in wanted where !found.components.contains(name) { found.components.append(name) }
      for other in all where !wanted.contains(other) && !found.otherComponents.contains(other) {
        found.otherComponents.append(other)
      }
      var packages: [IndexedPackage] = []
      do {
        for folder in list.folders(wanted, architecture) {
          try readIndex(folder, list, isWanted) {
            // A flat archive may have packages for all architectures in one index.
            if !list.suite.isFlat || [architecture, "all"].contains($0.architecture) {
              packages.append($0)
            }
          }
        }
      } catch {
        try leaveOut(list.suite, error)
        continue
      }
      found.packages += packages
    }
    return found
  }

  /// Returns a digest of all that the indexes for an architecture say, without reading them: it stays
  /// the same as long as they do.
  package func state(architecture: String) async throws -> String {
    let lines = try await lists().flatMap { list in
      list.release.indexes.filter {
        $0.key.contains("binary-\(architecture)/") || list.suite.isFlat
      }
      .map { "\(list.suite.mirror) \(list.suite.suite) \($0.key) \($0.value.hash.text)" }
      .sorted()
    }
    return Digest.sha256(of: Array("\(components) \(lines)".utf8))
  }

  /// - Throws: `KitError.missing` for a component that was asked for and is in none of the lists.
  private func checkComponents(
    _ lists: [TrustedList], _ architecture: String, _ places: String
  ) throws(KitError) {
    for name in components where !lists.contains(where: { $0.suite.isFlat }) {
      let known = Set(lists.flatMap { $0.components(architecture) }).sorted()
      guard !known.contains(name) else { continue }
      throw KitError(
        .missing, "no component \(name.quoted) in \(places)",
        advice: NearestName.name(to: name, among: known).map { "the nearest is \($0)" }
          ?? "there are \(known.joined(separator: ", "))")
    }
  }

  /// `http://mirror trixie trixie-updates, http://another trixie-security`
  private static func places(_ suites: [DebianSuite]) -> String {
    var places: [(mirror: String, suites: [String])] = []
    for suite in suites {
      if let place = places.firstIndex(where: { $0.mirror == suite.mirror }) {
        places[place].suites.append(suite.suite)
      } else {
        places.append((suite.mirror, [suite.suite]))
      }
    }
    return places.map { "\($0.mirror) \($0.suites.joined(separator: " "))" }.joined(separator: ", ")
  }

  /// The lists of the suites that there are.
  /// - Throws: `KitError.missing` when one that is not optional is in none of the archives.
  private func lists() async throws -> [TrustedList] {
    var lists: [TrustedList] = []
    var missing: [(suite: String, error: KitError)] = []
    for suite in suites {
      do {
        let (release, trust) = try await chain.release(of: suite)
        lists.append(TrustedList(suite: suite, release: release, trust: trust))
      } catch let error as KitError {
        if !error.isAbsence || chain.hasSeen(suite) { try leaveOut(suite, error) }
        if !suite.isOptional { missing.append((suite.suite, error)) }
      }
    }
    for (name, error) in missing where !lists.contains(where: { $0.suite.suite == name }) {
      throw error
    }
    return lists
  }

  /// Warns of what a third party's suite lacks; nothing of it is used.
  /// - Throws: the error of any other suite, which may have what is newest, and this machine's own.
  private func leaveOut(_ suite: DebianSuite, _ error: any Error) throws {
    var error = error
    if var named = error as? KitError, let source = suite.source {
      named.message += " (\(source))"
      error = named
    }
    let isFileFault = (error as? FormatError)?.kind == .io
    guard suite.isThirdParty, !isFileFault else { throw error }
    reporter.log.warning("\(error); skipping this source")
  }

  /// Reads an index in the first form that the list has and the mirror, too: some drop one.
  /// - Parameter folder: below the suite's, with a final slash; empty for a flat archive.
  private func readIndex(
    _ folder: String, _ list: TrustedList, _ isWanted: (Substring) -> Bool,
    _ receive: (IndexedPackage) -> Void
  ) throws {
    let base = "\(list.suite.folder)/\(folder)"
    var absence: KitError?
    for (name, compression) in Self.indexNames {
      guard let index = list.release.indexes[folder + name] else { continue }
      let bytes: [UInt8]
      do {
        bytes = try indexBytes(index, name, base, list.release)
      } catch let error as KitError where error.isAbsence {
        absence = absence ?? error
        continue
      }
      let origin = IndexedPackage.Origin(
        suite: list.suite, release: list.trust, index: base + name,
        indexSHA256: index.hash.algorithm == .sha256 ? index.hash.text : Digest.sha256(of: bytes))
      try inside(base + name) {
        let text = LimitedSource(
          try compression.decode(MemorySource(bytes), jobs: jobs),
          limit: Self.indexTextLimit, compressedSize: bytes.count)
        try PackagesIndex.forEachPackage(in: text, of: origin, where: isWanted, receive)
      }
      return
    }
    if let absence { throw absence }
  }

  /// The bytes of an index, which have the hash that the list says.
  private func indexBytes(
    _ index: Release.Index, _ name: String, _ base: String, _ release: Release
  ) throws -> [UInt8] {
    guard index.size <= Self.indexLimit else {
      throw KitError(
        .unverified, "\(base)\(name): \(index.size) bytes are too many for an index")
    }
    let byHash = "\(base)by-hash/\(index.hash.algorithm.rawValue)/\(index.hash.text)"
    let file = try downloads.file(
      release.hasHashedNames ? [byHash, base + name] : [base + name],
      name: name, size: index.size, hash: index.hash)
    // Read into memory and hashed there: what is parsed is what was hashed.
    let bytes = try file.readAll(limit: Self.indexLimit)
    guard FileHash(of: bytes, index.hash.algorithm) == index.hash else {
      throw KitError(.unverified, "\(file.path): changed while it was read", advice: "try again")
    }
    return bytes
  }
}
