import Glibc
import Subprocess
import SystemPackage

/// Programs that judge what we write. One that is missing fails the test that needs it.
package enum Tool {
  package struct Result: Sendable {
    /// The exit code; 128 and more for a signal.
    package var status: Int
    package var output: String
    package var errors: String
  }

  /// Runs a program and waits for it.
  /// - Parameters:
  ///   - folder: where it runs.
  ///   - environment: variables that are added to, or set in, this process's.
  package static func run(
    _ program: String, _ arguments: [String], in folder: String? = nil, input: [UInt8] = [],
    environment: [String: String] = [:]
  ) async throws -> Result {
    // Where Debian keeps the tools for file systems and modules; not on every user's path.
    let path = [Variables["PATH"], "/usr/sbin:/sbin"].compactMap { $0 }.joined(separator: ":")
    let variables = ["PATH": path].merging(environment) { $1 }.reduce(
      into: [Environment.Key: String?]()
    ) {
      $0[Environment.Key(stringLiteral: $1.key)] = $1.value
    }
    let result = try await Subprocess.run(
      program.contains("/") ? .path(FilePath(program)) : .name(program),
      arguments: Arguments(arguments),
      environment: Environment.inherit.updating(["PATH": path]).updating(variables),
      workingDirectory: folder.map { FilePath($0) },
      input: .array(input),
      output: .bytes(limit: 1 << 28), error: .bytes(limit: 1 << 24))
    let status =
      switch result.terminationStatus {
      case .exited(let code): Int(code)
      case .signaled(let number): 128 + Int(number)
      }
    return Result(
      status: status, output: String(decoding: result.standardOutput, as: UTF8.self),
      errors: String(decoding: result.standardError, as: UTF8.self))
  }

  package enum Signal: Sendable, Hashable, CaseIterable {
    case interrupt, terminate, hangup, kill

    /// The system's number.
    package var number: Int {
      switch self {
      case .interrupt: 2
      case .terminate: 15
      case .hangup: 1
      case .kill: 9
      }
    }
  }

  /// Runs a program and sends it a signal, unless it ends before.
  /// - Returns: its exit code; 128 and more for a signal.
  package static func interrupt(
    _ program: String, _ arguments: [String], _ signal: Signal, after: Duration, in folder: String,
    environment: [String: String] = [:]
  ) async throws -> Int {
    let variables = environment.reduce(into: [Environment.Key: String?]()) {
      $0[Environment.Key(stringLiteral: $1.key)] = $1.value
    }
    let result = try await Subprocess.run(
      .path(FilePath(program)), arguments: Arguments(arguments),
      environment: Environment.inherit.updating(variables), workingDirectory: FilePath(folder),
      input: .none, output: .discarded, error: .discarded
    ) { execution in
      try await Task.sleep(for: after)
      let signal: Subprocess.Signal =
        switch signal {
        case .interrupt: .interrupt
        case .terminate: .terminate
        case .hangup: .terminalClosed
        case .kill: .kill
        }
      try? execution.send(signal: signal)
    }
    return switch result.terminationStatus {
    case .exited(let code): Int(code)
    case .signaled(let number): 128 + Int(number)
    }
  }

  /// Runs a program that has to succeed.
  /// - Returns: what it wrote to stdout.
  @discardableResult
  package static func output(
    _ program: String, _ arguments: [String], in folder: String? = nil, input: [UInt8] = [],
    environment: [String: String] = [:]
  ) async throws -> String {
    let result = try await run(
      program, arguments, in: folder, input: input, environment: environment)
    guard result.status == 0 else {
      throw ToolFailure(
        description: "\(program) \(arguments.joined(separator: " ")): "
          + "\(result.status)\n\(result.output)\(result.errors)")
    }
    return result.output
  }

  /// Runs lines of shell script that have to succeed.
  @discardableResult
  package static func shell(
    _ script: String, in folder: String, environment: [String: String] = [:]
  ) async throws -> String {
    try await output("sh", ["-euc", script], in: folder, environment: environment)
  }
}

package struct ToolFailure: Error, CustomStringConvertible {
  package let description: String
}
