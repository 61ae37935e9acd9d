internal import Basics
internal import Formats

/// A suite of a Debian mirror.
package struct DebianSuite: Sendable, Hashable {
  /// The archive's base, without a login and a final slash.
  package var mirror: String
  /// What logs in to the mirror; nil for none.
  package var login: MirrorLogin?
  /// The suite's name, or the path of a flat archive, which ends with a slash.
  package var suite: String
  /// The components to look in; empty for all that its list names.
  package var components: [String]
  /// What its list has to be signed by; empty where the source does not say.
  package var keyrings: [Keyring]
  /// The keys of these that may have signed it; empty for any.
  package var signers: [KeyFingerprint]
  /// Whether it is fine when no mirror has a suite of that name: not all releases have updates.
  package var isOptional = false
  /// The file that names it among apt's sources; nil for a mirror that the user named.
  package var source: String?
  /// Whether it stands beside the release's own archive: what it lacks leaves the release complete.
  package var isThirdParty = false

  /// Where a release goes on: what was mended since, by those who made it.
  private static let courses = ["-updates", "-security"]
  /// What stands after a release's name in the names of suites that are not the release itself.
  private static let others =
    courses + ["-backports", "-backports-sloppy", "-proposed-updates", "-proposed"]

  /// Makes a suite of a mirror.
  package init(
    mirror: String, suite: String, components: [String] = ["main"], keyrings: [Keyring] = [],
    signers: [KeyFingerprint] = [], isOptional: Bool = false
  ) {
    self.keyrings = keyrings
    self.signers = signers
    (self.mirror, login) = MirrorLogin.split(mirror)
    while self.mirror.hasSuffix("/") { self.mirror.removeLast() }
    self.suite = suite
    self.components = components
    self.isOptional = isOptional
  }

  /// Whether it is a folder without components, `./` or `path/`, as small archives have it.
  /// sources.list(5), "exact path".
  var isFlat: Bool { suite.hasSuffix("/") }

  /// The address of the folder that its list is in.
  package var folder: String {
    guard isFlat else { return "\(mirror)/dists/\(suite)" }
    let path = suite.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    return path.isEmpty ? mirror : "\(mirror)/\(path)"
  }

  /// A name for what is kept of it, for files.
  var key: String { Digest.sha256(of: Array("\(mirror) \(suite)".utf8)) }

  /// What to look through on a mirror for a suite: the suite, and with a release its updates and its
  /// security updates, which Debian keeps in an archive of its own beside the main one.
  static func all(of suite: String, on mirror: String) -> [DebianSuite] {
    let own = DebianSuite(mirror: mirror, suite: suite, components: [])
    func suites(_ suite: String, on mirror: String?, isOptional: Bool) -> [DebianSuite] {
      guard let mirror else { return [] }
      var other = own
      (other.mirror, other.suite, other.isOptional) = (mirror, suite, isOptional)
      return [other]
    }
    let security = securityArchive(beside: own.mirror)
    guard isRelease(suite) else {
      let isThere = suite.hasSuffix("-security")
      return [own] + suites(suite, on: isThere ? security : nil, isOptional: false)
    }
    return [own] + courses.flatMap { suites(suite + $0, on: own.mirror, isOptional: true) }
      + suites("\(suite)-security", on: security, isOptional: true)
  }

  /// Whether a name is that of a release (`trixie`, `stable`), not of something beside one.
  static func isRelease(_ suite: String) -> Bool {
    !suite.contains("/") && !others.contains(where: suite.hasSuffix)
  }

  /// The release that a suite stands beside: `trixie` of `trixie-backports`, which has no more than what
  /// is newer there.
  package static func release(of suite: String) -> String {
    // `-proposed-updates` ends with `-updates`.
    let ends = others.filter(suite.hasSuffix)
    return String(suite.dropLast(ends.map(\.count).max() ?? 0))
  }

  /// `…/debian-security` for `…/debian`, as Debian's own servers have them, and, with a time behind
  /// both, its snapshot archive: `…/debian/20260301T000000Z`.
  private static func securityArchive(beside mirror: String) -> String? {
    var parts = mirror.split(separator: "/", omittingEmptySubsequences: false)
    for place in parts.indices.suffix(2).reversed() where parts[place] == "debian" {
      parts[place] = "debian-security"
      return parts.joined(separator: "/")
    }
    return nil
  }
}
