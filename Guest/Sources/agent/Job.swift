#if !hasFeature(Embedded)
  import Formats
#endif

/// The job that the host gives.
struct Job {
  struct Share {
    enum Transport {
      case virtiofs, p9
      /// A disk by its serial number, with the kernel's name of its file system, the digits of its partition and the
      /// folder in it.
      case disk(fileSystem: [UInt8], partition: [UInt8], folder: [UInt8])
    }

    var isReadOnly: Bool
    var transport: Transport
    /// By which the kernel knows it.
    var tag: [UInt8]
    /// Absolute, without links.
    var path: [UInt8]

    /// - Returns: nil for what is no share.
    init?(_ payload: [UInt8]) {
      guard payload.count > 3, let end = payload.span.endOfString(at: 2) else { return nil }
      isReadOnly = payload[0] != 0
      tag = Array(payload[2..<end])
      let parts = Array(payload[(end + 1)...].split(separator: 0, omittingEmptySubsequences: false))
      path = Array(parts[0])
      switch payload[1] {
      case 0: transport = .virtiofs
      case 1: transport = .p9
      default:
        guard parts.count == 4 else { return nil }
        transport = .disk(
          fileSystem: Array(parts[1]), partition: Array(parts[2]), folder: Array(parts[3]))
      }
    }
  }

  struct Limit {
    var resource: UInt32
    var current: UInt64
    var maximum: UInt64
  }

  var arguments: [[UInt8]] = []
  var variables: [[UInt8]] = []
  var folder: [UInt8] = []
  /// The root is a container image's, which has a /run and /tmp of its own.
  var isImage = false
  /// A folder to make, if it is not there; empty for none.
  var newFolder: [UInt8] = []
  /// The serial number of the disk that keeps what the guest changes; empty for none.
  var changes: [UInt8] = []
  var user: UInt32 = 0
  var group: UInt32 = 0
  var groups: [UInt32] = []
  /// The first is the root.
  var shares: [Share] = []
  /// Rows and columns, where the command gets a terminal.
  var terminal: (rows: UInt32, columns: UInt32)?
  var hostname: [UInt8] = []
  /// Address, mask, gateway and name server of four bytes each; empty for no network.
  var network: [UInt8] = []
  var limits: [Limit] = []
  /// Of a root disk: the signal that asks the command to end.
  var stopSignal = 15
  /// Of a root disk: how many arguments are the entry point; others give way to those of the kernel's command line.
  var entrypoint = 0
  /// Of a root disk: the network's files are written to the disk.
  var isPersistent = false

  init() {}

  /// The job of a root disk: the frames of one, from `hello` to `start`.
  /// - Returns: nil for what is none, or one of another version.
  init?(stored bytes: [UInt8]) {
    var decoder = RunFrameDecoder()
    decoder.append(bytes)
    var isKnown = false
    while case .frame(let frame) = decoder.next() {
      switch frame.kind {
      case .hello: isKnown = frame.numbers.first == RunFrame.version
      case .start:
        guard isKnown, entrypoint <= arguments.count else { return nil }
        return
      default:
        if !take(frame) { return nil }
      }
    }
    return nil
  }

  /// - Returns: false for what is no part of a job.
  mutating func take(_ frame: RunFrame) -> Bool {
    let numbers = frame.numbers
    switch frame.kind {
    case .argument: arguments.append(frame.payload)
    case .variable: variables.append(frame.payload)
    case .folder: folder = frame.payload
    case .changes: changes = frame.payload
    case .image: (isImage, newFolder) = (true, frame.payload)
    case .signal: stopSignal = Int(numbers.first ?? 15)
    case .persist: isPersistent = true
    case .entrypoint: entrypoint = Int(numbers.first ?? 0)
    case .user:
      guard numbers.count >= 2 else { return false }
      (user, group, groups) = (numbers[0], numbers[1], Array(numbers[2...]))
    case .share:
      guard let share = Share(frame.payload) else { return false }
      shares.append(share)
    case .terminal:
      guard numbers.count == 2 else { return false }
      terminal = (numbers[0], numbers[1])
    case .time:
      guard numbers.count == 3 else { return false }
      // At once: it is the time of the moment.
      Kernel.setTime(
        seconds: UInt64(numbers[0]) | UInt64(numbers[1]) << 32, nanoseconds: numbers[2])
    case .hostname: hostname = frame.payload
    case .network: network = frame.payload
    case .limit:
      guard numbers.count == 5 else { return false }
      limits.append(
        Limit(
          resource: numbers[0], current: UInt64(numbers[1]) | UInt64(numbers[2]) << 32,
          maximum: UInt64(numbers[3]) | UInt64(numbers[4]) << 32))
    default: return false
    }
    return true
  }

  /// The value of a variable.
  func value(of name: StaticString) -> [UInt8]? {
    let length = name.utf8CodeUnitCount
    for variable in variables
    where variable.count > length && variable[length] == UInt8(ascii: "=")
      && variable.startsWithText(name)
    {
      return Array(variable[(length + 1)...])
    }
    return nil
  }
}
