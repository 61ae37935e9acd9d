import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// A folder in which the real program is run: a package, a template, both lists.
struct CommandBench {
  static let release = MadeUpPackage.release

  let folder: TemporaryFolder

  /// A copy of another one.
  init(folder: TemporaryFolder) {
    self.folder = folder
  }

  init(_ package: MadeUpPackage = .kernel) throws {
    folder = try TemporaryFolder()
    try folder.write("p.deb", package.bytes)
    try folder.write("t/init", "#!/bin/busybox sh\n".utf8)
    try folder.write("t/bin/busybox", staticProgram(["sh"]))
    try FileTree.setAttributes(folder("t/init"), mode: 0o755, seconds: 1_000_000_000)
    try folder.write("modules.ramfs", "fs/x.ko\n".utf8)
    try folder.write("modules.autoload", "x\n".utf8)
    // Nothing of this machine's user has a part in it.
    try FileTree.makeDirectories(folder("home"))
  }

  /// Everything below the folder, hidden or not, with its content.
  func listing() async throws -> String {
    try await Tool.shell(
      "find . -path ./home -prune -o -printf '%p %y %m %l\\n' | sort; find . -path ./home -prune -o -type f -exec cksum {} + | sort -k3",
      in: folder.path)
  }

  /// Names of files that are not for anybody to see.
  func temporaries() async throws -> String {
    try await Tool.shell("find . -name '.minivm-*'", in: folder.path)
  }

  @discardableResult
  func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> Tool.Result {
    try await Tool.run(
      TestKit.program, arguments, in: folder.path,
      environment: ["HOME": folder("home"), "XDG_CACHE_HOME": folder("home")].merging(environment) {
        $1
      })
  }

  /// Runs the program under a shell's limits: `"$minivm" …`.
  func shell(_ script: String, environment: [String: String] = [:]) async throws -> Tool.Result {
    try await Tool.run(
      "sh", ["-uc", script], in: folder.path,
      environment: [
        "minivm": TestKit.program, "HOME": folder("home"), "XDG_CACHE_HOME": folder("home"),
      ].merging(environment) { $1 })
  }

  /// Runs a command that has to fail with one line on stderr, and to leave everything as it was.
  func expectFailure(
    _ arguments: [String], _ status: Int, _ fragments: String...,
    environment: [String: String] = [:], location: SourceLocation = #_sourceLocation
  ) async throws {
    let before = try await listing()
    let result = try await run(arguments, environment: environment)
    try await expectFailure(
      result, status, fragments, before: before, what: arguments.joined(separator: " "), location)
  }

  func expectFailure(
    _ result: Tool.Result, _ status: Int, _ fragments: [String], before: String, what: String,
    _ location: SourceLocation = #_sourceLocation
  ) async throws {
    #expect(
      result.status == status, "\(what): \(result.status) \(result.errors)",
      sourceLocation: location)
    let lines = result.errors.split(separator: "\n").filter {
      !$0.hasPrefix("minivm: warning: ")
    }
    if status != 2 {
      #expect(lines.count == 1, "\(what): \(result.errors)", sourceLocation: location)
    }
    for fragment in fragments {
      #expect(
        lines.contains { $0.contains(fragment) }, "\(what): \(result.errors)",
        sourceLocation: location)
    }
    #expect(result.output == "", sourceLocation: location)
    let after = try await listing()
    let isUnchanged = after == before
    #expect(
      isUnchanged, "\(what) left \(after), and there was \(before)", sourceLocation: location)
  }

  /// Runs the program and sends it a signal.
  /// - Parameter after: how long it may work before.
  /// - Returns: its exit code; 128 and more for a signal.
  func interrupt(
    _ arguments: [String], _ signal: Tool.Signal, after: Duration,
    environment: [String: String] = [:]
  ) async throws -> Int {
    try await Tool.interrupt(
      TestKit.program, arguments, signal, after: after, in: folder.path,
      environment: ["HOME": folder("home"), "XDG_CACHE_HOME": folder("home")].merging(environment) {
        $1
      })
  }
}
