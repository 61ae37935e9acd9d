import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// kmod's own tools on a module tree in a temporary folder that goes away with this value.
///
/// They are those of the tests' cache: what is written is compared with what that version writes,
/// also on machines with a later one.
final class DepmodOracle {
  /// What both depmods write.
  static let fileNames = [
    "dep", "dep.bin", "alias", "alias.bin", "softdep", "symbols", "symbols.bin", "builtin.bin",
    "builtin.alias.bin", "devname",
  ].map { "modules.\($0)" }

  let release: KernelRelease
  let tree: String
  private let folder: TemporaryFolder
  private let libraries: String
  var root: String { folder.path }

  init(release: String = "1.0-test") throws {
    folder = try TemporaryFolder()
    self.release = try KernelRelease(release)
    tree = folder("lib/modules/\(release)")
    try FileTree.makeDirectories(tree)
    // kmod is the tool that it is called as.
    try FileTree.makeDirectories(folder("tools"))
    for name in ["depmod", "modprobe"] {
      try FileTree.makeLink(folder("tools/\(name)"), to: "\(TestCache.tree("kmod"))/bin/kmod")
    }
    libraries = try TestCache.tree("libkmod") + "/usr/lib/x86_64-linux-gnu"
  }

  func write(_ bytes: [UInt8], to path: String) throws {
    try folder.write(path.hasPrefix("/") ? path : "lib/modules/\(release)/\(path)", bytes)
  }

  func read(_ name: String) -> [UInt8]? {
    try? folder.read("lib/modules/\(release)/\(name)")
  }

  /// Runs depmod over the tree. No rules but those given.
  /// - Returns: its exit code.
  @discardableResult
  func depmod(rules: String = "") async throws -> Int {
    let rules = try folder.write("rules.conf", rules.utf8)
    return try await run("depmod -C \(rules) -b \(root) \(release)").status
  }

  /// Runs a line of shell script in which `depmod` and `modprobe` are those of the cache.
  func run(_ script: String) async throws -> Tool.Result {
    try await Tool.run(
      "sh", ["-c", "PATH=\(folder("tools")):$PATH; \(script)"],
      environment: ["LC_ALL": "C", "LD_LIBRARY_PATH": libraries])
  }

  /// An oracle over the modules of a kernel package in the tests' cache, which stay where they are.
  static func ofPackage(_ name: String) throws -> DepmodOracle {
    let modules = try ModuleTree(cached: name)
    let oracle = try DepmodOracle(release: modules.release.description)
    for name in ["kernel", "modules.order", "modules.builtin", "modules.builtin.modinfo"] {
      try FileTree.makeLink("\(oracle.tree)/\(name)", to: "\(modules.path)/\(name)")
    }
    return oracle
  }
}

extension ModuleTree {
  /// The modules of a kernel package in the tests' cache.
  init(cached name: String) throws {
    let folder = try TestCache.tree(name)
    try self.init(root: folder, release: KernelRelease(TestCache.release(in: folder)))
  }

  func index(
    _ configuration: DepmodConfiguration = DepmodConfiguration(), jobs: Int = 2
  ) throws -> ModuleIndex {
    try ModuleIndex(
      modules(configuration, jobs: jobs), lists: lists(),
      configuration: configuration)
  }
}
