import Formats
import KernelKit
import TestSupport
import Testing

/// The real program with less memory than it wants, and with a clock that was never set.
@Suite struct MemoryTests {
  @Test("Too little memory ends in one line", arguments: [80_000, 150_000, 250_000, 400_000])
  func limited(_ kilobytes: Int) async throws {
    let bench = try await OutputTests.bench()
    let before = try await bench.listing()
    let arguments = OutputTests.commands["build", default: []].joined(separator: " ")
    let result = try await bench.shell(
      "ulimit -v \(kilobytes); SWIFT_BACKTRACE=enable=no exec timeout 60 \"$minivm\" \(arguments) >/dev/null"
    )
    // Below some size not even the libraries that a debug build needs can be loaded.
    if result.status == 0 || result.errors.contains("error while loading shared libraries") {
      return
    }
    try await bench.expectFailure(
      result, 1, [" memory"], before: before, what: "\(kilobytes) KiB")
  }

  @Test("Too few open files end in one line", arguments: [6, 7, 11, 18, 40, 63, 64])
  func openFiles(_ count: Int) async throws {
    let bench = try await OutputTests.bench()
    let before = try await bench.listing()
    let arguments = OutputTests.commands["build", default: []].joined(separator: " ")
    let result = try await bench.shell(
      "SWIFT_BACKTRACE=enable=no exec prlimit --nofile=\(count) \"$minivm\" \(arguments) >/dev/null"
    )
    if count == 64 {
      #expect(result.status == 0, "\(result.errors)")
    } else {
      // Some are not enough for the libraries that a debug build loads.
      if result.errors.contains("error while loading shared libraries") { return }
      try await bench.expectFailure(
        result, 1, ["may have \(count) open files"], before: before, what: "\(count) files")
    }
  }

  @Test(
    "What is in place needs no other thread, which might not be had",
    arguments: OutputTests.commands.keys.sorted())
  func lastThread(_ command: String) async throws {
    let bench = try await OutputTests.bench()
    try await Self.expectNoLateThread(
      OutputTests.commands[command, default: []], in: bench.folder,
      environment: ["HOME": bench.folder("home"), "XDG_CACHE_HOME": bench.folder("home")])
  }

  @Test("What was fetched needs no other thread")
  func lastThreadOfFetch() async throws {
    let place = try await DownloadProgramTests.Place()
    let server = try TestServer.files(below: place.repository.root)
    try await Self.expectNoLateThread(
      place.fetch(server.address), in: place.folder, environment: place.variables)
  }

  /// Runs a command under strace: no thread may begin after the last result has got its name.
  static func expectNoLateThread(
    _ arguments: [String], in folder: TemporaryFolder, environment: [String: String]
  ) async throws {
    let calls = "trace=clone,clone3,rename,renameat,renameat2"
    let result = try await Tool.run(
      "strace", ["-f", "-qq", "-e", calls, "-o", folder("trace"), TestKit.program] + arguments,
      in: folder.path, environment: environment)
    #expect(result.status == 0, "\(result.errors)")
    let trace = String(decoding: try folder.read("trace"), as: UTF8.self)
      .split(separator: "\n")
    let last = try #require(trace.lastIndex { $0.contains("rename") })
    let late = trace[last...].filter { $0.contains("CLONE_THREAD") }
    #expect(late == [], "\(arguments.joined(separator: " "))")
    #expect(trace[..<last].contains { $0.contains("CLONE_THREAD") })
  }

  @Test("A clock of 1970 is named, not the keys")
  func clock() async throws {
    let folder = try TemporaryFolder()
    let repository = DebianRepository(
      suites: [DebianSuite(mirror: "http://127.0.0.1:1", suite: "test")],
      environment: .testing(cache: folder("cache"), now: 60))
    let error = try await #require(throws: KitError.self) {
      try await repository.newest("x", architecture: "amd64")
    }
    #expect(error.code == .unverified)
    #expect(error.message.contains("clock says 1970-01-01T00:01:00Z"))
  }
}
