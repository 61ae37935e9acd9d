import Formats
import Synchronization
import TestSupport
import Testing

@testable import Basics
@testable import Packages

/// Registries that are sound, and ten kinds that are not.
@Suite struct RegistryTests {
  private static let first = Array("the first layer".utf8)
  private static let second: [UInt8] = (0..<400_000).map { UInt8(truncatingIfNeeded: $0 / 7) }

  /// An image of two layers, as a registry has it at `/v2/a/b/`.
  private struct Content: Sendable {
    var manifest: [UInt8]
    var blobs: [String: [UInt8]]

    init() {
      var image = TestImage()
      manifest = image.manifest(layers: [first, second])
      blobs = image.blobs
    }

    func answer(_ request: TestServer.Request) -> [TestServer.Step] {
      let target = request.target
      if target == "/v2/a/b/manifests/v1" {
        return reply(manifest, ["Content-Type: \(TestImage.manifestType)"])
      }
      guard target.hasPrefix("/v2/a/b/blobs/"),
        let blob = blobs[String(target.dropFirst("/v2/a/b/blobs/".count))]
      else { return [.send(TestServer.head("404 Not Found", length: 0))] }
      guard let offset = request.offset else { return reply(blob) }
      return [
        .send(
          TestServer.head(
            "206 Partial Content", length: blob.count - offset,
            ["Content-Range: bytes \(offset)-\(blob.count - 1)/\(blob.count)"])),
        .send(Array(blob[offset...])),
      ]
    }
  }

  private static func reply(_ bytes: [UInt8], _ headers: [String] = []) -> [TestServer.Step] {
    [.send(TestServer.head("200 OK", length: bytes.count, headers)), .send(bytes)]
  }

  private static func refuse(_ status: String, _ headers: [String] = []) -> [TestServer.Step] {
    [.send(TestServer.head(status, length: 0, headers))]
  }

  private static func challenge(_ realm: String) -> String {
    #"WWW-Authenticate: Bearer realm="\#(realm)",service="me",scope="repository:a/b:pull""#
  }

  private final class Pauses: Sendable {
    private let all = Mutex<[Int]>([])
    var seconds: [Int] { all.withLock { $0 } }
    func add(_ seconds: Int) { all.withLock { $0.append(seconds) } }
  }

  private static func access(
    _ folder: TemporaryFolder, _ pauses: Pauses = Pauses(), stall: Int = 30
  ) -> ImageAccess {
    ImageAccess(
      Cache(folder: folder("cache"), temporaryFolder: folder.path),
      Network(get: HTTPClient(stall: stall).get, pause: { pauses.add($0) }), progress: .none,
      jobs: 2,
      variables: ["HOME": folder("home")])
  }

  /// Gets the image and reads its layers.
  private static func pull(
    _ server: TestServer, _ access: ImageAccess, tag: String = "v1"
  ) throws -> [[UInt8]] {
    let image = try ImageReference(argument: "docker://127.0.0.1:\(server.port)/a/b:\(tag)")
      .image(architecture: .amd64, access: access)
    try image.fetchLayers()
    return try image.layers.map { try SourceReader($0.open(jobs: 2)).readToEnd(limit: 1 << 24) }
  }

  private static func failure(_ server: TestServer, _ access: ImageAccess) throws -> KitError {
    try #require(throws: KitError.self) { _ = try pull(server, access) }
  }

  @Test("An image comes once, and from the cache without a network")
  func sound() throws {
    let content = Content()
    let folder = try TemporaryFolder()
    let server = try TestServer { content.answer($0) }
    let access = Self.access(folder)
    #expect(try Self.pull(server, access) == [Self.first, Self.second])
    #expect(server.requests.count == 4)
    #expect(server.requests[0].headers.contains(", \(TestImage.manifestType), "))
    #expect(try Self.pull(server, access) == [Self.first, Self.second])
    // What a tag leads to may change; what is proved does not.
    #expect(server.requests.count == 5)
    var offline = access
    offline.network = access.network.offline()
    #expect(try Self.pull(server, offline) == [Self.first, Self.second])
    let absent = try #require(throws: KitError.self) {
      _ = try Self.pull(server, offline, tag: "v2")
    }
    #expect(absent.code == .missing && absent.message.contains("is not in the cache"))
    #expect(server.requests.count == 5)
  }

  @Test("A token is asked for, kept, and asked for again when it has expired")
  func tokens() throws {
    let content = Content()
    let folder = try TemporaryFolder()
    try folder.write(
      "home/.docker/config.json", #"{"auths":{"127.0.0.1:9":{"auth":"eDp5"}}}"#.utf8)
    let issued = Mutex(0)
    let server = try TestServer { request in
      if request.target.hasPrefix("/token") {
        let number = issued.withLock {
          $0 += 1
          return $0
        }
        return Self.reply(Array(#"{"token":"t\#(number)"}"#.utf8))
      }
      // The first token is good for two requests.
      let isGood =
        request.headers.contains("Authorization: Bearer t2")
        || request.headers.contains("Authorization: Bearer t1") && request.number < 4
      let port = request.headers.split(separator: "127.0.0.1:")[1].prefix { $0.isNumber }
      return isGood
        ? content.answer(request)
        : Self.refuse("401 Unauthorized", [Self.challenge("http://127.0.0.1:\(port)/token")])
    }
    #expect(try Self.pull(server, Self.access(folder)) == [Self.first, Self.second])
    let tokens = server.requests.filter { $0.target.hasPrefix("/token") }
    #expect(tokens.count == 2)
    #expect(tokens[0].target == "/token?service=me&scope=repository:a/b:pull")
    // Nobody logged in to this one.
    #expect(!tokens[0].headers.contains("Authorization"))
  }

  @Test("A login is handed to the registry, and to no host that it redirects to")
  func redirects() throws {
    let content = Content()
    let folder = try TemporaryFolder()
    let other = try TestServer { request in content.answer(request) }
    let server = try TestServer { request in
      guard request.headers.contains("Authorization: Basic eDp5") else {
        return Self.refuse("401 Unauthorized", [#"WWW-Authenticate: Basic realm="r""#])
      }
      guard request.target.contains("/blobs/") else { return content.answer(request) }
      return Self.refuse("307 Temporary Redirect", ["Location: \(other.address)\(request.target)"])
    }
    try folder.write(
      "home/.docker/config.json",
      #"{"auths":{"127.0.0.1:\#(server.port)":{"auth":"eDp5"}}}"#.utf8)
    #expect(try Self.pull(server, Self.access(folder)) == [Self.first, Self.second])
    #expect(other.requests.count == 3)
    for request in other.requests { #expect(!request.headers.contains("Authorization")) }
  }

  @Test(
    "A registry that refuses every login, and one that wants a token from elsewhere without TLS")
  func refused() throws {
    let folder = try TemporaryFolder()
    let loop = try TestServer { request in
      if request.target.hasPrefix("/token") {
        return Self.reply(Array(#"{"access_token":"t"}"#.utf8))
      }
      let port = request.headers.split(separator: "127.0.0.1:")[1].prefix { $0.isNumber }
      return Self.refuse("401 Unauthorized", [Self.challenge("http://127.0.0.1:\(port)/token")])
    }
    let error = try Self.failure(loop, Self.access(folder))
    #expect(error.message.contains("refuses the login (status 401)"))
    #expect(loop.requests.count == 3)
    let elsewhere = try TestServer { _ in
      Self.refuse("401 Unauthorized", [Self.challenge("http://192.0.2.1/token")])
    }
    let plain = try Self.failure(elsewhere, Self.access(folder))
    #expect(plain.message.contains("http://192.0.2.1/token, which is not https"))
    let login = try TestServer { _ in
      Self.refuse("401 Unauthorized", [#"WWW-Authenticate: Basic realm="r""#])
    }
    #expect(try Self.failure(login, Self.access(folder)).advice?.contains("docker login") == true)
  }

  @Test("A wrong digest, a cut body, other types, too much, a web page")
  func lies() throws {
    let content = Content()
    func failure(_ answer: @escaping @Sendable (TestServer.Request) -> [TestServer.Step]?) throws
      -> KitError
    {
      let folder = try TemporaryFolder()
      let server = try TestServer { answer($0) ?? content.answer($0) }
      let error = try Self.failure(server, Self.access(folder, stall: 2))
      // Nothing that is called whole stays of what is not.
      let files = (try? FileTree.names(in: folder("cache/files"))) ?? []
      for key in files {
        for name in try FileTree.names(in: folder("cache/files/\(key)")) {
          #expect(try Digest.sha256(of: InputFile(folder("cache/files/\(key)/\(name)"))) == key)
        }
      }
      return error
    }
    let isLayer: @Sendable (TestServer.Request) -> Bool = {
      content.blobs[String($0.target.dropFirst("/v2/a/b/blobs/".count))]?.count == Self.second.count
    }
    let wrong = try failure {
      isLayer($0) ? Self.reply([UInt8](repeating: 1, count: Self.second.count)) : nil
    }
    #expect(wrong.code == .unverified && wrong.message.contains("SHA-256"))
    let cut = try failure {
      isLayer($0)
        ? [
          .send(TestServer.head("200 OK", length: Self.second.count)),
          .send(Array(Self.second.prefix(1000))),
        ]
        : nil
    }
    #expect(cut.message.contains("after 4 tries"), "\(cut)")
    let type = try failure {
      $0.target.contains("/manifests/")
        ? Self.reply(
          Array(#"{"schemaVersion":2,"mediaType":"application/vnd.example+json","config":{}}"#.utf8)
        ) : nil
    }
    #expect(type.code == .invalid, "\(type)")
    let huge = try failure {
      $0.target.contains("/manifests/")
        ? [
          .send(TestServer.head("200 OK", length: nil)),
          .send([UInt8](repeating: 0x20, count: 5 << 20)),
        ] : nil
    }
    #expect(huge.message.contains("is larger than 4194304 bytes"), "\(huge)")
    let page = try failure {
      $0.target.contains("/manifests/")
        ? Self.reply(Array("<!DOCTYPE html><html></html>".utf8)) : nil
    }
    #expect(page.code == .unverified && page.message.contains("is a web page"))
    let drip = try failure {
      isLayer($0)
        ? [.send(TestServer.head("200 OK", length: Self.second.count))]
          + (0..<60).flatMap {
            [.send([UInt8($0)]), .wait(milliseconds: 100)] as [TestServer.Step]
          } : nil
    }
    #expect(drip.message.contains("after 4 tries"), "\(drip)")
  }

  @Test("A registry that asks to wait is waited for")
  func waiting() throws {
    let content = Content()
    let folder = try TemporaryFolder()
    let server = try TestServer { request in
      request.number == 0
        ? Self.refuse("429 Too Many Requests", ["Retry-After: 7"])
        : request.number == 1
          ? Self.refuse("429 Too Many Requests", ["Retry-After: 99999"]) : content.answer(request)
    }
    let pauses = Pauses()
    #expect(try Self.pull(server, Self.access(folder, pauses)) == [Self.first, Self.second])
    #expect(pauses.seconds == [7, 120])
  }

  @Test(
    "Names of images",
    arguments: [
      ("debian", nil, "debian", "latest"), ("debian:trixie", nil, "debian", "trixie"),
      ("a/b", nil, "a/b", "latest"), ("example.org/a/b:1.0", "example.org", "a/b", "1.0"),
      ("localhost/a", "localhost", "a", "latest"), ("host:5000/a:b", "host:5000", "a", "b"),
    ] as [(String, String?, String, String)])
  func names(text: String, host: String?, repository: String, tag: String) throws {
    let name = try RegistryName(text)
    #expect(name.host == host && name.repository == repository && name.tag == tag)
  }

  @Test(
    "What is no name",
    arguments: [
      "", "A", "a//b", "a:", "a:.b", "../a", "a/../b", "a@sha256:1", "host.x/", "a b",
      "h\u{e4}.x/a", "a.b/c d",
    ])
  func noNames(text: String) { #expect(throws: KitError.self) { try RegistryName(text) } }

  @Test("Challenges are read as RFC 9110 writes them")
  func challenges() throws {
    let one = try #require(
      RegistryChallenge(#"Bearer realm="https://a/b?c=\"d\"" , Service=x,scope="a,b""#))
    #expect(one.scheme == "bearer")
    #expect(one.parameters == ["realm": #"https://a/b?c="d""#, "service": "x", "scope": "a,b"])
    #expect(RegistryChallenge("") == nil)
    #expect(RegistryChallenge("Basic")?.parameters == [:])
  }

  @Test("Debian's registry, with and without a login, by its own certificate")
  func real() async throws {
    let bench = try CommandBench()
    try await Tool.output(
      "python3",
      [
        "-c",
        """
        import io, tarfile
        with tarfile.open("layer.tar", "w") as tar:
            info = tarfile.TarInfo("etc/file"); info.size = 5
            tar.addfile(info, io.BytesIO(b"hello"))
        """,
      ], in: bench.folder.path)
    let output = try await Tool.shell(
      """
      umoci init --layout image; umoci new --image image:v1; umoci raw add-layer --image image:v1 layer.tar
      openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out ca.pem -days 9 -subj /CN=127.0.0.1 \
        -addext subjectAltName=IP:127.0.0.1 2>openssl.log
      htpasswd -Bbn joe secret >passwords 2>/dev/null
      port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
      plain=$(port); tls=$(port)
      storage="storage: {filesystem: {rootdirectory: $PWD/data}}"
      printf 'version: 0.1\\n%s\\nhttp: {addr: 127.0.0.1:%s}\\n' "$storage" $plain >plain.yml
      printf 'version: 0.1\\n%s\\nauth: {htpasswd: {realm: r, path: %s}}\\nhttp: {addr: 127.0.0.1:%s, tls: {certificate: %s, key: %s}}\\n' \
        "$storage" "$PWD/passwords" $tls "$PWD/ca.pem" "$PWD/key.pem" >tls.yml
      docker-registry serve plain.yml >plain.log 2>&1 & first=$!
      docker-registry serve tls.yml >tls.log 2>&1 & second=$!
      trap 'kill $first $second' EXIT
      for n in $(seq 100); do
        if curl -s -o /dev/null http://127.0.0.1:$plain/v2/ && curl -sk -o /dev/null https://127.0.0.1:$tls/v2/; then break; fi
        sleep 0.2
      done
      skopeo copy -q --dest-tls-verify=false oci:image:v1 docker://127.0.0.1:$plain/some/name:v1
      export HOME=$PWD/home XDG_CACHE_HOME=$PWD/home; mkdir -p home/.docker
      minivm='\(TestKit.program)'
      $minivm root docker://127.0.0.1:$plain/some/name:v1 --out plain.raw --init none
      if $minivm root docker://127.0.0.1:$tls/some/name:v1 --registry-ca ca.pem --out tls.raw --init none 2>error; then
        exit 9
      fi
      grep -o 'refuses the login' error
      printf '{"auths":{"127.0.0.1:%s":{"auth":"%s"}}}' $tls "$(printf joe:secret | base64)" >home/.docker/config.json
      rm -rf home/minivm
      $minivm root docker://127.0.0.1:$tls/some/name:v1 --registry-ca ca.pem --out tls.raw --init none
      $minivm root docker://127.0.0.1:$tls/some/name:v1 --registry-ca ca.pem --out again.raw --init none --offline
      cmp tls.raw again.raw
      $minivm cat tls.raw /etc/file
      """, in: bench.folder.path)
    #expect(output == "plain.raw\nrefuses the login\ntls.raw\nagain.raw\nhello")
  }
}
