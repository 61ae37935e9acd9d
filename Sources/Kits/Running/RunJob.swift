package import Basics
internal import Formats
internal import Glibc

/// What a guest of `minivm run` is told to do.
package struct RunJob: Sendable {
  /// A limit of setrlimit(2): its number, and the soft and the hard one.
  package struct Limit: Sendable {
    var resource: UInt32
    var current: UInt64
    var maximum: UInt64
  }

  /// The command's name first.
  package var arguments: [String]
  /// `NAME=VALUE`.
  package var variables: [String]
  /// Where it runs: absolute.
  package var folder: String
  package var user: RootUser
  /// The first is the root.
  package var shares: [RunShare]
  package var hostname: String
  /// Whether there is a network card.
  package var hasNetwork: Bool
  package var limits: [Limit] = []
  /// Of a container image, whose /run and /tmp are its own: a folder to make, if it is not there.
  package var imageFolder: String?
  /// Whether a disk keeps what the guest changes of its root.
  package var keepsChanges = false

  package init(
    arguments: [String], variables: [String], folder: String, user: RootUser, shares: [RunShare],
    hostname: String, hasNetwork: Bool
  ) {
    self.arguments = arguments
    self.variables = variables
    self.folder = folder
    self.user = user
    self.shares = shares
    self.hostname = hostname
    self.hasNetwork = hasNetwork
  }

  /// The longest word of a command line or variable. Linux, MAX_ARG_STRLEN.
  private static let wordLimit = 1 << 17

  /// - Throws: `KitError.usage` for words that no command can get.
  package func check() throws(KitError) {
    for word in arguments + variables + [folder] {
      guard word.utf8.count < Self.wordLimit, !word.utf8.contains(0) else {
        throw KitError(
          .usage, "a word of the command or a variable is longer than \(Self.wordLimit) bytes",
          advice: "put it into a file")
      }
    }
  }

  /// This process's limits of the stack, core files and open files, as far as a guest's kernel takes them.
  package static var currentLimits: [Limit] {
    [RLIMIT_STACK, RLIMIT_CORE, RLIMIT_NOFILE].compactMap { resource -> Limit? in
      var limit = rlimit()
      guard unsafe getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else {
        return nil
      }
      // fs.nr_open of a fresh kernel.
      let most: UInt64 = resource == RLIMIT_NOFILE ? 1 << 20 : .max
      return Limit(
        resource: UInt32(resource.rawValue), current: min(UInt64(limit.rlim_cur), most),
        maximum: min(UInt64(limit.rlim_max), most))
    }
  }

  /// The tag of a share.
  static func tag(_ index: Int) -> String { "minivm\(index)" }

  /// What is sent when the guest is there.
  /// - Parameter terminal: its rows and columns, where the command gets one.
  func frames(
    _ transport: RunTransport, terminal: (rows: UInt32, columns: UInt32)?
  ) -> [RunFrame] {
    var frames = [RunFrame(.hello, numbers: [RunFrame.version])]
    frames += arguments.map { RunFrame(.argument, Array($0.utf8)) }
    frames += variables.map { RunFrame(.variable, Array($0.utf8)) }
    frames.append(RunFrame(.folder, Array(folder.utf8)))
    frames.append(RunFrame(.user, numbers: [user.user, user.group] + user.groups))
    for (index, share) in shares.enumerated() {
      let kind: RunTransport = share.image == nil ? transport : .disk
      var payload = [share.isReadOnly ? 1 : 0, kind.number] + Array(Self.tag(index).utf8) + [0]
      payload += Array(share.guest.utf8)
      if let image = share.image {
        let partition = image.partition.map { "\($0)" } ?? ""
        payload += [0] + Array(image.fileSystem.utf8) + [0] + Array(partition.utf8)
        payload += [0] + Array(image.folder.utf8)
      }
      frames.append(RunFrame(.share, payload))
    }
    if let terminal {
      frames.append(RunFrame(.terminal, numbers: [terminal.rows, terminal.columns]))
    }
    if let imageFolder { frames.append(RunFrame(.image, Array(imageFolder.utf8))) }
    if keepsChanges { frames.append(RunFrame(.changes, Array(RunChanges.serial.utf8))) }
    frames.append(RunFrame(.hostname, Array(hostname.utf8)))
    if hasNetwork { frames.append(RunFrame(.network, Self.network)) }
    for limit in limits {
      frames.append(
        RunFrame(
          .limit,
          numbers: [limit.resource]
            + [limit.current, limit.maximum].flatMap {
              [UInt32(truncatingIfNeeded: $0), UInt32(truncatingIfNeeded: $0 >> 32)]
            }))
    }
    return frames + [RunFrame(.start)]
  }

  /// Address, mask, gateway and name server of QEMU's user network.
  private static let network: [UInt8] = [
    10, 0, 2, 15, 255, 255, 255, 0, 10, 0, 2, 2, 10, 0, 2, 3,
  ]
}
