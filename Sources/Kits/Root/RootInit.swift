internal import Basics
internal import CGuest
package import Formats
internal import Machines

/// The guest's program as the init of a root, and its job: to run the root's command and end the machine with it.
package struct RootInit {
  package enum Content: Sendable {
    case folder
    case file([UInt8])
    /// A symbolic link.
    case link(String)
  }

  package struct File: Sendable {
    package var path: String
    package var mode: UInt16
    package var content: Content

    init(_ path: String, _ mode: UInt16, _ content: Content) {
      (self.path, self.mode, self.content) = (path, mode, content)
    }
  }

  /// The init's path in a root.
  static let path = "sbin/init"
  /// Its file's name, by which a RAM disk knows that it looks before it mounts.
  private static let programName = "minivm-init"
  private static let folder = "etc/minivm"

  /// What takes the place of anything of the root.
  package let files: [File]
  /// What is added where the root does not have it.
  package let additions: [File]

  /// - Parameters:
  ///   - architecture: that of the root's programs.
  ///   - passwd: the root's etc/passwd; nil where there is none.
  ///   - group: the root's etc/group.
  ///   - isPersistent: whether what the network needs is written to the root's disk.
  /// - Throws: `KitError` for a command that can't be run: without words, of a user that the root does not have.
  package init(
    command: RootCommand, architecture: Architecture, passwd: [UInt8]?, group: [UInt8]?,
    isPersistent: Bool = false
  ) throws {
    guard let program = Self.program(for: architecture) else {
      throw KitError(
        .invalid,
        "this minivm was built without its guest's program for \(architecture.rawValue)",
        advice: "run `scripts/build-guest` and build it again, or use --init none")
    }
    let longest = command.folder.split(separator: "/").map(\.utf8.count).max() ?? 0
    guard longest <= ArchivePath.nameLimit, command.folder.utf8.count <= 4000 else {
      throw KitError(
        .invalid, "the root's command has a working folder whose name is too long",
        advice: "use --init none")
    }
    let user = try RootAccounts(place: "", users: passwd, groups: group).user(command.user)
    let job = try Self.job(command, user, isPersistent: isPersistent)
    files = [
      File(Self.folder, 0o755, .folder), File("\(Self.folder)/job", 0o644, .file(job)),
      File("sbin/\(Self.programName)", 0o755, .file(program)),
      File(Self.path, 0o777, .link(Self.programName)),
    ]
    var additions: [File] = [
      // The kernel asks for modules there.
      File("sbin/modprobe", 0o777, .link(Self.programName)),
      File("etc/resolv.conf", 0o644, .file([])), File("etc/hosts", 0o644, .file([])),
      File("etc/hostname", 0o644, .file([])),
    ]
    let folder = String(command.folder.dropFirst())
    if !folder.isEmpty { additions.append(File(folder, 0o755, .folder)) }
    self.additions = additions
  }

  private static func program(for architecture: Architecture) -> [UInt8]? {
    var count = 0
    guard let bytes = unsafe minivm_run_agent(architecture.rawValue, &count) else { return nil }
    return unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
  }

  /// Frames as the guest's program reads them from its file.
  private static func job(
    _ command: RootCommand, _ user: RootUser, isPersistent: Bool
  ) throws -> [UInt8] {
    guard !command.words.isEmpty else {
      throw KitError(
        .invalid, "the root has neither an init nor a command",
        advice: "use --init none, and name what runs with init= when it boots")
    }
    guard let signal = command.stopSignalNumber else {
      throw KitError(
        .invalid, "StopSignal is \((command.stopSignal ?? "").quoted), which Linux does not have",
        advice: "use --init none")
    }
    let variables = command.variables(for: user)
    for word in command.words + variables + [command.folder]
    where word.utf8.count >= RunFrame.payloadLimit || word.utf8.contains(0) {
      throw KitError(
        .invalid, "a word or variable of the root's command is too long, or has a zero byte in it",
        advice: "use --init none")
    }
    var frames = [RunFrame(.hello, numbers: [RunFrame.version])]
    frames.append(RunFrame(.entrypoint, numbers: [UInt32(command.entrypoint.count)]))
    frames += command.words.map { RunFrame(.argument, Array($0.utf8)) }
    frames += variables.map { RunFrame(.variable, Array($0.utf8)) }
    frames.append(RunFrame(.folder, Array(command.folder.utf8)))
    frames.append(RunFrame(.user, numbers: [user.user, user.group] + user.groups))
    frames.append(RunFrame(.signal, numbers: [signal]))
    if isPersistent { frames.append(RunFrame(.persist)) }
    frames.append(RunFrame(.start))
    return frames.flatMap(\.bytes)
  }
}

extension RootInit.File {
  func member(modified: FileTime) -> MemoryMembers.File {
    let (kind, bytes): (FileKind, [UInt8]) =
      switch content {
      case .folder: (.directory, [])
      case .file(let bytes): (.file(size: bytes.count), bytes)
      case .link(let target): (.symbolicLink(target: Array(target.utf8)), [])
      }
    return (
      TarMember(
        path: Array(path.utf8), kind: .node(kind),
        attributes: FileAttributes(mode: mode, modified: modified)), bytes
    )
  }
}
