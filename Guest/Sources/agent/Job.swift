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

  /// - Returns: false for what is no part of a job.
  mutating func take(_ frame: RunFrame) -> Bool {
    let numbers = frame.numbers
    switch frame.kind {
    case .argument: arguments.append(frame.payload)
    case .variable: variables.append(frame.payload)
    case .folder: folder = frame.payload
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
