public import Formats

/// Where a kernel comes from: its packages, or a folder that they were unpacked into.
public enum KernelSource: Sendable {
  case packages([DebArchive])
  /// A folder with lib/modules/VER.
  case directory(String, KernelRelease)

  var isFolder: Bool { if case .directory = self { true } else { false } }

  /// What stands in a source, and what it is for.
  public struct Entry: Sendable {
    public var role: KernelPath
    public var kind: TarEntry.Kind
    /// Permission bits.
    public var mode: UInt32
    /// Bytes; 0 for all but files.
    public var size: Int
    /// Seconds since 1970.
    public var modified: Int
  }

  /// Hands on everything that belongs to the kernel, each entry with its bytes, which are there until
  /// the next one: from packages in their order; from a folder first the kernel and its configuration, then the
  /// modules in the order of paths, which is the one that dpkg-deb writes.
  /// - Returns: the release that all of it is for.
  /// - Throws: `KitError` when there is no kernel in it, or more than one.
  @discardableResult
  public func forEachEntry(jobs: Int, _ receive: (Entry, any ByteSource) throws -> Void) throws
    -> KernelRelease
  {
    switch self {
    case .packages(let packages): try readPackages(packages, jobs: jobs, receive)
    case .directory(let root, let release): try readDirectory(root, release, receive)
    }
  }

  private func readPackages(
    _ packages: [DebArchive], jobs: Int, _ receive: (Entry, any ByteSource) throws -> Void
  ) throws -> KernelRelease {
    var found: KernelRelease?
    for package in packages {
      var isPart = false
      try package.forEachEntry(jobs: jobs) { entry, tar in
        guard let role = try KernelPath(entry.path) else { return }
        isPart = true
        if let found, found != role.release {
          throw KitError(
            .invalid,
            "\(package.path): holds files of kernel \(role.release) beside those of \(found)",
            advice: "give the packages of one kernel")
        }
        found = role.release
        let entry = Entry(
          role: role, kind: entry.kind, mode: entry.mode, size: entry.size, modified: entry.modified
        )
        try receive(entry, tar.body)
      }
      guard isPart || packages.count > 1 else {
        throw KitError(
          .invalid,
          "\(package.path): \(package.control.package) is not a kernel package: it has neither boot/vmlinuz-* nor lib/modules/*",
          advice: "give a linux-image-*.deb")
      }
    }
    guard let found else {
      throw KitError(
        .invalid, "none of the packages holds a kernel", advice: "give a linux-image-*.deb")
    }
    return found
  }

  private func readDirectory(
    _ root: String, _ release: KernelRelease, _ receive: (Entry, any ByteSource) throws -> Void
  ) throws -> KernelRelease {
    for (path, role) in try Self.paths(ofFolder: root, release) {
      var entry = try Self.entry(at: path, role)
      var body: any ByteSource = MemorySource([])
      if entry.kind == .file {
        let file = try InputFile(path)
        entry.size = file.size
        body = file.source(0..<file.size)
      }
      try receive(entry, body)
    }
    return release
  }

  /// What a folder with lib/modules/VER, or with the configuration of a kernel without modules, has of a kernel, in
  /// the order of `forEachEntry`.
  /// - Throws: `KitError.missing` when there is no such tree.
  static func paths(
    ofFolder root: String, _ release: KernelRelease
  ) throws -> [(path: String, role: KernelPath)] {
    var found: [(path: String, role: KernelPath)] = []
    for (names, role) in [
      (KernelFolder.kernelNames, KernelPath.kernel(release)),
      (["config"], .configuration(release)),
    ] {
      if let path = KernelFolder.file(names, of: release, in: root) { found.append((path, role)) }
    }
    if try KernelFolder.releasesWithoutModules(in: root).contains(release) { return found }
    let tree = try ModuleTree(root: root, release: release).path
    found.append((tree, .moduleTree(release, "")))
    for below in try paths(in: tree) {
      let role = KernelPath(release, below: below)
      if role.isInModuleTree { found.append(("\(tree)/\(below)", role)) }
    }
    return found
  }

  /// In the order of whole paths, not folder by folder: `a-b` comes before `a/b`.
  private static func paths(in tree: String) throws -> [String] {
    var found: [String] = []
    func visit(_ folder: String, prefix: String) throws {
      let entries = try FileTree.entries(in: folder)
      let folders = entries.filter { $0.kind == .directory }.map(\.name)
      var steps = entries.map { (key: $0.name, folder: String?.none) }
      steps += folders.map { ($0 + "/", $0) }
      if !folders.isEmpty { steps.sort { $0.key.isBefore($1.key) } }
      for (key, below) in steps {
        if let below {
          try visit("\(folder)/\(below)", prefix: prefix + key)
        } else {
          found.append(prefix + key)
        }
      }
    }
    try visit(tree, prefix: "")
    return found
  }

  static func entry(at path: String, _ role: KernelPath) throws -> Entry {
    // The kernel may be a link, as in many a /boot; modules are handed on as they stand there.
    guard let status = FileTree.status(path, followingLink: !role.isInModuleTree) else {
      throw FormatError.system("can't be examined", path: path)
    }
    let kind: TarEntry.Kind =
      switch status.kind {
      case .directory: .directory
      case .symbolicLink: .symbolicLink(target: try FileTree.linkTarget(path))
      case .file: .file
      case .other: throw KitError(.invalid, "\(path): is neither file, folder nor link")
      }
    return Entry(
      role: role, kind: kind, mode: status.mode, size: kind == .file ? status.size : 0,
      modified: status.modified)
  }
}
