internal import Basics
package import Formats
package import Modules
package import Packages

/// Where a kernel comes from: its packages, of whichever format, or a folder that they were unpacked into.
package enum KernelSource: Sendable {
  case packages([any PackageArchive])
  /// A folder with lib/modules/VER.
  case directory(String, KernelRelease)

  var isFolder: Bool { if case .directory = self { true } else { false } }

  /// What stands in a source, and what it is for.
  package struct Entry: Sendable {
    /// What the entry is of the kernel.
    package var role: KernelPath
    /// Whether it is a file, a folder, a link or a device.
    package var kind: TarEntry.Kind
    /// Permission bits.
    package var mode: UInt32
    /// Bytes; 0 for all but files.
    package var size: Int
    /// Seconds since 1970.
    package var modified: Int
  }

  /// Hands on everything that belongs to the kernel, each entry with its bytes, which are there until
  /// the next one: from packages in their order; from a folder first the kernel and its configuration, then the
  /// modules in the order of paths, which is the one that dpkg-deb writes. A folder's links are followed: what
  /// they lead to is handed on.
  /// - Parameter warn: takes what was left out of a folder, one line each.
  /// - Returns: the release that all of it is for.
  /// - Throws: `KitError` when there is no kernel in it, or more than one.
  @discardableResult
  package func forEachEntry(
    jobs: Int, warn: (String) -> Void = { _ in }, _ receive: (Entry, any ByteSource) throws -> Void
  ) throws -> KernelRelease {
    switch self {
    case .packages(let packages): try readPackages(packages, jobs: jobs, receive)
    case .directory(let root, let release): try readDirectory(root, release, warn, receive)
    }
  }

  private func readPackages(
    _ packages: [any PackageArchive], jobs: Int, _ receive: (Entry, any ByteSource) throws -> Void
  ) throws -> KernelRelease {
    var found: KernelRelease?
    for package in packages {
      var isPart = false
      try package.walk(jobs: jobs) { entry, body in
        guard let role = try KernelPath(entry.path) else { return }
        isPart = true
        if let found, found != role.release {
          throw KitError(
            .invalid,
            "\(package.path): has files of kernel \(role.release) besides those of \(found)",
            advice: "give the packages of one kernel")
        }
        found = role.release
        let entry = Entry(
          role: role, kind: entry.kind, mode: entry.mode, size: entry.size, modified: entry.modified
        )
        try receive(entry, body)
      }
      guard isPart || packages.count > 1 else {
        throw KitError(
          .invalid,
          "\(package.path): \(package.identity.name) is not a kernel package: it has neither boot/vmlinuz-* nor lib/modules/*",
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
    _ root: String, _ release: KernelRelease, _ warn: (String) -> Void,
    _ receive: (Entry, any ByteSource) throws -> Void
  ) throws -> KernelRelease {
    for (path, role) in try Self.paths(ofFolder: root, release, warn: warn) {
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
  /// - Parameter warn: takes what was left out, one line each.
  /// - Throws: `KitError.missing` when there is no such tree.
  static func paths(
    ofFolder root: String, _ release: KernelRelease, warn: (String) -> Void
  ) throws -> [(path: String, role: KernelPath)] {
    var found: [(path: String, role: KernelPath)] = []
    for (names, role) in [
      (KernelFolder.kernelNames, KernelPath.kernel(release)),
      (["config"], .configuration(release)),
    ] {
      if let path = KernelFolder.file(names, of: release, in: root) { found.append((path, role)) }
    }
    if try KernelFolder.releasesWithoutModules(in: root).contains(release) { return found }
    let tree = try ModuleTree(root: root, release: release)
    found.append((tree.path, .moduleTree(release, "")))
    let omissions = try tree.forEachEntry { below, _ in
      let role = KernelPath(release, below: below)
      if role.isInModuleTree { found.append(("\(tree.path)/\(below)", role)) }
    }
    omissions.forEach(warn)
    return found
  }

  static func entry(at path: String, _ role: KernelPath) throws -> Entry {
    // The kernel may be a link, as in many a /boot, and so may a developer's modules.
    guard let status = FileTree.status(path, followingLink: true) else {
      throw FormatError.system("can't be examined", path: path)
    }
    let kind: TarEntry.Kind =
      switch status.kind {
      case .directory: .directory
      case .file: .file
      case .symbolicLink, .other:
        throw KitError(.invalid, "\(path): is neither a file nor a folder")
      }
    return Entry(
      role: role, kind: kind, mode: status.mode, size: kind == .file ? status.size : 0,
      modified: status.modified)
  }
}
