import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// Archives that are made otherwise than Debian's, and servers that answer otherwise.
@Suite struct MirrorFormsTests {
  private let signed: SignedRepository
  private let cache: TemporaryFolder

  init() async throws {
    signed = try await SignedRepository()
    cache = try TemporaryFolder()
  }

  private func repository(
    _ suite: String = "test", components: [String] = [], isForbidding: Bool = false,
    isAlone: Bool = false
  ) throws -> DebianRepository {
    DebianRepository(
      suites: try AptSources(suites: []).chosen(
        suite: suite, mirrors: ["http://m.invalid"], isAlone: isAlone),
      keyrings: [.file(signed.keyring)], components: components,
      environment: signed.environment(cache: cache.path, isForbidding: isForbidding))
  }

  private func versions(_ repository: DebianRepository) async throws -> [String] {
    try await repository.kernelPackages(SignedRepository.package, architecture: "amd64")
      .map { "\($0.package.version)" }
  }

  private func failure(_ repository: DebianRepository) async -> KitError? {
    await #expect(throws: KitError.self) { _ = try await versions(repository) }
  }

  private func publish(_ change: (inout SignedRepository.Fields) -> Void = { _ in }) async throws {
    var fields = SignedRepository.Fields(date: signed.now - 1800)
    change(&fields)
    try await signed.writeRelease(fields)
    try await signed.sign()
  }

  @Test(
    "A form of the index that is listed and gone, by 404 or 403: the next one is taken",
    arguments: [false, true])
  func missingForms(_ isForbidding: Bool) async throws {
    let index = "\(signed.suiteFolder)/main/binary-amd64"
    try await Tool.shell(
      "gzip -k Packages; bzip2 -k Packages; zstd -q Packages", in: index)
    try await publish()
    let root = signed.root
    // Answers as the environment does, for apt.
    let server = try TestServer { request in
      guard
        let bytes = try? InputFile(
          root + request.target.replacing("%2B", with: "+").replacing("%2b", with: "+")
        ).readAll(limit: 1 << 24)
      else {
        let status = isForbidding ? "403 Forbidden" : "404 Not Found"
        return [.send(TestServer.head(status, length: 0))]
      }
      return [.send(TestServer.head("200 OK", length: bytes.count)), .send(bytes)]
    }
    let source = "deb [signed-by=\(signed.keyring) arch=amd64] \(server.address) test main\n"
    for gone in ["xz", "zst", "bz2", "gz"] {
      FileTree.remove("\(index)/Packages.\(gone)")
      FileTree.remove(cache("files"))
      #expect(try await versions(repository(isForbidding: isForbidding)) == ["1.0+b1"], "\(gone)")
      // apt's verdict on the same archive.
      #expect(try await signed.isTakenByApt(source: source), "\(gone)")
    }
    FileTree.remove("\(index)/Packages")
    FileTree.remove(cache("files"))
    let error = await failure(try repository(isForbidding: isForbidding))
    #expect(error?.isForbidden == isForbidding && error?.message.contains("Packages.xz") == true)
    #expect(try await !signed.isTakenByApt(source: source))
  }

  @Test("Indexes by hash where the server has none of these, and says 403")
  func forbiddenHashes() async throws {
    try await publish()
    try await Tool.shell("sed -i '1i Acquire-By-Hash: yes' Release", in: signed.suiteFolder)
    try await signed.sign()
    #expect(try await versions(repository(isForbidding: true)) == ["1.0+b1"])
  }

  @Test("Updates and security that nobody asked for may be absent by 403, once they are not seen")
  func forbiddenSuites() async throws {
    #expect(try await versions(repository(isForbidding: true)) == ["1.0+b1"])
    // One that was asked for.
    let error = await failure(try repository("tset", isForbidding: true))
    #expect(error?.code == .invalid, "\(error!)")
    #expect(error?.message.contains("has no suite “tset”, or denies access") == true, "\(error!)")
    #expect(error?.message.contains("403") == true, "\(error!)")
    // One that was there.
    try await Tool.shell(
      "cp -r test test-updates; cd test-updates; sed -i 's/^Suite: .*/Suite: test-updates/' Release",
      in: "\(signed.root)/dists")
    try await Tool.shell(
      "gpg --homedir \(signed.folder("gpg")) --batch -q --yes --clearsign -o InRelease Release",
      in: "\(signed.root)/dists/test-updates")
    #expect(try await versions(repository(isForbidding: true)) == ["1.0+b1"])
    FileTree.remove("\(signed.root)/dists/test-updates")
    let hidden = await failure(try repository(isForbidding: true))
    #expect(hidden?.code == .unverified && hidden?.message.contains("any more") == true)
    // Alone, nothing else is asked for.
    #expect(try await versions(repository(isForbidding: true, isAlone: true)) == ["1.0+b1"])
    #expect(
      try AptSources(suites: []).chosen(
        suite: "trixie", mirrors: ["http://m.invalid/debian"], isAlone: true
      ).map(\.suite) == ["trixie"])
  }

  @Test("All components that the list names, or those that are chosen")
  func components() async throws {
    try await Tool.shell("mv main release; mkdir -p main/binary-amd64", in: signed.suiteFolder)
    try await Tool.shell(": >main/binary-amd64/Packages", in: signed.suiteFolder)
    try await publish { $0.components = "main release" }
    #expect(try await versions(repository()) == ["1.0+b1"])
    #expect(try await versions(repository(components: ["release"])) == ["1.0+b1"])
    let other = await failure(try repository(components: ["main"]))
    #expect(other?.code == .missing)
    #expect(other?.advice?.contains("component release (--component NAME)") == true, "\(other!)")
    let unknown = await failure(try repository(components: ["relaese"]))
    #expect(unknown?.code == .missing)
    #expect(unknown?.message.contains("no component “relaese”") == true, "\(unknown!)")
    #expect(unknown?.advice == "the nearest is release")
    // A list that names none has those of its indexes.
    try await Tool.shell("sed -i '/^Components/d' Release", in: signed.suiteFolder)
    try await signed.sign()
    #expect(try await versions(repository()) == ["1.0+b1"])
  }

  @Test("Lists and indexes with SHA-512 alone, as by apt; a package's SHA-256 is computed")
  func sha512() async throws {
    let sum = try await Tool.shell("sha512sum <pool/kernel+b1.deb", in: signed.root).prefix(128)
    let index = "\(signed.suiteFolder)/main/binary-amd64"
    try await Tool.shell(
      "sed -i 's/^SHA256: .*/SHA512: \(sum)/' Packages; xz -kf Packages", in: index)
    try await publish { $0.hashes = ["SHA512": "sha512sum"] }
    let found = try await repository().kernelPackages(
      SignedRepository.package, architecture: "amd64")
    let sha256 = try await Tool.shell("sha256sum <pool/kernel+b1.deb", in: signed.root)
    #expect(Manifest.Input(found[0]).sha256 == String(sha256.prefix(64)))
    #expect(found[0].package.origin.indexSHA256.utf8.count == 64)
    #expect(try await signed.isTakenByApt())
    // Another package of the same size.
    try await Tool.shell(
      "printf X | dd of=pool/kernel+b1.deb bs=1 seek=200 conv=notrunc 2>/dev/null", in: signed.root)
    FileTree.remove(cache("files"))
    let error = await failure(try repository())
    #expect(error?.code == .unverified && error?.message.contains("SHA-512") == true, "\(error!)")
  }

  @Test("A list without Suite and Codename could be any suite's")
  func withoutNames() async throws {
    try await publish { $0.hasNames = false }
    let error = await failure(try repository())
    #expect(error?.code == .unverified)
    #expect(error?.message.contains("neither its Suite nor its Codename") == true, "\(error!)")
    #expect(error?.advice?.contains("minivm build FILE.deb") == true)
  }

  @Test(
    "An archive without suites: deb URL ./ and deb URL path/, by option and by apt's sources",
    arguments: [("./", ""), ("/", ""), ("deep/path/", "deep/path/")])
  func flat(_ suite: String, _ path: String) async throws {
    try await Tool.shell(
      """
      mkdir -p ./\(path); mv dists/test/main/binary-amd64/Packages ./\(path)
      { echo; sed 's/^Architecture: .*/Architecture: arm64/; s/^Version: .*/Version: 9/' ./\(path)Packages; } >x
      cat x >>./\(path)Packages; rm -r x dists
      cd ./\(path); xz -k Packages
      { echo "Date: $(LC_ALL=C date -u -d @\(signed.now - 60) '+%a, %d %b %Y %H:%M:%S UTC')"; echo SHA256:
        for f in Packages Packages.xz; do echo " $(sha256sum $f | cut -d' ' -f1) $(stat -c %s $f) $f"; done; } >Release
      gpg --homedir \(signed.folder("gpg")) --batch -q --clearsign -o InRelease Release
      """, in: signed.root)
    #expect(try await versions(repository(suite)) == ["1.0+b1"])
    let root = try TemporaryFolder()
    try root.write("etc/os-release", "VERSION_CODENAME=other\n".utf8)
    try root.write(
      "etc/apt/sources.list", "deb [signed-by=\(signed.keyring)] http://m.invalid \(suite)\n".utf8)
    for name in [nil, suite] {
      let own = try AptSources.system(root: root.path).chosen(suite: name)
      #expect(own.map(\.suite) == [suite])
      let found = DebianRepository(
        suites: own, environment: signed.environment(cache: cache.path))
      #expect(try await versions(found) == ["1.0+b1"])
      // apt's word on the same source.
      let source = "deb [signed-by=\(signed.keyring) arch=amd64] file:\(signed.root) \(suite)\n"
      #expect(try await signed.isTakenByApt(source: source))
    }
  }

  @Test(
    "A proxy that asks for a password, for http and for a tunnel to https",
    arguments: ["http", "https"])
  func proxy(_ scheme: String) async throws {
    let proxy = try TestServer { _ in
      [
        .send(
          TestServer.head(
            "407 Proxy Authentication Required", length: 0, ["Proxy-Authenticate: Basic realm=x"]))
      ]
    }
    let result = try await Tool.run(
      TestKit.program,
      ["search", "--mirror", "\(scheme)://m.invalid", "--suite", "x", "--keyring", signed.keyring],
      environment: [
        "XDG_CACHE_HOME": cache.path, "\(scheme)_proxy": proxy.address, "no_proxy": "",
      ])
    #expect(result.status == 1 && result.errors.contains("(status 407)"), "\(result.errors)")
    #expect(result.errors.contains("\(scheme == "http" ? "http_proxy" : "https_proxy")"))
    #expect(proxy.requests.count == 1)
  }
}
