package import Basics
internal import Formats
internal import Machines
package import Packages

/// Roots that were made once, as squashfs disks that any number of machines may share: `roots/KEY` in the cache, by
/// what they were made of.
package struct RootStore: Sendable {
  package struct Root: Sendable {
    /// The disk.
    package var path: String
    package var description: RootDescription
    /// Its etc/passwd and etc/group; nil where there are none.
    package var users: [UInt8]?
    package var groups: [UInt8]?
  }

  private static let diskName = "root.squashfs"
  private static let descriptionName = "root.json"
  private static let descriptionLimit = 1 << 26
  private static let (usersName, groupsName) = ("passwd", "group")

  private let cache: Cache
  private let clock: Clock
  private let progress: Progress
  private let jobs: Int

  /// - Parameter jobs: cores that may be at work.
  package init(_ cache: Cache, _ clock: Clock, progress: Progress, jobs: Int) {
    (self.cache, self.clock, self.progress, self.jobs) = (cache, clock, progress, jobs)
  }

  /// The root of a source, made where it is not there.
  /// - Parameter options: the format is squashfs, whatever they say.
  /// - Throws: what `RootBuilder` throws; nothing of a failed one stays.
  package func root(of source: RootSource, options: RootOptions) throws -> Root {
    var options = options
    (options.fileSystem, options.diskFormat) = (.squashfs, .raw)
    let parts = try source.layers.map { layer in
      guard let digest = layer.known.digest else {
        throw KitError(.usage, "\(layer.name): is read anew each time, and can't be kept")
      }
      return digest
    }
    let key = ResultCache.Key(
      ["root", try ProgramIdentity.digest(), options.key, source.description.name] + parts)
    let top = "\(cache.folder)/\(CacheContents.rootsFolder)"
    let folder = "\(top)/\(key.name)"
    try cache.makeFolder(top)
    return try FileTree.withDirectories(folder) {
      let lock = FolderLock(folder)
      defer { lock.unlock() }
      return try find(folder) ?? make(source, options, in: folder)
    }
  }

  private func make(
    _ source: RootSource, _ options: RootOptions, in folder: String
  ) throws -> Root {
    let output = try OutputFile(replacing: "\(folder)/\(Self.diskName)")
    var builder = RootBuilder(
      source.layers, source: source.description, options: options, jobs: jobs,
      latestTime: clock.sourceDateEpoch, now: clock.now(), level: .fast
    ) { stage, bytes in
      progress.report(stage, bytes, nil)
    }
    var description = try builder.write(to: output)
    description.file = Self.diskName
    let json = try OutputFile(replacing: "\(folder)/\(Self.descriptionName)")
    try json.write(JSON.encode(description), at: 0)
    let accounts = builder.accounts
    var files = FileTransaction()
    files.add(output, mode: 0o600)
    for (name, bytes) in [(Self.usersName, accounts.users), (Self.groupsName, accounts.groups)] {
      guard let bytes else { continue }
      let file = try OutputFile(replacing: "\(folder)/\(name)")
      try file.write(bytes, at: 0)
      files.add(file, mode: 0o600)
    }
    // Without it, the others don't count.
    files.add(json, mode: 0o600)
    try files.commit()
    return Root(
      path: output.path, description: description, users: accounts.users, groups: accounts.groups)
  }

  /// - Returns: nil where it is not there, or not as large as its description says.
  private func find(_ folder: String) throws -> Root? {
    let disk = "\(folder)/\(Self.diskName)"
    guard let status = FileTree.status(disk), status.kind == .file,
      let bytes = try? InputFile("\(folder)/\(Self.descriptionName)").readAll(
        limit: Self.descriptionLimit),
      let description = try? JSON.decode(RootDescription.self, from: bytes),
      description.size == status.size
    else { return nil }
    try? FileTree.setAttributes(folder, mode: 0o700, seconds: clock.now())
    func contents(_ name: String) -> [UInt8]? {
      try? InputFile("\(folder)/\(name)").readAll(limit: RootAccounts.sizeLimit)
    }
    return Root(
      path: disk, description: description, users: contents(Self.usersName),
      groups: contents(Self.groupsName))
  }
}

extension RootOptions {
  /// What of them has an influence on the bytes of a squashfs.
  fileprivate var key: String {
    let owner = owner.map { "\($0.user):\($0.group)" } ?? ""
    return "\(label)\0\(owner)\0\(initChoice?.rawValue ?? "")\0\(isPersistent)"
  }
}
