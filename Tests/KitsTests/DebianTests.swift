import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

@Suite struct DebianVersionTests {
  static let versions = [
    "1.0", "1.00", "1.0~rc1", "1.0~rc1-1", "1.0-1", "1.0-1+b1", "1.0-1~bpo12+1", "1:0.1", "0:1.0",
    "2.0", "1.10", "1.9", "1.0a", "1.0+", "6.1.192-2", "6.1.0-18", "6.12.9+deb13", "7.2.13-1", "0",
    "~",
    "1.0.0", "09", "9", "1-1-1", "99999999999999999999", "100000000000000000000",
  ]

  @Test("dpkg is of the same mind")
  func order() async throws {
    var script = ""
    for a in Self.versions {
      for b in Self.versions {
        script += "dpkg --compare-versions '\(a)' lt '\(b)' 2>/dev/null && echo y || echo n\n"
      }
    }
    let answers = try await Tool.shell(script, in: "/").split(separator: "\n")
    var position = 0
    for a in Self.versions {
      for b in Self.versions {
        #expect((DebianVersion(a) < DebianVersion(b)) == (answers[position] == "y"), "\(a) < \(b)")
        position += 1
      }
    }
  }
}

@Suite struct AptSourcesTests {
  private static func withoutSource(_ suite: DebianSuite) -> DebianSuite {
    var suite = suite
    suite.source = nil
    return suite
  }

  @Test("Both forms, and only suites of the machine's release")
  func forms() throws {
    let root = try TemporaryFolder()
    try root.write("etc/os-release", "ID=debian\nVERSION_CODENAME=\"bookworm\"\n".utf8)
    try root.write(
      "etc/apt/sources.list",
      "# deb http://no.invalid x main\ndeb [arch=amd64 signed-by=/k.gpg] http://one.invalid/debian/ bookworm main contrib # why\ndeb-src http://one.invalid/debian bookworm main\ndeb http://other.invalid stable main\ndeb http:// bookworm main\ndeb https://user:word@ bookworm main\ndeb https://user@/x bookworm main\ndeb http:///x bookworm main\n"
        .utf8)
    try root.write(
      "etc/apt/sources.list.d/a.sources",
      "Types: deb deb-src\nURIs: http://two.invalid/security\nSuites: bookworm-security\nComponents: main\nSigned-By: /a.gpg\n /b.gpg\n\nEnabled: no\nTypes: deb\nURIs: http://off.invalid\nSuites: bookworm\nComponents: main\n"
        .utf8)
    let sources = AptSources.system(root: root.path)
    #expect(sources.codename == "bookworm")
    let own = try sources.chosen(suite: nil)
    #expect(
      own.map(\.source)
        == ["sources.list", "sources.list.d/a.sources"].map { root("etc/apt/\($0)") })
    #expect(
      own.map(Self.withoutSource) == [
        DebianSuite(
          mirror: "http://one.invalid/debian", suite: "bookworm", components: ["main", "contrib"],
          keyrings: [.file("/k.gpg")]),
        DebianSuite(
          mirror: "http://two.invalid/security", suite: "bookworm-security",
          keyrings: [.file("/a.gpg"), .file("/b.gpg")]),
      ])
    #expect(
      try sources.chosen(suite: "trixie").map(\.suite) == [
        "trixie", "trixie-security",
      ])
    #expect(
      try sources.chosen(suite: "bookworm-security").map { "\($0.mirror) \($0.suite)" } == [
        "http://one.invalid/debian bookworm-security",
        "http://two.invalid/security bookworm-security",
      ])
    #expect(try sources.chosen(suite: "bookworm-backports").allSatisfy { !$0.isOptional })
  }

  @Test("A mirror that is named is looked through with updates and security, if it has them")
  func mirrors() throws {
    let sources = AptSources(suites: [], codename: "forky")
    func places(_ suite: String?, _ mirrors: String...) throws -> [String] {
      try sources.chosen(suite: suite, mirrors: mirrors).map {
        "\($0.mirror) \($0.suite)\($0.isOptional ? "?" : "")"
      }
    }
    #expect(
      try places("bookworm", "http://m.invalid/debian/") == [
        "http://m.invalid/debian bookworm", "http://m.invalid/debian bookworm-updates?",
        "http://m.invalid/debian bookworm-security?",
        "http://m.invalid/debian-security bookworm-security?",
      ])
    #expect(
      try places("sid", "http://s.invalid/archive/debian/20260301T000000Z") == [
        "http://s.invalid/archive/debian/20260301T000000Z sid",
        "http://s.invalid/archive/debian/20260301T000000Z sid-updates?",
        "http://s.invalid/archive/debian/20260301T000000Z sid-security?",
        "http://s.invalid/archive/debian-security/20260301T000000Z sid-security?",
      ])
    #expect(
      try places(nil, "http://debian.invalid") == [
        "http://debian.invalid forky", "http://debian.invalid forky-updates?",
        "http://debian.invalid forky-security?",
      ])
    #expect(
      try places("bookworm-backports", "http://m.invalid/debian") == [
        "http://m.invalid/debian bookworm-backports"
      ])
    #expect(
      try places("stable-security", "http://m.invalid/debian", "http://m.invalid/debian-security")
        == [
          "http://m.invalid/debian stable-security",
          "http://m.invalid/debian-security stable-security",
        ])
    #expect(try places("a/b", "http://m.invalid/debian") == ["http://m.invalid/debian a/b"])
    #expect(try places("x", "http://a.invalid", "http://b.invalid").count == 6)
    let error = #expect(throws: KitError.self) {
      try AptSources(suites: []).chosen(suite: nil, mirrors: ["http://m.invalid"])
    }
    #expect(error?.code == .usage && error?.advice?.contains("--suite") == true)
  }

  @Test("Sources that follow a release by its role")
  func roles() throws {
    let own = [
      DebianSuite(mirror: "http://m.invalid", suite: "testing"),
      DebianSuite(mirror: "http://s.invalid", suite: "testing-security"),
    ]
    let others = [DebianSuite(mirror: "http://x.invalid", suite: "whatever")]
    let sources = AptSources(suites: others + own, codename: "forky")
    #expect(try sources.chosen(suite: nil) == own)
    #expect(
      try sources.chosen(suite: "trixie").map(\.suite) == [
        "trixie", "trixie-security",
      ])
  }

  @Test("Options with spaces, sources that are off or flat, mirror lists, many slashes")
  func oddForms() throws {
    let root = try TemporaryFolder()
    try root.write("etc/os-release", "VERSION_CODENAME=bookworm\n".utf8)
    try root.write(
      "etc/apt/sources.list",
      """
      deb [ arch=amd64,arm64  Signed-By=/k.gpg trusted=no ] https://one.invalid/debian// bookworm main
      \tdeb\t[arch=amd64]http://two.invalid bookworm-security main
      deb http://flat.invalid ./
      deb http://flat.invalid bookworm/ x
      deb [unclosed http://no.invalid bookworm main
      debian http://no.invalid bookworm main
      #deb http://no.invalid bookworm main
      """.utf8)
    try root.write(
      "etc/apt/sources.list.d/cloud.sources",
      """
      # As Debian's cloud images have it.
      Types: deb deb-src
      URIs: mirror+file:///etc/apt/mirrors/debian.list
      Suites: bookworm-updates
      Components: main

      Types: deb
      Enabled: false
      URIs: http://off.invalid
      Suites: bookworm
      Components: main

      Types: deb
      URIs: http://flat.invalid
      Suites: ./
      """.utf8)
    try root.write(
      "etc/apt/mirrors/debian.list", "# first\nhttps://three.invalid/debian priority:1\n".utf8)
    #expect(
      try AptSources.system(root: root.path).chosen(suite: nil).map(Self.withoutSource) == [
        DebianSuite(
          mirror: "https://one.invalid/debian", suite: "bookworm", keyrings: [.file("/k.gpg")]),
        DebianSuite(
          mirror: "http://two.invalid", suite: "bookworm-security",
          keyrings: [.trusted(root: root.path)]),
        DebianSuite(
          mirror: "https://three.invalid/debian", suite: "bookworm-updates",
          keyrings: [.trusted(root: root.path)]),
      ])
  }

  @Test("What of the sources can't be read is told, and the rest counts")
  func problems() throws {
    let root = try TemporaryFolder()
    try root.write("etc/os-release", "VERSION_CODENAME=bookworm\n".utf8)
    try root.write(
      "etc/apt/sources.list",
      "deb cdrom:[Debian] bookworm main\n\ndeb [x http://m.invalid bookworm main\ndeb http://m.invalid\n"
        .utf8)
    try root.write("etc/apt/sources.list.d/a.sources", "Types: deb\nnonsense\n".utf8)
    try root.write(
      "etc/apt/sources.list.d/b.sources",
      "Types: deb\nURIs: mirror+file:/no.list\nSuites: bookworm\nComponents: main\n".utf8)
    try FileTree.makeDirectories(root("etc/apt/sources.list.d/c.list"))
    try root.write("etc/apt/sources.list.d/d.save", "deb [".utf8)
    let sources = AptSources.system(root: root.path)
    let expected = [
      "sources.list: line 3 has options without an end", "sources.list: line 4 names no suite",
      "sources.list.d/a.sources: line 2 is not a field",
      "sources.list.d/b.sources: the list of mirrors /no.list can't be read",
    ]
    #expect(sources.problems.dropLast() == expected.map { root("etc/apt/\($0)") }[...])
    #expect(sources.problems.last?.contains("sources.list.d/c.list") == true)
    let error = #expect(throws: KitError.self) { try sources.chosen(suite: nil) }
    #expect(error?.message.contains(expected[0]) == true, "\(error!)")
    try root.write(
      "etc/apt/sources.list.d/e.list", "deb http://m.invalid bookworm main\n".utf8)
    #expect(try AptSources.system(root: root.path).chosen(suite: nil).count == 1)
  }

  @Test("A machine without sources is told what to give")
  func nothing() throws {
    let root = try TemporaryFolder()
    let error = #expect(throws: KitError.self) {
      try AptSources.system(root: root.path).chosen(suite: nil)
    }
    #expect(error?.code == .usage && error?.advice?.contains("--mirror") == true)
  }
}
