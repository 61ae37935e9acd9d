import Formats
import KernelKit
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
  @Test("Both forms, and only suites of the machine's release")
  func forms() throws {
    let root = try TemporaryFolder()
    try root.write("etc/os-release", "ID=debian\nVERSION_CODENAME=\"bookworm\"\n".utf8)
    try root.write(
      "etc/apt/sources.list",
      "# deb http://no.invalid x main\ndeb [arch=amd64 signed-by=/k.gpg] http://one.invalid/debian/ bookworm main contrib # why\ndeb-src http://one.invalid/debian bookworm main\ndeb http://other.invalid stable main\n"
        .utf8)
    try root.write(
      "etc/apt/sources.list.d/a.sources",
      "Types: deb deb-src\nURIs: http://two.invalid/security\nSuites: bookworm-security\nComponents: main\nSigned-By:\n -----BEGIN\n .\n x\n\nEnabled: no\nTypes: deb\nURIs: http://off.invalid\nSuites: bookworm\nComponents: main\n"
        .utf8)
    let sources = AptSources.system(root: root.path)
    #expect(sources.codename == "bookworm")
    let own = try sources.chosen(suite: nil, mirror: nil)
    #expect(
      own == [
        DebianSuite(
          mirror: "http://one.invalid/debian", suite: "bookworm", components: ["main", "contrib"]),
        DebianSuite(mirror: "http://two.invalid/security", suite: "bookworm-security"),
      ])
    #expect(
      try sources.chosen(suite: "trixie", mirror: nil).map(\.suite) == [
        "trixie", "trixie-security",
      ])
    #expect(
      try sources.chosen(suite: "sid", mirror: "http://m.invalid/") == [
        DebianSuite(mirror: "http://m.invalid", suite: "sid")
      ])
  }

  @Test("A machine without sources is told what to give")
  func nothing() throws {
    let root = try TemporaryFolder()
    let error = #expect(throws: KitError.self) {
      try AptSources.system(root: root.path).chosen(suite: nil, mirror: nil)
    }
    #expect(error?.code == .usage && error?.advice?.contains("--mirror") == true)
  }
}

@Suite struct DebianRepositoryTests {
  /// A mirror in memory.
  static func environment(_ files: [String: [UInt8]], cache: String) -> KitEnvironment {
    var environment = KitEnvironment.testing(cache: cache)
    environment.get = { url, receive in
      guard let bytes = files[url] else {
        throw KitError(.missing, "\(url): the server has no such file")
      }
      try receive(bytes)
    }
    return environment
  }

  static func index(sha256: String, size: Int) throws -> [UInt8] {
    let text = """
      Package: linux-image-cloud-amd64
      Version: 6.1.2-1
      Architecture: amd64
      Depends: linux-image-6.1.0-2-cloud-amd64 (= 6.1.2-1)
      Filename: pool/meta.deb
      Size: 4
      SHA256: \(String(repeating: "0", count: 64))

      Package: linux-image-6.1.0-2-cloud-amd64-dbg
      Version: 6.1.2-1
      Architecture: amd64
      Filename: pool/dbg.deb
      Size: 4
      SHA256: \(String(repeating: "0", count: 64))

      Package: linux-image-6.1.0-2-cloud-amd64
      Version: 6.1.2-1
      Architecture: amd64
      Depends: kmod, linux-base (>= 4.3~), initramfs-tools | linux-initramfs-tool
      Filename: pool/kernel+1~a.deb
      Size: \(size)
      SHA256: \(sha256)
      """
    return try Compression.xz.compress(Array(text.utf8))
  }

  static let indexURL = "http://m.invalid/dists/s/main/binary-amd64/Packages.xz"
  static let packageURL = "http://m.invalid/pool/kernel%2B1~a.deb"
  static let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

  @Test("A meta package leads to the kernel, whose bytes are those of the index")
  func follows() throws {
    let cache = try TemporaryFolder()
    let environment = Self.environment(
      [
        Self.indexURL: try Self.index(sha256: Self.hello, size: 5),
        Self.packageURL: Array("hello".utf8),
      ], cache: cache.path)
    let repository = DebianRepository(
      suites: [DebianSuite(mirror: "http://m.invalid", suite: "s")], environment: environment)
    let found = try repository.kernelPackages("linux-image-cloud-amd64", architecture: "amd64")
    #expect(found.map(\.package.name) == ["linux-image-6.1.0-2-cloud-amd64"])
    #expect(found.map(\.url) == [Self.packageURL])
    #expect(try InputFile(found[0].path).readAll(limit: 100) == Array("hello".utf8))
    #expect(throws: KitError.self) {
      try repository.kernelPackages("linux-image-none", architecture: "amd64")
    }
  }

  @Test("Other bytes are refused and not kept", arguments: ["hellO", "hell", "hello, world"])
  func refuses(_ content: String) throws {
    let cache = try TemporaryFolder()
    let environment = Self.environment(
      [
        Self.indexURL: try Self.index(sha256: Self.hello, size: 5),
        Self.packageURL: Array(content.utf8),
      ], cache: cache.path)
    let repository = DebianRepository(
      suites: [DebianSuite(mirror: "http://m.invalid", suite: "s")], environment: environment)
    let error = #expect(throws: KitError.self) {
      try repository.kernelPackages("linux-image-cloud-amd64", architecture: "amd64")
    }
    #expect(error?.code == .unverified)
    #expect(try FileTree.names(in: "\(cache.path)/packages/\(Self.hello)") == [])
  }
}
