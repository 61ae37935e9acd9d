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

  private static let sizeLimit = 1 << 22

  /// A user as `--user` has it: a name of the root's etc/passwd, or UID[:GID].
  /// - Throws: `KitError.missing` for a name that is not there.
  package init(argument: String, root: String) throws {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { UInt32($0) }
    let users = try Self.lines(of: "\(root)/etc/passwd")
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
        .missing, "there is no user \(argument.quoted) in \(root == "/" ? "" : root)/etc/passwd",
        advice: "give a name in it, or UID:GID")
    }
    (self.user, self.group, name, home) = (user, group, argument, entry[5])
    groups = try Self.lines(of: "\(root)/etc/group").compactMap { line in
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
  private static func lines(of path: String) throws -> [[String]] {
    guard FileTree.status(path, followingLink: true)?.kind == .file else { return [] }
    let text = String(
      decoding: try InputFile.contents(of: path, limit: sizeLimit), as: UTF8.self)
    return text.split(separator: "\n").map {
      $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    }
  }
}
