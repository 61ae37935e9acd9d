internal import Basics
internal import Formats
package import Modules
package import Packages

/// Unpacks the parts of a kernel package that make a VM: kernel, configuration and modules.
package struct Unpacker: Sendable {
  /// What was written.
  package struct Result: Sendable {
    /// The kernel's release.
    package var release: KernelRelease
    /// Paths in the output folder; nil for what the packages do not hold.
    package var kernel: String?
    /// Path of the kernel's configuration; nil where the packages have none.
    package var configuration: String?
    /// Path of lib/modules/VER; nil for a kernel without modules.
    package var moduleTree: String?
    /// Links that were left out since they lead out of the modules, one line each.
    package var warnings: [String] = []
  }

  private let packages: [any PackageArchive]
  private let folder: String
  private let replacesOthers: Bool

  /// - Parameters:
  ///   - folder: where `vmlinuz-VER`, `config-VER` and `lib/modules/VER` are put.
  ///   - replacesOthers: whether a `lib/modules/VER` is replaced that has more than the kernel's own modules.
  package init(
    _ packages: [any PackageArchive], into folder: String, replacesOthers: Bool = false
  ) {
    self.packages = packages
    self.folder = folder
    self.replacesOthers = replacesOthers
  }

  /// Unpacks in one pass, with modes and times. An earlier result is replaced as a whole.
  /// - Throws: `KitError.invalid` for packages of no kernel or of several, and where something beside the
  ///   kernel's own modules would be lost; `FormatError` for archives that
  ///   are damaged, unsafe or beyond a limit, and for what can't be written.
  package func run(jobs: Int) throws -> Result {
    try FileTree.withDirectories(folder) { try unpack(jobs: jobs) }
  }

  /// `lib` may be a link of a system whose programs are all in `usr`, but none that leads elsewhere.
  private func checkLinks() throws {
    for path in ["\(folder)/lib", "\(folder)/lib/modules"]
    where FileTree.status(path)?.kind == .symbolicLink {
      let root = FileTree.realPath(folder) ?? folder
      guard let target = FileTree.realPath(path),
        target.hasPrefix(root.hasSuffix("/") ? root : root + "/")
      else {
        throw KitError(
          .invalid, "\(path): is a link that leads out of \(folder)",
          advice: "remove it, or unpack into another folder")
      }
    }
  }

  /// What stands beside the kernel's own modules, such as `updates` and `extra`, is somebody's own, and would be
  /// lost with the tree that is replaced. `depmod` can make its files again.
  private func checkNothingIsLost(of tree: String, replacedBy staged: String) throws {
    func check(_ below: String) throws {
      for (name, kind) in try FileTree.entries(in: "\(tree)\(below)") {
        let path = "\(below)/\(name)"
        if path == "/kernel" || path.hasPrefix("/modules.") { continue }
        guard FileTree.status("\(staged)\(path)") != nil else {
          throw KitError(
            .invalid, "\(tree)\(path): is not in the packages, and would be lost",
            advice: "move it away, or unpack with --force")
        }
        if kind == .directory { try check(path) }
      }
    }
    guard !replacesOthers, FileTree.status(tree)?.kind == .directory else { return }
    try check("")
  }

  /// Commands that read the unpacked tree follow its links: those that lead out of it go. No command follows the
  /// ones to headers.
  /// - Returns: which went, one line each.
  private func removeLinksOut(_ links: Set<String>, in staging: StagingDirectory) -> [String] {
    var warnings: [String] = []
    for below in links.sorted(by: { $0.isBefore($1) }) {
      let path = "\(staging.path)/modules/\(below)"
      guard !ModuleTreePath.sources.contains(below), FileTree.status(path)?.kind == .symbolicLink,
        let target = try? FileTree.linkTarget(path),
        ModuleTreePath.place(ofLink: below, to: target) == nil
      else { continue }
      FileTree.remove(path)
      warnings.append(
        "\(below): left out: a link to \(target.quoted), outside the modules")
    }
    return warnings
  }

  private func unpack(jobs: Int) throws -> Result {
    try checkLinks()
    let staging = try StagingDirectory(in: folder)
    var kernelMode: UInt32?
    var configurationMode: UInt32?
    var hasModules = false
    var names = NameCollisions()
    var links: Set<String> = []
    let release = try KernelSource.packages(packages).forEachEntry(jobs: jobs) { entry, body in
      if !entry.role.isInModuleTree, entry.kind != .file { return }
      let path: String
      switch entry.role {
      case .kernel:
        path = "vmlinuz"
        kernelMode = entry.mode
      case .configuration:
        path = "config"
        configurationMode = entry.mode
      case .moduleTree(_, let below):
        path = below.isEmpty ? "modules" : "modules/\(below)"
        hasModules = true
      }
      try names.add(path) { FileTree.status("\(staging.path)/\($0)") != nil }
      switch entry.kind {
      case .directory: try staging.addDirectory(path, mode: entry.mode, modified: entry.modified)
      case .file:
        try staging.addFile(path, mode: entry.mode, modified: entry.modified, body: body)
      case .symbolicLink(let target):
        if case .moduleTree(_, let below) = entry.role { links.insert(below) }
        try staging.addLink(path, to: target, modified: entry.modified)
      case .hardLink(let earlier):
        guard case .moduleTree(_, let below)? = try KernelPath(earlier) else {
          throw FormatError(
            .malformed, "is a link to \(earlier.quoted), outside the modules", path: [path])
        }
        try staging.addHardLink(path, to: "modules/\(below)")
        if case .moduleTree(_, let below) = entry.role { links.insert(below) }
      case .characterDevice, .blockDevice, .fifo:
        throw FormatError(
          .unsupported, "is a device node, which no kernel package has", path: [path])
      }
    }
    let warnings = removeLinksOut(links, in: staging)
    try staging.seal()
    var result = Result(release: release, warnings: warnings)
    var transaction = FileTransaction()
    for (name, mode, path) in [
      ("vmlinuz", kernelMode, \Result.kernel), ("config", configurationMode, \Result.configuration),
    ] where mode != nil {
      let destination = "\(folder)/\(name)-\(release)"
      transaction.add(name, of: staging, at: destination)
      result[keyPath: path] = destination
    }
    guard hasModules else {
      try transaction.commit()
      return result
    }
    let tree = "\(folder)/lib/modules/\(release)"
    result.moduleTree = tree
    try checkNothingIsLost(of: tree, replacedBy: "\(staging.path)/modules")
    transaction.add("modules", of: staging, at: tree)
    try FileTree.withDirectories(FileTree.parent(of: tree)) { try transaction.commit() }
    return result
  }
}
