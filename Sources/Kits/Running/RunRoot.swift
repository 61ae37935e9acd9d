internal import Basics
package import Formats
internal import Machines
package import Packages

/// The guest's root: a folder, a disk image, or what a tar archive or a container image holds, which is kept as a
/// squashfs disk.
package struct RunRoot {
  package let share: RunShare
  /// What a container image says of its command; nil for other roots.
  package let command: RootCommand?
  /// What tells this root from others, for a disk with changes to it.
  package let identity: String
  /// Of a root in the store.
  private let stored: RootStore.Root?

  private init(_ share: RunShare) {
    (self.share, command, stored) = (share, nil, nil)
    identity = FileTree.realPath(share.host) ?? share.host
  }

  private init(_ argument: String, _ source: RootSource, _ store: RootStore) throws {
    var options = RootOptions()
    // The agent is the init.
    options.initChoice = RootOptions.Init.none
    let root = try store.root(of: source, options: options)
    let image = RunImage(root.path, format: .raw, fileSystem: "squashfs")
    (share, stored) = (RunShare(argument, image), root)
    command = source.description.image.map { RootCommand($0.process) }
    identity = root.description.uuid ?? root.path
  }

  /// Finds what `--root` names: a folder, a disk image, a tar archive or a container image.
  /// - Parameters:
  ///   - architecture: which of an image's is taken.
  ///   - access: the network and logins for an image, and a folder for what is needed while a root is made.
  /// - Throws: `KitError` for what is not there or no root, `FormatError` for what can't be read.
  package init(
    argument: String, architecture: Architecture, store: RootStore, access: ImageAccess
  ) throws {
    let isThere = FileTree.status(argument, followingLink: true) != nil
    let isImage =
      try ImageReference.detect(path: argument) != nil || !isThere && argument.contains(":")
    guard isThere || isImage else {
      throw KitError(
        .missing, "\(argument): no such folder or file",
        advice: "give a folder, a disk image, a tar archive or a container image with a root")
    }
    if isImage {
      try self.init(
        image: argument, architecture: architecture, store: store, access: access)
    } else if FileTree.isDirectory(argument) {
      self.init(try RunShare(argument, at: "/", isReadOnly: true))
    } else if try !FileTree.isBlockDevice(argument) && RootSource.isArchive(argument) {
      let source = try RootSource(
        argument, architecture: architecture, access: access)
      try self.init(argument, source, store)
    } else {
      self.init(RunShare(argument, try RunImage(detecting: argument)))
    }
  }

  /// Finds what `--image` names.
  /// - Throws: as the other one.
  package init(
    image argument: String, architecture: Architecture, store: RootStore, access: ImageAccess
  ) throws {
    let image = try ImageReference(argument: argument).image(
      architecture: architecture, access: access)
    try self.init(argument, RootSource(image, jobs: access.jobs), store)
  }

  // MARK: - Users

  /// A user as `--user` has it: names of the root's etc/passwd and etc/group, or numbers.
  /// - Throws: `KitError.missing` for a name that is not there.
  package func user(_ argument: String) throws -> RootUser {
    guard !argument.isEmpty else {
      throw KitError(.usage, "--user is empty", advice: "give NAME or UID[:GID]")
    }
    let accounts = try accounts(hasNames: !RootAccounts.isNumbers(argument))
    // Container engines give a number without a line the group 0.
    return command != nil
      ? try accounts.user(argument) : try accounts.user(argument, unknownGroup: { $0 })
  }

  /// The user of a container image.
  package func user(of command: RootCommand) throws -> RootUser {
    try accounts(hasNames: true).user(command.user)
  }

  /// - Parameter hasNames: whether names are wanted, which may be where they can't be read.
  private func accounts(hasNames: Bool) throws -> RootAccounts {
    if let stored {
      return RootAccounts(place: share.host, users: stored.users, groups: stored.groups)
    }
    guard let image = share.image else { return try RootAccounts(folder: share.host) }
    func contents(_ path: String) throws -> [UInt8]? {
      try image.contents(of: path, limit: RootAccounts.sizeLimit)
    }
    if !hasNames {
      return RootAccounts(
        place: share.host, users: try? contents(RootAccounts.usersFile), groups: nil)
    }
    return try inside(share.host) {
      RootAccounts(
        place: share.host, users: try contents(RootAccounts.usersFile),
        groups: try contents(RootAccounts.groupsFile))
    }
  }
}
