package import Packages

/// What runs in a root: a container image's configuration, or what a user says instead. OCI image specification 1.1,
/// "OCI Image Configuration", `config`.
package struct RootCommand: Codable, Sendable, Hashable {
  package var entrypoint: [String] = []
  /// Arguments of the entry point, or the whole command where there is none.
  package var cmd: [String] = []
  /// `NAME=VALUE`.
  package var env: [String] = []
  /// Empty for `/`.
  package var workingDir = ""
  /// `USER[:GROUP]`, by names or numbers; empty for root.
  package var user = ""
  /// `SIGTERM`, `TERM`, `15`; nil for SIGTERM.
  package var stopSignal: String?
  /// `PORT/PROTOCOL`.
  package var exposedPorts: [String] = []
  package var volumes: [String] = []

  package init() {}

  package init(_ process: ImageConfiguration.Process) {
    (entrypoint, cmd, env) = (process.entrypoint, process.command, process.environment)
    (workingDir, user) = (process.workingFolder, process.user)
    stopSignal = process.stopSignal
    (exposedPorts, volumes) = (process.exposedPorts, process.volumes)
  }

  /// The whole command.
  package var words: [String] { entrypoint + cmd }

  /// The working folder: absolute, without `.` and `..`.
  package var folder: String {
    var names: [Substring] = []
    for name in workingDir.split(separator: "/") where name != "." {
      if name != ".." { names.append(name) } else { _ = names.popLast() }
    }
    return "/" + names.joined(separator: "/")
  }

  /// Where programs are looked for if the image does not say: as container engines have it.
  package static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// The command's variables, with those that every command has.
  package func variables(for user: RootUser) -> [String] {
    var variables = env
    for (name, value) in [("PATH", Self.defaultPath), ("HOME", user.home)]
    where !env.contains(where: { $0.hasPrefix("\(name)=") }) {
      variables.append("\(name)=\(value)")
    }
    return variables
  }

  /// The number of the signal that asks the command to end; nil for a name that Linux does not have. signal(7), in
  /// the order of their numbers.
  package var stopSignalNumber: UInt32? {
    guard let stopSignal, !stopSignal.isEmpty else { return 15 }
    if let number = UInt32(stopSignal) { return (1...64).contains(number) ? number : nil }
    let name = stopSignal.uppercased()
    let short = name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name
    if let number = Self.signals.firstIndex(of: short) { return UInt32(number + 1) }
    for (start, base, sign) in [("RTMIN", 34, 1), ("RTMAX", 64, -1)] where short.hasPrefix(start) {
      let rest = short.dropFirst(start.count)
      let offset = rest.isEmpty ? 0 : Int(rest)
      guard let offset, offset * sign >= 0, (34...64).contains(base + offset) else { return nil }
      return UInt32(base + offset)
    }
    return nil
  }

  private static let signals = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
  ]
}
