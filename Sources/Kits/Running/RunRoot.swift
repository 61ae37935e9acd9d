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

  /// A user as `--user` has it: a name of the root's etc/passwd, or UID[:GID].
  /// - Throws: `KitError.missing` for a name that is not there.
  package func user(_ argument: String) throws -> RunUser {
    guard let image = share.image else { return try RunUser(argument: argument, root: share.host) }
    let limit = RunUser.sizeLimit
    // Numbers do without names that can't be read.
    if argument.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ":") }) {
      return try RunUser(
        argument: argument, place: share.host,
        users: try? image.contents(of: RunUser.usersFile, limit: limit), groups: nil)
    }
    return try inside(share.host) {
      try RunUser(
        argument: argument, place: share.host,
        users: image.contents(of: RunUser.usersFile, limit: limit),
        groups: image.contents(of: RunUser.groupsFile, limit: limit))
    }
  }
}
