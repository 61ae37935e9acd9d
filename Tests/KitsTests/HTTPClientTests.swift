import Formats
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// Servers that break off, lie and never end: each a clear error, and the next run succeeds.
@Suite struct HTTPClientTests {
  static let file: [UInt8] = {
    var generator = SeededGenerator(seed: 7)
    return (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }()

  static var sound: [TestServer.Step] {
    [.send(TestServer.head("200 OK", length: file.count)), .send(file)]
  }

  /// The part that a request asks for.
  static func answer(_ request: TestServer.Request) -> [TestServer.Step] {
    guard let offset = request.offset else { return sound }
    return [
      .send(
        TestServer.head(
          "206 Partial Content", length: file.count - offset,
          ["Content-Range: bytes \(offset)-\(file.count - 1)/\(file.count)"])),
      .send(Array(file[offset...])),
    ]
  }

  static func environment(_ cache: TemporaryFolder, stall: Int = 30) -> TestEnvironment {
    var environment = TestEnvironment.testing(cache: cache.path)
    environment.network.get = HTTPClient(stall: stall).get
    return environment
  }

  @discardableResult
  static func fetch(_ url: String, _ environment: TestEnvironment) throws -> String {
    try environment.downloads.file(
      [url], name: "file", size: file.count, hash: FileHash(of: file, .sha256)
    ).path
  }

  /// The cache holds the whole file, or something that is not called so.
  static func checkCache(_ cache: TemporaryFolder) throws {
    let hash = Digest.sha256(of: file)
    if FileTree.status(cache("files/\(hash)/file")) != nil {
      #expect(try cache.read("files/\(hash)/file") == file)
    }
  }

  /// What a server does wrong, always.
  @Test("What a server does wrong is a clear error, and the next run succeeds", arguments: faults)
  func refused(_ fault: Fault) throws {
    let cache = try TemporaryFolder()
    let environment = Self.environment(cache)
    let wrong = try TestServer(fault.steps)
    let error = #expect(throws: KitError.self) {
      try Self.fetch("\(wrong.address)/file", environment)
    }
    #expect(error?.code == fault.code, "\(error?.description ?? "")")
    #expect(error?.message.contains(fault.message) == true, "\(error?.description ?? "")")
    #expect(wrong.requests.count == fault.tries)
    #expect(((try? FileTree.names(in: cache("files"))) ?? []) == [])
    try Self.checkCache(cache)
    let right = try TestServer(Self.answer)
    #expect(try InputFile(Self.fetch("\(right.address)/file", environment)).size == Self.file.count)
    try Self.checkCache(cache)
    #expect(try FileTree.names(in: cache("partial")) == [])
  }

  @Test("Of a first try that was cut nothing is left when the next is answered with an empty body")
  func emptyRetry() throws {
    for isEmpty in [true, false] {
      let server = try TestServer { request in
        if request.number == 0 {
          return [
            .send(Self.head), .send(Array(Self.file.prefix(5000))), .wait(milliseconds: 50), .reset,
          ]
        }
        return isEmpty ? [.send(TestServer.head("200 OK", length: 0))] : Self.sound
      }
      let environment = Self.environment(try TemporaryFolder())
      let bytes = try environment.network.download("\(server.address)/list", limit: 1 << 20)
      #expect(bytes == (isEmpty ? [] : Self.file))
      #expect(server.requests.map(\.offset) == [nil, nil])
    }
  }

  @Test("A file whose start is here, and a server that sends another part, none, or an empty one")
  func otherParts() throws {
    let hash = Digest.sha256(of: Self.file)
    @Sendable func part(_ range: String, _ bytes: ArraySlice<UInt8>) -> [TestServer.Step] {
      [
        .send(
          TestServer.head(
            "206 Partial Content", length: bytes.count, ["Content-Range: bytes \(range)/300000"])),
        .send(Array(bytes)),
      ]
    }
    let answers: [(String, [TestServer.Step])] = [
      ("another part", part("0-299999", Self.file[...])),
      ("another part without a byte", part("0-0", [])),
      (
        "no range named",
        [.send(TestServer.head("206 Partial Content", length: 5)), .send([1, 2, 3, 4, 5])]
      ),
      ("the whole", Self.sound),
      ("not satisfiable", [.send(TestServer.head("416 Range Not Satisfiable", length: 0))]),
    ]
    for (name, answer) in answers {
      let cache = try TemporaryFolder()
      try cache.write("partial/\(hash)", Self.file.prefix(1000))
      let server = try TestServer { request in request.offset == nil ? Self.sound : answer }
      try Self.fetch("\(server.address)/file", Self.environment(cache))
      #expect(try cache.read("files/\(hash)/file") == Self.file, "\(name)")
      #expect(server.requests.first?.offset == 1000, "\(name)")
    }
    // A part of what was asked for as a whole is not the whole.
    let server = try TestServer { _ in part("0-4", Self.file[..<5]) }
    let environment = Self.environment(try TemporaryFolder())
    let error = #expect(throws: KitError.self) {
      _ = try environment.network.download("\(server.address)/list", limit: 1 << 20)
    }
    #expect(error?.message.contains("another part") == true, "\(error?.description ?? "")")
  }

  @Test("A connection that is cut is taken up where it stopped", arguments: [1, 100_000, 299_999])
  func resumed(_ cut: Int) throws {
    let cache = try TemporaryFolder()
    let server = try TestServer { request in
      request.number == 0
        ? [.send(Self.head), .send(Array(Self.file.prefix(cut))), .wait(milliseconds: 50), .reset]
        : Self.answer(request)
    }
    try Self.fetch("\(server.address)/file", Self.environment(cache))
    try Self.checkCache(cache)
    #expect(server.requests.map(\.offset) == [nil, cut])
  }

  @Test("A transfer without a length that ends early goes on where it stopped, and is no fraud")
  func closed() throws {
    let cache = try TemporaryFolder()
    let server = try TestServer { request in
      request.number == 0
        ? [.send(TestServer.head("200 OK", length: nil)), .send(Array(Self.file.prefix(100_000)))]
        : Self.answer(request)
    }
    try Self.fetch("\(server.address)/file", Self.environment(cache))
    try Self.checkCache(cache)
    #expect(server.requests.map(\.offset) == [nil, 100_000])
    // One that always ends there leaves its part for the next run.
    let other = try TemporaryFolder()
    let wrong = try TestServer { _ in
      [.send(TestServer.head("200 OK", length: nil)), .send(Array(Self.file.prefix(100_000)))]
    }
    let error = #expect(throws: KitError.self) {
      try Self.fetch("\(wrong.address)/file", Self.environment(other))
    }
    #expect(error?.code == .invalid)
    #expect(error?.message.contains("ended after 100000 of the 300000 bytes") == true, "\(error!)")
    let hash = Digest.sha256(of: Self.file)
    #expect(try InputFile(other("partial/\(hash)")).size == 100_000)
  }

  @Test("The next run goes on where the last one stopped; a server without ranges starts anew")
  func nextRun() throws {
    for hasRanges in [true, false] {
      let cache = try TemporaryFolder()
      let environment = Self.environment(cache)
      let wrong = try TestServer { request in
        request.number == 0
          ? [.send(Self.head), .send(Array(Self.file.prefix(70_000))), .wait(milliseconds: 50)] : []
      }
      #expect(throws: KitError.self) { try Self.fetch("\(wrong.address)/file", environment) }
      let right = try TestServer { hasRanges ? Self.answer($0) : Self.sound }
      try Self.fetch("\(right.address)/file", environment)
      try Self.checkCache(cache)
      #expect(right.requests.map(\.offset) == [70_000])
      // And then it is there.
      try Self.fetch("\(right.address)/file", environment)
      try Self.fetch("\(right.address)/file", environment.offline())
      #expect(right.requests.count == 1)
    }
  }

  @Test("A part that does not fit, of whatever size, is fetched anew once")
  func changed() throws {
    let hash = Digest.sha256(of: Self.file)
    for size in [1000, Self.file.count, Self.file.count + 5] {
      let cache = try TemporaryFolder()
      try cache.write("partial/\(hash)", [UInt8](repeating: 9, count: size))
      let server = try TestServer(Self.answer)
      try Self.fetch("\(server.address)/file", Self.environment(cache))
      try Self.checkCache(cache)
      #expect(server.requests.map(\.offset) == (size == 1000 ? [1000, nil] : [nil]))
    }
  }

  @Test("A file in the cache that was changed is fetched anew")
  func damaged() throws {
    let cache = try TemporaryFolder()
    let hash = Digest.sha256(of: Self.file)
    try cache.write("files/\(hash)/file", [UInt8](repeating: 9, count: Self.file.count))
    let environment = Self.environment(cache)
    let error = #expect(throws: KitError.self) {
      try Self.fetch("http://127.0.0.1:9/file", environment.offline())
    }
    #expect(error?.code == .missing)
    let server = try TestServer(Self.answer)
    try Self.fetch("\(server.address)/file", environment)
    try Self.checkCache(cache)
  }

  @Test("What drips or stands still is given up")
  func stalled() throws {
    for isDripping in [true, false] {
      let cache = try TemporaryFolder()
      let environment = Self.environment(cache, stall: 1)
      let server = try TestServer { request in
        [.send(Self.head), .send(Array(Self.file.prefix(10)))]
          + (0..<100).flatMap { _ in
            [TestServer.Step.wait(milliseconds: 100)] + (isDripping ? [.send([1])] : [])
          }
      }
      let error = #expect(throws: KitError.self) {
        try Self.fetch("\(server.address)/file", environment)
      }
      #expect(error?.message.contains("too slow") == true, "\(error?.description ?? "")")
      let right = try TestServer(Self.answer)
      try Self.fetch("\(right.address)/file", environment)
      try Self.checkCache(cache)
    }
  }

  @Test("Redirects lead to http and https, and never out of https")
  func redirects() throws {
    #expect(HTTPClient.mayLead("http://a/", to: "https://b/"))
    #expect(HTTPClient.mayLead("http://a/", to: "http://b/"))
    #expect(HTTPClient.mayLead("https://a/", to: "HTTPS://b/"))
    #expect(!HTTPClient.mayLead("https://a/", to: "http://b/"))
    #expect(!HTTPClient.mayLead("HTTPS://a/", to: "http://b/"))
    #expect(!HTTPClient.mayLead("http://a/", to: "file:///b"))
    #expect(!HTTPClient.mayLead("http://a/", to: "ftp://b/"))
    let cache = try TemporaryFolder()
    let server = try TestServer { request in
      request.target == "/there/file"
        ? Self.answer(request)
        : [.send(TestServer.head("307 Temporary Redirect", length: 0, ["Location: /there/file"]))]
    }
    try Self.fetch("\(server.address)/file", Self.environment(cache))
    #expect(server.requests.map(\.target) == ["/file", "/there/file"])
    #expect(server.requests[0].headers.contains("User-Agent: minivm/"))
  }

  @Test("Pauses grow, and a server that is well again is not asked more")
  func pauses() throws {
    let cache = try TemporaryFolder()
    var environment = Self.environment(cache)
    let paused = PauseLog()
    environment.network.pause = paused.add
    let server = try TestServer { request in
      request.number < 3 ? [.send(TestServer.head("503 Busy", length: 0))] : Self.answer(request)
    }
    try Self.fetch("\(server.address)/file", environment)
    #expect(paused.seconds == [1, 3, 9])
  }

  @Test("Several files come side by side; one that fails ends the others, and is what is reported")
  func parallel() throws {
    let cache = try TemporaryFolder()
    let environment = Self.environment(cache)
    let files = (0..<8).map { number in Self.file.map { $0 ^ UInt8(number) } }
    let together = Mutex(0)
    let server = try TestServer { request in
      guard let number = Int(request.target.drop { !$0.isNumber }), number < files.count else {
        return [.wait(milliseconds: 100), .send(TestServer.head("404 Not Found", length: 0))]
      }
      if request.target.hasPrefix("/together") {
        // Nobody gets anything before somebody else asks.
        together.withLock { $0 += 1 }
        var patience = 60_000
        while together.withLock({ $0 }) < 2, patience > 0 {
          usleep(1000)
          patience -= 1
        }
        if patience == 0 { return [.send(TestServer.head("400 Bad Request", length: 0))] }
      }
      return [
        .send(TestServer.head("200 OK", length: Self.file.count)), .wait(milliseconds: 100),
        .send(files[number]),
      ]
    }
    func wanted(_ number: Int, at path: String) -> DownloadCache.Wanted {
      DownloadCache.Wanted(
        urls: ["\(server.address)/\(path)"], name: "\(number)", size: Self.file.count,
        proof: .hash(FileHash(of: files[number], .sha256)))
    }
    let downloads = environment.downloads
    let error = #expect(throws: KitError.self) {
      try downloads.files([wanted(0, at: "0"), wanted(1, at: "x"), wanted(2, at: "2")])
    }
    #expect(error?.code == .missing)
    let found = try downloads.files((0..<8).map { wanted($0, at: "together\($0)") })
    for (number, file) in found.enumerated() {
      #expect(try file.readAll(limit: 1 << 20) == files[number])
    }
  }
}

/// How long a job would have waited.
final class PauseLog: Sendable {
  private let list = Mutex<[Int]>([])
  var seconds: [Int] { list.withLock { $0 } }

  func add(_ seconds: Int) {
    list.withLock { $0.append(seconds) }
  }
}
