internal import Basics
internal import Formats
internal import Machines

/// What `--root` names: a folder, a disk image or a tar archive.
package struct RunRoot {
  package let share: RunShare

  /// - Parameter folder: for an image that is made of an archive.
  /// - Throws: `KitError` for what is not there or no root, `FormatError` for what can't be read.
  package init(argument: String, temporaryFolder folder: String, jobs: Int) throws {
    guard FileTree.status(argument, followingLink: true) != nil else {
      throw KitError(
        .missing, "\(argument): no such folder or file",
        advice: "give a folder, a disk image or a tar archive with a root")
    }
    if FileTree.isDirectory(argument) {
      share = try RunShare(argument, at: "/", isReadOnly: true)
      return
    }
    if !FileTree.isBlockDevice(argument), let archive = try RootArchive.open(argument) {
      let path = "\(folder)/root.raw"
      try archive.write(to: path, jobs: jobs)
      share = RunShare(argument, RunImage(path, format: .raw, fileSystem: "ext4"))
      return
    }
    share = RunShare(argument, try RunImage(detecting: argument))
  }

  /// A user as `--user` has it: names of the root's etc/passwd and etc/group, or numbers.
  /// - Throws: `KitError.missing` for a name that is not there.
  package func user(_ argument: String) throws -> RootUser {
    guard !argument.isEmpty else {
      throw KitError(.usage, "--user is empty", advice: "give NAME or UID[:GID]")
    }
    return try accounts(hasNames: !RootAccounts.isNumbers(argument)).user(argument) { $0 }
  }

  /// - Parameter hasNames: whether names are wanted, which may be where they can't be read.
  private func accounts(hasNames: Bool) throws -> RootAccounts {
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
