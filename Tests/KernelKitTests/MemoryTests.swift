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
