import Basics
import Formats
import Glibc
import Kits
import Machines
import Packages

/// What the guest of `minivm run` is told to do.
extension RunCommand {
  /// Finds the guest's root.
  func openRoot(
    _ kit: Kit, _ temporary: String, _ environment: CommandEnvironment
  ) throws -> RunRoot {
    let store = RootStore(
      environment.cache, environment.clock, progress: environment.reporter.progress,
      jobs: environment.jobs)
    defer { environment.reporter.progress.end() }
    var access = try images.access(environment, offline: archive.mirror.offline)
    access.cache.temporaryFolder = temporary
    if let image {
      return try RunRoot(
        image: image, architecture: kit.architecture, store: store, access: access)
    }
    let root = try RunRoot(
      argument: root, architecture: kit.architecture, store: store, access: access)
    if root.share.host == "/", kit.architecture.rawValue != Machine.architecture.rawValue {
      throw KitError(
        .usage,
        "the kernel is for \(kit.architecture.rawValue), this machine's programs for \(Machine.architecture.rawValue)",
        advice: "give --root with programs for \(kit.architecture.rawValue)")
    }
    return root
  }

  func job(_ kit: Kit, _ root: RunRoot) throws -> RunJob {
    let others = try share.map { try RunShare(argument: $0) }
    var shares = [root.share]
    var folder = root.command?.folder ?? "/"
    // A container has nothing of its host that is not asked for.
    if root.command == nil, !hidesCurrentFolder, let current = FileTree.realPath("."),
      current != "/"
    {
      // Somebody may share it in another way.
      if !others.contains(where: { $0.guest == current }) {
        shares.append(try RunShare(current, isReadOnly: false))
      }
      folder = current
    }
    shares += others
    let user =
      try user.map { try root.user($0) } ?? root.command.map { try root.user(of: $0) }
      ?? RootUser.current(variables: CommandEnvironment.variables)
    var job = RunJob(
      arguments: try words(root), variables: try environment(of: user, root.command),
      folder: workdir ?? folder, user: user, shares: shares, hostname: Machine.hostname,
      hasNetwork: net != "none")
    job.imageFolder = root.command?.folder
    job.limits = RunJob.currentLimits
    return job
  }

  /// The command's words: an entry point's, and those that are given or are the image's.
  private func words(_ root: RunRoot) throws -> [String] {
    var known = root.command ?? RootCommand()
    if let entrypoint {
      // The image's Cmd is for its own entry point.
      (known.entrypoint, known.cmd) = (entrypoint.isEmpty ? [] : [entrypoint], [])
    }
    if !command.isEmpty { known.cmd = command }
    if !known.words.isEmpty { return known.words }
    guard root.command == nil else {
      throw KitError(
        .usage, "\(root.share.host): the image says of no command what to run",
        advice: "give one: -- COMMAND")
    }
    return [Self.variable("SHELL") ?? "/bin/sh"]
  }

  /// The command's variables: what says who and where it is, and what was asked for.
  /// - Parameter image: what a container image says of its command.
  private func environment(of user: RootUser, _ image: RootCommand?) throws -> [String] {
    var values: [String: String] = [:]
    if image != nil {
      values = ["HOSTNAME": Machine.hostname]
      if hasTerminal { values["TERM"] = Self.variable("TERM") ?? "xterm" }
    } else {
      values = [
        "HOME": user.home, "USER": user.name, "LOGNAME": user.name,
        "PATH": Self.variable("PATH") ?? RootCommand.defaultPath,
      ]
      for name in ["TERM", "LANG"] { values[name] = Self.variable(name) }
    }
    for variable in image?.variables(for: user) ?? [] {
      let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      values[String(parts[0])] = parts.count == 2 ? String(parts[1]) : ""
    }
    for variable in variables {
      let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      values[name] = parts.count == 2 ? String(parts[1]) : Self.variable(name)
    }
    return values.map { "\($0)=\($1)" }.sorted()
  }

  static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }
}
