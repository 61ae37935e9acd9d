internal import Basics
internal import Formats
internal import Glibc

/// Whose command it is.
package struct RunUser: Sendable, Hashable {
  package var user: UInt32
  package var group: UInt32
  /// Supplementary ones.
  package var groups: [UInt32]
  package var name: String
  package var home: String

  /// Who runs this program.
  package static func current(variables: [String: String]) -> RunUser {
    var groups = [gid_t](repeating: 0, count: 1024)
    let count = unsafe getgroups(Int32(groups.count), &groups)
    let entry = unsafe getpwuid(getuid())
    let name =
      unsafe entry.flatMap { unsafe $0.pointee.pw_name }.map { unsafe String(cString: $0) }
    let home = unsafe entry.flatMap { unsafe $0.pointee.pw_dir }.map { unsafe String(cString: $0) }
    return RunUser(
      user: getuid(), group: getgid(), groups: Array(groups.prefix(max(0, Int(count)))),
      name: name ?? variables["USER"] ?? "\(getuid())", home: variables["HOME"] ?? home ?? "/")
  }

  static let sizeLimit = 1 << 22

  /// A user as `--user` has it: a name of the root's etc/passwd, or UID[:GID].
  /// - Throws: `KitError.missing` for a name that is not there.
  package init(argument: String, root: String) throws {
    try self.init(
      argument: argument, place: root, users: Self.contents(of: "\(root)/\(Self.usersFile)"),
      groups: Self.contents(of: "\(root)/\(Self.groupsFile)"))
  }

  static let usersFile = "etc/passwd"
  static let groupsFile = "etc/group"

  /// - Returns: nil where there is no such file.
  static func contents(of path: String) throws -> [UInt8]? {
    guard FileTree.status(path, followingLink: true)?.kind == .file else { return nil }
    return try InputFile.contents(of: path, limit: sizeLimit)
  }

  /// - Parameters:
  ///   - place: the root, for messages.
  ///   - users: its etc/passwd; nil where there is none.
  ///   - groups: its etc/group.
  init(argument: String, place: String, users: [UInt8]?, groups lists: [UInt8]?) throws {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { UInt32($0) }
    let users = Self.lines(users)
    if numbers.count == parts.count, (1...2).contains(numbers.count) {
      let entry = users.first { $0.count >= 6 && UInt32($0[2]) == numbers[0] }
      user = numbers[0]
      group = numbers.count == 2 ? numbers[1] : entry.flatMap { UInt32($0[3]) } ?? numbers[0]
      groups = []
      name = entry?[0] ?? argument
      home = entry?[5] ?? "/"
      return
    }
    guard let entry = users.first(where: { $0.count >= 6 && $0[0] == argument }),
      let user = UInt32(entry[2]), let group = UInt32(entry[3])
    else {
      throw KitError(
        .missing, "there is no user \(argument.quoted) in \(place == "/" ? "" : place)/etc/passwd",
        advice: "give a name in it, or UID:GID")
    }
    (self.user, self.group, name, home) = (user, group, argument, entry[5])
    groups = Self.lines(lists).compactMap { line in
      guard line.count >= 4, line[3].split(separator: ",").contains(where: { $0 == argument })
      else { return nil }
      return UInt32(line[2])
    }
  }

  private init(user: UInt32, group: UInt32, groups: [UInt32], name: String, home: String) {
    (self.user, self.group, self.groups) = (user, group, groups)
    (self.name, self.home) = (name, home)
  }

  /// Fields of a file's lines; none where there is no such file.
  private static func lines(_ bytes: [UInt8]?) -> [[String]] {
    String(decoding: bytes ?? [], as: UTF8.self).split(separator: "\n").map {
      $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    }
  }
}
