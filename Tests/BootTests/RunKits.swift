import Formats
import TestSupport

/// Kits that tests of `minivm run` share, and a command on one of them.
enum RunKits {
  private static let folder = Result { try TemporaryFolder() }
  private static let cloud = Result { try make("cloud") }
  private static let full = Result { try make("full") }
  private static let cloud612 = Result { try make("cloud-6.12") }

  /// Returns the folder of a kit of the 6.1 cloud kernel.
  static func cloudKit() throws -> String { try cloud.get() }
  /// Returns the folder of a kit of the generic 6.1 kernel, which has 9p.
  static func fullKit() throws -> String { try full.get() }

  /// Returns the folder of a kit of a kernel of the tests' cache: `cloud`, `cloud-6.12`, `full`.
  static func kit(of tree: String) throws -> String {
    switch tree {
    case "cloud": try cloud.get()
    case "cloud-6.12": try cloud612.get()
    default: try full.get()
    }
  }

  private static func make(_ name: String) throws -> String {
    let folder = try folder.get()
    let template = try TestKit.makeTemplate(folder)
    try TestKit.build(name, template: template, to: folder(name))
    return folder(name)
  }

  /// Runs a command on the cloud kernel, once there is room for one more guest.
  /// - Parameter options: those before the command.
  static func run(
    _ command: [String], _ options: [String] = [], kit: String? = nil, in folder: TemporaryFolder,
    environment: [String: String] = [:]
  ) async throws -> Tool.Result {
    let kit = try kit ?? cloudKit()
    let path = folder.path
    return try await BootSlots.shared.use {
      try await Tool.run(
        TestKit.program,
        ["run", kit, "--accel", "tcg"]
          + (options.contains("--timeout") ? [] : ["--timeout", "300"])
          + options + ["--"] + command,
        in: path, environment: environment)
    }
  }

  /// Runs lines of shell script that have to succeed, with `$run` for `minivm run` on the cloud kernel.
  static func shell(_ script: String, in folder: TemporaryFolder) async throws {
    let run = "\(TestKit.program) run \(try cloudKit()) --accel tcg --timeout 300"
    let path = folder.path
    try await BootSlots.shared.use {
      _ = try await Tool.shell("run='\(run)'\n\(script)", in: path)
    }
  }
}
