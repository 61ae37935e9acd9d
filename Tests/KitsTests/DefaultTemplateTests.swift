import Formats
import Logging
import TestSupport
import Testing

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

@Suite struct DefaultTemplateTests {
  @Test("What some keys vouched for is not taken for others', even in a file of the same name")
  func keys() throws {
    let folder = try TemporaryFolder()
    func name(_ keyrings: [String], _ origin: [String] = []) -> String {
      let environment = TestEnvironment.testing(cache: folder.path)
      return DefaultTemplate(
        architecture: "amd64", suite: "trixie", origin: origin, keyrings: keyrings,
        network: environment.network, cache: environment.cache, log: environment.reporter.log
      ) { throw KitError(.invalid, "nothing is fetched") }.name
    }
    try folder.write("one", "a".utf8)
    try folder.write("same", "a".utf8)
    let before = name([folder("one")])
    #expect(name([]) == "trixie-amd64" && before != "trixie-amd64")
    #expect(name([folder("same")]) == before)
    #expect(name([folder("one")], ["http://m.invalid"]) != before)
    try folder.write("one", "b".utf8)
    #expect(name([folder("one")]) != before)
    #expect(name([folder("none")]) != name([folder("nowhere")]))
  }

  /// An archive with busybox-static and e2fsck-static, in a component each.
  struct Archive {
    let signed: SignedRepository
    let cache: TemporaryFolder

    init() async throws {
      signed = try await SignedRepository()
      cache = try TemporaryFolder()
      try signed.folder.write("busybox", staticProgram(["sh", "mount"]))
      try signed.folder.write("e2fsck", staticProgram([]).dropLast(6))
      try await publish(busybox: "1.0", date: 3600)
    }

    /// - Parameter date: seconds before now.
    func publish(busybox version: String?, date: Int) async throws {
      var script =
        "rm -rf dists/test/*; mkdir -p dists/test/main/binary-amd64 dists/test/extra/binary-amd64\n"
      script += ": >dists/test/main/binary-amd64/Packages\n"
      for (name, version, component) in [
        ("busybox", version, "main"), ("e2fsck", "2.0", "extra"),
      ] {
        guard let version else { continue }
        script += """
          rm -rf t; mkdir -p t/DEBIAN t/sbin t/bin; cp ../\(name) t/\(name == "busybox" ? "bin" : "sbin")/\(name).static
          printf 'Package: \(name)-static\\nVersion: \(version)\\nArchitecture: amd64\\nMaintainer: x <x@x>\\nDescription: x\\n' >t/DEBIAN/control
          dpkg-deb --root-owner-group -b t pool/\(name)-\(version).deb >/dev/null
          { cat t/DEBIAN/control; echo "Filename: pool/\(name)-\(version).deb"
            echo "Size: $(stat -c %s pool/\(name)-\(version).deb)"
            echo "SHA256: $(sha256sum <pool/\(name)-\(version).deb | cut -d' ' -f1)"
          } >dists/test/\(component)/binary-amd64/Packages

          """
      }
      try await Tool.shell(script, in: signed.root)
      var fields = SignedRepository.Fields(date: signed.now - date)
      fields.components = "main extra"
      try await signed.writeRelease(fields)
      try await signed.sign()
    }

    /// The versions of the programs that a build has then.
    func versions(
      isOffline: Bool = false, isDown: Bool = false, components: [String] = []
    ) async throws -> [String] {
      var environment = signed.environment(cache: cache.path)
      if isDown {
        environment.network.get = { _, _ in throw Interruption(KitError(.invalid, "no network")) }
        environment.network.pause = { _ in Issue.record("nobody waits for what is not needed") }
      }
      if isOffline { environment = environment.offline() }
      let repository = DebianRepository(
        suites: [DebianSuite(mirror: "http://m.invalid", suite: "test", components: [])],
        keyrings: [.file(signed.keyring)], components: components, environment: environment)
      let folder = try await DefaultTemplate(
        architecture: "amd64", suite: "test", network: environment.network,
        cache: environment.cache, log: environment.reporter.log
      ) { repository }.folder()
      return try TemplateFolder(folder).programs().map { "\($0.version ?? "") \($0.chain != nil)" }
    }
  }

  @Test("The newest busybox of the signed list is taken, and without a network what is there")
  func newest() async throws {
    let archive = try await Archive()
    #expect(try await archive.versions() == ["1.0 true", "2.0 true"])
    try await archive.publish(busybox: "1.1", date: 3000)
    #expect(try await archive.versions(isOffline: true) == ["1.0 true", "2.0 true"])
    #expect(try await archive.versions(isDown: true) == ["1.0 true", "2.0 true"])
    #expect(try await archive.versions() == ["1.1 true", "2.0 true"])
    #expect(try await archive.versions() == ["1.1 true", "2.0 true"])
    // A mirror that has it no more leaves the one that is there.
    try await archive.publish(busybox: nil, date: 2000)
    #expect(try await archive.versions() == ["1.1 true", "2.0 true"])
    // A list that nobody vouches for is an error also where nothing is missing.
    try await archive.publish(busybox: "1.2", date: 1000)
    try await archive.signed.sign(home: "other")
    let error = await #expect(throws: KitError.self) { _ = try await archive.versions() }
    #expect(error?.code == .unverified)
  }

  @Test("A mirror without busybox, and one that has e2fsck in another component: what to do")
  func missing() async throws {
    let archive = try await Archive()
    let hidden = await #expect(throws: KitError.self) {
      _ = try await archive.versions(components: ["main"])
    }
    #expect(hidden?.code == .missing && hidden?.message.contains("e2fsck-static") == true)
    #expect(hidden?.advice?.hasSuffix("--component main,extra") == true, "\(hidden!)")
    try await archive.publish(busybox: nil, date: 1000)
    FileTree.remove(archive.cache("template"))
    let error = await #expect(throws: KitError.self) { _ = try await archive.versions() }
    #expect(error?.code == .missing && error?.message.contains("busybox-static") == true)
    #expect(error?.advice?.contains("--template: minivm update-busybox") == true, "\(error!)")
  }
}
