internal import Basics
internal import Formats

/// The archives that this machine's apt is set up for. sources.list(5).
package struct AptSources: Sendable {
  /// The suites of the sources, in their order.
  package var suites: [DebianSuite]
  /// The release that the machine runs, as in `bookworm`; nil where it does not say.
  package var codename: String?
  /// What of the sources can't be read, each with its file.
  package var problems: [String]

  /// Makes sources of suites.
  package init(suites: [DebianSuite], codename: String? = nil, problems: [String] = []) {
    self.suites = suites
    self.codename = codename
    self.problems = problems
  }

  /// Reads `/etc/apt` and `/etc/os-release` below `root`. What is not there has no suites.
  package static func system(root: String = "") -> AptSources {
    let apt = "\(root)/etc/apt"
    var suites: [DebianSuite] = []
    let parts = (try? FileTree.names(in: "\(apt)/sources.list.d")) ?? []
    var problems: [String] = []
    let names = parts.filter { $0.hasSuffix(".list") || $0.hasSuffix(".sources") }
    for path in ["\(apt)/sources.list"] + names.map({ "\(apt)/sources.list.d/\($0)" })
    where FileTree.status(path, followingLink: true) != nil {
      let found: [DebianSuite]
      do {
        let text = try InputFile(path).readAll(limit: 1 << 20)
        found =
          path.hasSuffix(".list")
          ? oneLine(text, root: root) { problems.append("\(path): \($0)") }
          : deb822(text, root: root) { problems.append("\(path): \($0)") }
      } catch {
        problems.append("\(error)")
        continue
      }
      suites += found.map {
        var suite = $0
        suite.source = path
        if suite.keyrings.isEmpty { suite.keyrings = [.trusted(root: root)] }
        return suite
      }
    }
    return AptSources(
      suites: suites, codename: codename(root: root, suites.map(\.suite)), problems: problems)
  }

  /// The suites in which to look for packages: those of the machine's release, or of `suite`, with
  /// its updates and security. Each name has to be found in one archive at least, unless it is
  /// optional.
  /// - Parameters:
  ///   - mirrors: archives to look in instead of the machine's.
  ///   - isAlone: leave out its updates and security.
  /// - Throws: `KitError` when there are none.
  package func chosen(
    suite: String?, mirrors: [String] = [], isAlone: Bool = false
  ) throws -> [DebianSuite] {
    if !mirrors.isEmpty {
      guard let suite = suite ?? codename else {
        throw KitError(
          .usage, "which suite of \(MirrorLogin.split(mirrors[0]).address)?",
          advice: "give it with --suite")
      }
      return Self.unique(
        mirrors.flatMap { DebianSuite.all(of: suite, on: $0) }
          .filter { !isAlone || $0.suite == suite })
    }
    // Sources that name just this suite: a vendor's, or a flat one.
    let exact = suites.filter { $0.suite == suite }
    if suite?.hasSuffix("/") == true, !exact.isEmpty { return Self.unique(exact) }
    guard let (own, name) = ownSuites() else {
      let others = suite == nil ? suites.filter(\.isFlat) : exact
      guard !others.isEmpty else { throw nothing }
      return Self.unique(others)
    }
    guard let suite, suite != name else {
      return own.filter { !isAlone || $0.suite == name }
    }
    // The same archives, another release; or one suite, in whichever of them it is.
    let others = own.map { source -> DebianSuite in
      var other = source
      other.suite =
        DebianSuite.isRelease(suite) ? suite + source.suite.dropFirst(name.count) : suite
      other.isOptional = other.suite != suite
      return exact.first { $0.mirror == other.mirror && $0.suite == other.suite } ?? other
    }
    return Self.unique(others + exact).filter { !isAlone || $0.suite == suite }
  }

  /// Each suite of an archive once.
  private static func unique(_ suites: [DebianSuite]) -> [DebianSuite] {
    var seen: Set<[String]> = []
    return suites.filter { seen.insert([$0.mirror, $0.suite] + $0.components).inserted }
  }

  /// The suites of the machine's release, by its codename or, where no source has that, by what
  /// Debian calls a release in its course; and that name.
  private func ownSuites() -> (suites: [DebianSuite], name: String)? {
    let names =
      [codename].compactMap { $0 } + ["stable", "oldstable", "testing", "unstable", "sid"]
    for name in names {
      let own = suites.filter { [name, "\(name)-updates", "\(name)-security"].contains($0.suite) }
      if !own.isEmpty { return (markingThirdParties(own, name), name) }
    }
    return nil
  }

  /// A release's own archive has its updates, too; who else has a suite of that name is a third party.
  /// Where no archive has both, none is told from the others.
  private func markingThirdParties(_ own: [DebianSuite], _ name: String) -> [DebianSuite] {
    let bases = Set(own.filter { $0.suite != name }.map(\.mirror))
    guard own.contains(where: { $0.suite == name && bases.contains($0.mirror) }) else { return own }
    return own.map {
      var suite = $0
      suite.isThirdParty = $0.suite == name && !bases.contains($0.mirror)
      return suite
    }
  }

  private var nothing: KitError {
    let problem = problems.first.map { " (\($0))" } ?? ""
    return KitError(
      .usage, "this machine's apt sources name no archive of its own release\(problem)",
      advice: "give a Debian mirror with --mirror URL --suite SUITE, or in minivm.yaml")
  }

  /// sources.list(5), "One-Line-Style Format".
  /// - Parameter report: gets what can't be read.
  static func oneLine(
    _ text: [UInt8], root: String = "", report: (String) -> Void = { _ in }
  ) -> [DebianSuite] {
    String(decoding: text, as: UTF8.self).split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline
    ).enumerated().flatMap { number, line -> [DebianSuite] in
      var rest = line.prefix { $0 != "#" }.drop(while: \.isWhitespace)
      guard rest.hasPrefix("deb"), rest.dropFirst(3).first?.isWhitespace == true else { return [] }
      rest = rest.dropFirst(3).drop(while: \.isWhitespace)
      var signedBy = ""
      if rest.first == "[" {
        guard let end = rest.firstIndex(of: "]") else {
          report("line \(number + 1) has options without an end")
          return []
        }
        for option in rest[..<end].dropFirst().split(whereSeparator: \.isWhitespace)
        where option.lowercased().hasPrefix("signed-by=") {
          signedBy = String(option.dropFirst("signed-by=".count))
        }
        rest = rest[end...].dropFirst()
      }
      let words = rest.split(whereSeparator: \.isWhitespace).map(String.init)
      guard words.count > 1 else {
        report("line \(number + 1) names no suite")
        return []
      }
      let isFlat = words[1].hasSuffix("/")
      guard isFlat == (words.count == 2) else {
        report(
          isFlat
            ? "line \(number + 1) names components of a suite that ends in /"
            : "line \(number + 1) names no component")
        return []
      }
      return mirrors(words[0], root, report).map {
        DebianSuite(
          mirror: $0, suite: words[1], components: Array(words[2...]),
          keyrings: Keyring.signedBy(signedBy), signers: KeyFingerprint.signedBy(signedBy))
      }
    }
  }

  /// sources.list(5), "deb822-Style Format".
  /// - Parameter report: gets what can't be read.
  static func deb822(
    _ text: [UInt8], root: String = "", report: (String) -> Void = { _ in }
  ) -> [DebianSuite] {
    let paragraphs: [ControlParagraph]
    do {
      paragraphs = try ControlParagraph.parse(text)
    } catch {
      report(error.reason)
      return []
    }
    return paragraphs.flatMap { paragraph -> [DebianSuite] in
      func words(_ field: String) -> [String] {
        (paragraph[field] ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
      }
      let isOff = ["no", "false", "without", "off", "disable", "0"].contains(
        paragraph["Enabled"]?.lowercased())
      guard words("Types").contains("deb"), !isOff else { return [] }
      return words("URIs").flatMap { mirrors($0, root, report) }.flatMap { mirror in
        words("Suites").filter { suite in
          let isSound = suite.hasSuffix("/") == words("Components").isEmpty
          if !isSound { report("Suites \(suite.quoted) does not go with its Components") }
          return isSound
        }.map {
          DebianSuite(
            mirror: mirror, suite: $0, components: words("Components"),
            keyrings: Keyring.signedBy(paragraph["Signed-By"] ?? ""),
            signers: KeyFingerprint.signedBy(paragraph["Signed-By"] ?? ""))
        }
      }
    }
  }

  /// The archive that a source's address stands for: itself, or the first of a list of mirrors, as
  /// Debian's cloud images have it. apt-transport-mirror(1).
  private static func mirrors(
    _ uri: String, _ root: String, _ report: (String) -> Void
  ) -> [String] {
    if isMirror(uri) { return [uri] }
    guard uri.hasPrefix("mirror+file:") else { return [] }
    var path = uri.dropFirst("mirror+file:".count)
    while path.hasPrefix("//") { path.removeFirst() }
    guard path.hasPrefix("/"), let text = try? InputFile(root + path).readAll(limit: 1 << 20) else {
      report("the list of mirrors \(path) can't be read")
      return []
    }
    let words = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline)
      .compactMap { $0.split(whereSeparator: \.isWhitespace).first.map(String.init) }
    return words.first(where: isMirror).map { [$0] } ?? []
  }

  /// Whether it is an address of the web, with a host.
  private static func isMirror(_ uri: String) -> Bool {
    let uri = MirrorLogin.split(uri).address
    return ["http://", "https://"].contains {
      uri.hasPrefix($0) && uri.dropFirst($0.count).first != "/"
    } && !uri.hasSuffix("://")
  }

  /// The release that the machine runs: of Ubuntu or Debian, where the sources of a system that is made
  /// of theirs name it, and else its own. os-release(5).
  private static func codename(root: String, _ suites: [String]) -> String? {
    let paths = ["\(root)/etc/os-release", "\(root)/usr/lib/os-release"]
    guard let path = paths.first(where: { FileTree.status($0, followingLink: true) != nil }),
      let text = try? InputFile(path).readAll(limit: 1 << 20)
    else { return nil }
    let lines = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline)
    func value(_ name: String) -> String? {
      lines.last { $0.hasPrefix("\(name)=") }.map {
        $0.dropFirst(name.count + 1).filter { !"\"'".contains($0) }
      }
    }
    let names = ["UBUNTU_CODENAME", "DEBIAN_CODENAME"].compactMap(value)
    return names.first(where: suites.contains) ?? value("VERSION_CODENAME") ?? names.first
  }
}
