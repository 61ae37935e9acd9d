internal import Basics
internal import Formats
internal import Glibc
internal import Machines

/// A virtiofsd of this machine: QEMU's former one in C, or its successor in Rust.
///
/// A guest's `ro` protects nothing: its root mounts the share anew. So what is read-only is read-only on
/// this side. For root, the server sees nothing but a read-only mount of the folder, in a mount
/// namespace of its own; otherwise it is told with `--readonly`, which only the one in Rust knows.
struct Virtiofsd {
  let path: String
  let isRust: Bool
  /// Options that it knows, as its help has them.
  private let help: String

  /// Where distributions have it, the successor first.
  private static let places = [
    "/usr/libexec/virtiofsd", "/usr/lib/virtiofsd", "/usr/lib/qemu/virtiofsd",
    "/usr/libexec/qemu/virtiofsd",
  ]

  /// What does for this user.
  /// - Parameter path: of the command search.
  /// - Returns: nil where there is none; the reason where the user can't use the one that is there.
  static func find(path: String) -> (server: Virtiofsd?, problem: String?) {
    let own = path.split(separator: ":").map { "\($0)/virtiofsd" }
    let isRoot = getuid() == 0
    var problem: String?
    for place in own + places where unsafe access(place, X_OK) == 0 && place.hasPrefix("/") {
      guard let help = try? ChildProcess.says(place, ["--help"]) else { continue }
      let server = Virtiofsd(path: place, isRust: help.contains("--shared-dir"), help: help)
      if isRoot || server.isRust && help.contains("--readonly") { return (server, nil) }
      problem = "\(place) can't serve read-only for an ordinary user"
    }
    return (nil, problem)
  }

  /// - Parameters:
  ///   - socket: a socket that listens.
  ///   - place: an empty folder, for root.
  func start(_ share: RunShare, socket: Int32, place: String) throws(KitError) -> ChildProcess {
    let isRoot = getuid() == 0
    // This machine's devices, and processes with their variables, are nothing to be looked at.
    let hidden = share.host == "/" ? ["proc", "sys", "dev", "run"].map { "\(place)/\($0)" } : []
    let view =
      isRoot
      ? ChildProcess.View(
        folder: share.host, place: place, isReadOnly: share.isReadOnly, hidden: hidden) : nil
    let folder = isRoot ? place : share.host
    // Nothing changes below a root that the guest changes in RAM.
    let cache = share.isReadOnly ? "always" : "auto"
    guard isRust else {
      return try ChildProcess(
        path,
        [
          "--fd=\(socket)", "-o", "source=\(folder)", "-o", "sandbox=namespace", "-o",
          "cache=\(cache)", "-o", "log_level=err",
        ], kept: [socket], view: view)
    }
    var arguments = [
      "--fd=\(socket)", "--shared-dir", folder, "--sandbox", isRoot ? "chroot" : "none",
      "--cache", cache, "--log-level", "error",
    ]
    if share.isReadOnly, help.contains("--readonly") { arguments.append("--readonly") }
    if help.contains("--no-announce-submounts") { arguments.append("--no-announce-submounts") }
    return try ChildProcess(path, arguments, kept: [socket], view: view)
  }

  /// The command for a person to read.
  func description(_ share: RunShare) -> String {
    isRust
      ? "\(path) --shared-dir \(share.host.shellQuoted)\(share.isReadOnly ? " --readonly" : "")"
      : "\(path) -o source=\(share.host.shellQuoted)\(share.isReadOnly ? "  # read-only mount" : "")"
  }
}
