import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// The program against HTTPS servers, with an authority that was made for the run.
@Suite struct TLSTests {
  private let place: DownloadProgramTests.Place
  private let server: TLSServer

  init() async throws {
    place = try await DownloadProgramTests.Place()
    server = try await TLSServer()
  }

  /// The repository's files as a server sends them, and 404 for the suites that it lacks.
  private func answers() async throws -> [String: [UInt8]] {
    var answers: [String: [UInt8]] = [:]
    let root = place.repository.root
    for path in try await Tool.shell("find . -type f", in: root).split(separator: "\n") {
      let bytes = try InputFile("\(root)/\(path)").readAll(limit: 1 << 24)
      answers[String(path.dropFirst()).replacing("+", with: "%2B")] =
        TestServer.head("200 OK", length: bytes.count) + bytes
    }
    for suite in ["test-updates", "test-security"] {
      for name in ["InRelease", "Release"] {
        answers["/dists/\(suite)/\(name)"] = TestServer.head("404 Not Found", length: 0)
      }
    }
    return answers
  }

  private static let list = "/dists/test/InRelease"

  private func redirect(to address: String) -> [String: [UInt8]] {
    [
      Self.list: TestServer.head("302 Found", length: 0, ["Location: \(address)\(Self.list)"])
    ]
  }

  /// Runs `fetch`.
  /// - Parameter trust: the variables that name certificates.
  private func fetch(_ address: String, trust: [String: String]) async throws -> Tool.Result {
    // Those of the machine that runs the tests have no part in it.
    let none = ["CURL_CA_BUNDLE": "", "SSL_CERT_FILE": "", "SSL_CERT_DIR": ""]
    return try await Tool.run(
      TestKit.program, place.fetch(address),
      environment: place.variables.merging(none) { $1 }.merging(trust) { $1 })
  }

  private var trusted: [String: String] { ["SSL_CERT_FILE": server.authority] }

  /// One line, an exit code, and nothing that stays.
  private func expectRefusal(_ result: Tool.Result, _ status: Int, _ fragment: String) async throws
  {
    #expect(result.status == status && result.errors.contains(fragment), "\(result)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    let left = try await Tool.shell("find . -type f", in: place.folder.path)
    #expect(left == "")
  }

  @Test(
    "A certificate of an authority that is trusted", arguments: ["SSL_CERT_FILE", "CURL_CA_BUNDLE"])
  func good(_ variable: String) async throws {
    try await server.serving(answers()) { address in
      let result = try await fetch(address, trust: [variable: server.authority])
      #expect(result.status == 0, "\(result.errors)")
      try await place.check(output: "kernel+b1.deb")
    }
  }

  @Test(
    "A certificate that proves nothing is refused",
    arguments: [
      (TLSServer.Certificate.expired, "has expired"), (.otherHost, "match"),
      (.selfSigned, "self"),
    ])
  func bad(_ certificate: TLSServer.Certificate, _ reason: String) async throws {
    try await server.serving(answers(), with: certificate) { address in
      let result = try await fetch(address, trust: trusted)
      try await expectRefusal(result, 4, reason)
      #expect(result.errors.contains("\(address)\(Self.list): "), "\(result.errors)")
    }
  }

  @Test("An authority that the system does not know")
  func unknownAuthority() async throws {
    try await server.serving(answers()) { address in
      try await expectRefusal(fetch(address, trust: [:]), 4, "certificate")
    }
  }

  @Test("From https to http nobody is led, nor to a file")
  func redirectedAway() async throws {
    let plain = try TestServer.files(below: place.repository.root)
    for target in [plain.address, "file://\(place.repository.root)"] {
      try await server.serving(redirect(to: target)) { address in
        try await expectRefusal(
          fetch(address, trust: trusted), 1,
          "redirects to \(target)\(Self.list), which is refused")
      }
    }
    #expect(plain.requests.isEmpty)
  }

  @Test("From https to https, and from http to https, but not to a certificate that proves nothing")
  func redirected() async throws {
    let answers = try await answers()
    try await server.serving(answers) { there in
      try await server.serving(answers.merging(redirect(to: there)) { $1 }) { address in
        let result = try await fetch(address, trust: trusted)
        #expect(result.status == 0, "\(result.errors)")
      }
      let plain = try TestServer { request in
        [.send(TestServer.head("302 Found", length: 0, ["Location: \(there)\(request.target)"]))]
      }
      let result = try await fetch(plain.address, trust: trusted)
      #expect(result.status == 0, "\(result.errors)")
    }
    try await server.serving(answers, with: .selfSigned) { there in
      let plain = try TestServer { request in
        [.send(TestServer.head("302 Found", length: 0, ["Location: \(there)\(request.target)"]))]
      }
      let result = try await fetch(plain.address, trust: trusted)
      #expect(result.status == 4 && result.errors.contains(there), "\(result.errors)")
    }
  }
}
