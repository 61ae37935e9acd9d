package import Basics
internal import Formats

/// Whose a command is, as a root's etc/passwd and etc/group have it.
package struct RootUser: Sendable, Hashable {
  package var user: UInt32
  package var group: UInt32
  /// Supplementary ones.
  package var groups: [UInt32]
  package var name: String
  package var home: String

  package init(user: UInt32, group: UInt32, groups: [UInt32], name: String, home: String) {
    (self.user, self.group, self.groups) = (user, group, groups)
    (self.name, self.home) = (name, home)
  }
}

/// A root's users and groups.
package struct RootAccounts: Sendable {
  package static let usersFile = "etc/passwd"
  package static let groupsFile = "etc/group"
  /// Bytes of a file that are read at most.
  package static let sizeLimit = 1 << 22

  /// For messages.
  private let place: String
  private let users: [[String]]
  private let groups: [[String]]

  /// - Parameters:
  ///   - place: the root, for messages.
  ///   - users: its etc/passwd; nil where there is none.
  ///   - groups: its etc/group.
  package init(place: String, users: [UInt8]?, groups: [UInt8]?) {
    self.place = place == "/" ? "" : place
    self.users = Self.lines(users).filter { $0.count >= 6 }
    self.groups = Self.lines(groups).filter { $0.count >= 3 }
  }

  /// Those of a folder.
  package init(folder: String) throws {
    func contents(_ path: String) throws -> [UInt8]? {
      guard FileTree.status(path, followingLink: true)?.kind == .file else { return nil }
      return try InputFile.contents(of: path, limit: Self.sizeLimit)
    }
    self.init(
      place: folder, users: try contents("\(folder)/\(Self.usersFile)"),
      groups: try contents("\(folder)/\(Self.groupsFile)"))
  }

  /// Fields of a file's lines; none where there is no such file.
  private static func lines(_ bytes: [UInt8]?) -> [[String]] {
    String(decoding: bytes ?? [], as: UTF8.self).split(separator: "\n").map {
      $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// Returns the user that `USER[:GROUP]` names, by names or numbers: OCI image specification 1.1, "OCI Image
  /// Configuration", `User`. Empty for root.
  /// - Parameter unknownGroup: the group of a number that has no line in etc/passwd.
  /// - Throws: `KitError.missing` for a name that is not there.
  package func user(
    _ argument: String, unknownGroup: (UInt32) -> UInt32 = { _ in 0 }
  ) throws(KitError) -> RootUser {
    let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts.first.map(String.init) ?? ""
    var user = try find(name.isEmpty ? "0" : name, in: argument, unknownGroup)
    guard parts.count == 2, !parts[1].isEmpty else { return user }
    user.group = try group(String(parts[1]))
    user.groups = []
    return user
  }

  private func find(
    _ name: String, in argument: String, _ unknownGroup: (UInt32) -> UInt32
  ) throws(KitError) -> RootUser {
    let number = Self.number(name)
    for line in users where line[0] == name || number != nil && UInt32(line[2]) == number {
      guard let user = UInt32(line[2]), let group = UInt32(line[3]) else { continue }
      let others = groups.compactMap { fields -> UInt32? in
        guard fields.count >= 4, fields[3].split(separator: ",").contains(line[0][...]) else {
          return nil
        }
        return UInt32(fields[2])
      }
      return RootUser(user: user, group: group, groups: others, name: line[0], home: line[5])
    }
    guard let number else {
      throw KitError(
        .missing, "there is no user \(name.quoted) in \(place)/\(Self.usersFile)",
        advice: "give a name in it, or UID:GID")
    }
    return RootUser(
      user: number, group: unknownGroup(number), groups: [], name: name, home: "/")
  }

  private func group(_ name: String) throws(KitError) -> UInt32 {
    let number = Self.number(name)
    for line in groups where line[0] == name || number != nil && UInt32(line[2]) == number {
      if let group = UInt32(line[2]) { return group }
    }
    guard let number else {
      throw KitError(
        .missing, "there is no group \(name.quoted) in \(place)/\(Self.groupsFile)",
        advice: "give a name in it, or a number")
    }
    return number
  }

  /// Whether a user is named by numbers alone.
  package static func isNumbers(_ argument: String) -> Bool {
    argument.split(separator: ":").allSatisfy { number(String($0)) != nil }
  }

  /// A number of digits alone; -1 stands for nobody's.
  private static func number(_ text: String) -> UInt32? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt32(text),
      number != .max
    else { return nil }
    return number
  }
}
