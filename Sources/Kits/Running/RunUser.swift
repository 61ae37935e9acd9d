internal import Glibc

extension RootUser {
  /// Who runs this program.
  package static func current(variables: [String: String]) -> RootUser {
    var groups = [gid_t](repeating: 0, count: 1024)
    let count = unsafe getgroups(Int32(groups.count), &groups)
    let entry = unsafe getpwuid(getuid())
    let name =
      unsafe entry.flatMap { unsafe $0.pointee.pw_name }.map { unsafe String(cString: $0) }
    let home = unsafe entry.flatMap { unsafe $0.pointee.pw_dir }.map { unsafe String(cString: $0) }
    return RootUser(
      user: getuid(), group: getgid(), groups: Array(groups.prefix(max(0, Int(count)))),
      name: name ?? variables["USER"] ?? "\(getuid())", home: variables["HOME"] ?? home ?? "/")
  }
}
