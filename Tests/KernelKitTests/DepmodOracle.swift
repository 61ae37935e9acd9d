import Foundation
import Testing

/// The system's own tools on module trees in a temporary folder that goes away with this value.
final class DepmodOracle {
  /// What both depmods write.
  static let fileNames = [
    "dep", "dep.bin", "alias", "alias.bin", "softdep", "symbols", "symbols.bin", "builtin.bin",
    "builtin.alias.bin", "devname",
  ].map { "modules.\($0)" }

  let root: String
  let release: String
  var tree: String { "\(root)/lib/modules/\(release)" }

  init(release: String = "1.0-test") throws {
    root = FileManager.default.temporaryDirectory.path + "/minivm-depmod-\(UUID().uuidString)"
    self.release = release
    try FileManager.default.createDirectory(atPath: tree, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: root)
  }

  func write(_ bytes: [UInt8], to path: String) throws {
    let path = path.hasPrefix("/") ? path : "\(tree)/\(path)"
    let folder = (path as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  func read(_ name: String) -> [UInt8]? {
    FileManager.default.contents(atPath: "\(tree)/\(name)").map { Array($0) }
  }

  /// Runs kmod's depmod over the tree. No rules but those given.
  @discardableResult
  func depmod(rules: String = "") throws -> Int32 {
    try write(Array(rules.utf8), to: "\(root)/rules.conf")
    return try Self.run(["depmod", "-C", "\(root)/rules.conf", "-b", root, release]).status
  }

  /// - Throws: when the tool is not there: tests fail without it.
  static func run(_ command: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    // env(1): 127 when there is no such command.
    try #require(process.terminationStatus != 127, "\(command[0]) is not installed")
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }

  /// An oracle over the modules of a kernel package in the tests' cache, which stay where they are.
  static func ofPackage(_ name: String) throws -> DepmodOracle {
    let modules = try packageFolder(name)
    let release = try #require(FileManager.default.contentsOfDirectory(atPath: modules).first)
    let oracle = try DepmodOracle(release: release)
    for name in ["kernel", "modules.order", "modules.builtin", "modules.builtin.modinfo"] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(oracle.tree)/\(name)", withDestinationPath: "\(modules)/\(release)/\(name)")
    }
    return oracle
  }

  /// `lib/modules` of an unpacked kernel package.
  static func packageFolder(_ name: String) throws -> String {
    let environment = ProcessInfo.processInfo.environment
    let cache =
      environment["MINIVM_TEST_CACHE"] ?? NSHomeDirectory() + "/.cache/minivm-tests"
    let folder = "\(cache)/\(name)/lib/modules"
    try #require(
      FileManager.default.fileExists(atPath: folder), "\(folder) is not there: scripts/test-cache")
    return folder
  }
}
