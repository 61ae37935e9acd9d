import Basics
import Formats
import Kits
import Packages
import TestSupport
import Testing

/// Alpine's packages over HTTP: what breaks off goes on, what is there is not asked for again, and without a network
/// the cache does.
@Suite struct AlpineDownloadTests {
  private let mirror: AlpineMirror
  private let template: String

  init() async throws {
    mirror = try await AlpineMirror()
    template = mirror.folder("template")
    try FileTree.makeDirectories(template)
  }

  private var package: [UInt8] {
    get throws { try InputFile(mirror.package).readAll(limit: 1 << 26) }
  }

  private func update(_ server: TestServer, _ more: [String] = []) async throws -> Tool.Result {
    try await run(
      [
        "update-busybox", template, "--from", "alpine", "--mirror", server.address, "--arch",
        "amd64",
        "--branch", "v3.20", "--keys", mirror.folder("keys"),
      ] + more)
  }

  private func run(_ words: [String]) async throws -> Tool.Result {
    try await Tool.run(
      TestKit.program, words, in: mirror.folder.path,
      environment: ["XDG_CACHE_HOME": mirror.folder("cache"), "no_proxy": "*"])
  }

  /// The mirror over HTTP, which sends the first `count` bytes of the package and then closes the connection, as
  /// often as `cuts` says.
  private func cutting(after count: Int, cuts: Int) throws -> TestServer {
    let root = mirror.folder.path
    return try TestServer { request in
      guard let bytes = try? InputFile(root + request.target).readAll(limit: 1 << 26) else {
        return [.send(TestServer.head("404 Not Found", length: 0))]
      }
      let offset = request.offset ?? 0
      let isPart = offset > 0
      let head = TestServer.head(
        isPart ? "206 Partial Content" : "200 OK", length: bytes.count - offset,
        isPart ? ["Content-Range: bytes \(offset)-\(bytes.count - 1)/\(bytes.count)"] : [])
      // The index is asked for once a run.
      guard request.target.hasSuffix(".apk"), request.number <= cuts else {
        return [.send(head), .send(Array(bytes[offset...]))]
      }
      let end = min(bytes.count, offset + count)
      return [.send(head), .send(Array(bytes[offset..<end]))]
    }
  }

  @Test("A connection that breaks off is taken up where it stopped, within a run and by the next")
  func resumed() async throws {
    // Four tries of one run, then one of the next.
    let server = try cutting(after: 50_000, cuts: 4)
    let broken = try await update(server)
    #expect(broken.status == 1 && broken.errors.contains("(after 4 tries)"), "\(broken)")
    let partial = try await run(["cache", "ls"])
    #expect(partial.output.hasPrefix("list\t") && partial.output.contains("\npartial\t"))
    let good = try await update(server)
    #expect(good.status == 0, "\(good.errors)")
    let offsets = server.requests.filter { $0.target.hasSuffix(".apk") }.map { $0.offset ?? 0 }
    #expect(offsets == [0, 50_000, 100_000, 150_000, 200_000])
    try await Tool.output("cmp", [busyboxPath(), "\(template)/bin/busybox"])
  }

  @Test("A second run asks for the index alone, and one without a network for nothing")
  func kept() async throws {
    let server = try TestServer.files(below: mirror.folder.path)
    let early = try await update(server, ["--offline"])
    #expect(early.status == 3, "\(early)")
    #expect(
      early.errors.contains(
        "the list of \(server.address) v3.20 x86_64 is not in the cache"), "\(early.errors)")
    #expect(early.errors.contains("run it once without --offline"), "\(early.errors)")
    #expect(server.requests.isEmpty)

    #expect(try await update(server).status == 0)
    #expect(server.requests.count == 2)
    #expect(try await update(server).status == 0)
    #expect(server.requests.count == 3)
    #expect(server.requests.last?.target.hasSuffix("/APKINDEX.tar.gz") == true)
    FileTree.remove("\(template)/bin")
    let offline = try await update(server, ["--offline"])
    #expect(offline.status == 0, "\(offline.errors)")
    #expect(server.requests.count == 3)
    try await Tool.output("cmp", [busyboxPath(), "\(template)/bin/busybox"])

    // What is kept is trusted no more than what comes: keys count at each use.
    try FileTree.makeDirectories(mirror.folder("none"))
    let unknown = try await update(server, ["--offline", "--keys", mirror.folder("none")])
    #expect(unknown.status == 4 && unknown.errors.contains("no such key"), "\(unknown)")
    let file = "files/*/busybox-static-1.36.1-r29.apk"
    try await Tool.shell(
      "printf X | dd of=$(echo cache/minivm/\(file)) bs=1 seek=5000 conv=notrunc 2>/dev/null",
      in: mirror.folder.path)
    let changed = try await update(server, ["--offline"])
    #expect(changed.status == 4 && changed.errors.contains("its data has SHA-256"), "\(changed)")
    #expect(try await update(server).status == 0)
    #expect(server.requests.count == 5)
  }

  @Test("The cache lists index and package, and removes them")
  func listed() async throws {
    let server = try TestServer.files(below: mirror.folder.path)
    #expect(try await update(server).status == 0)
    let listing = try await run(["cache", "ls"]).output.split(separator: "\n")
    #expect(listing.count == 2, "\(listing)")
    #expect(listing.first?.hasSuffix("\tbusybox-static-1.36.1-r29.apk") == true, "\(listing)")
    #expect(listing.last?.hasSuffix("\t\(server.address) v3.20 x86_64") == true, "\(listing)")
    #expect(try await run(["cache", "prune"]).output.contains("Removed 2 entries"))
    #expect(try await update(server, ["--offline"]).status == 3)
  }
}
