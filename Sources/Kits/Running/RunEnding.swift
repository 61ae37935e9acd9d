/// How a run ended. Nothing but the guest's own word, after all output, is a success.
package enum RunEnding: Sendable, Hashable {
  /// The command, with an exit status.
  case exited(Int)
  /// The command, by a signal.
  case killed(signal: Int)
  /// The command could not be started: 126 or 127, as a shell has them.
  case refused(status: Int, String)
  case timedOut(seconds: Int)
  /// The command with success, on a kernel that told of faults in itself: its lines, and how many there were.
  case warned([String], count: Int)
  /// The kernel, or its machine, before the command; with the console's telling lines.
  case died(String, lines: [String])
  /// minivm, QEMU or virtiofsd.
  case failed(String, lines: [String])
  /// A signal that this program got.
  case interrupted(signal: Int)
  /// The user left the terminal.
  case left

  /// This program's exit status.
  package var status: Int {
    switch self {
    case .exited(let status), .refused(let status, _): status
    case .killed(let signal), .interrupted(let signal): 128 + signal
    case .timedOut: 124
    case .warned: 254
    case .died: 255
    case .failed, .left: 125
    }
  }

  /// A word for `--json`.
  package var word: String {
    switch self {
    case .exited: "exited"
    case .killed: "killed"
    case .refused: "refused"
    case .timedOut: "timeout"
    case .warned: "warned"
    case .died: "died"
    case .failed: "failed"
    case .interrupted: "interrupted"
    case .left: "left"
    }
  }

  /// What its user is told; nil where the command's own end says it all.
  package var message: String? {
    switch self {
    case .exited, .killed, .interrupted: nil
    case .refused(_, let message), .died(let message, _), .failed(let message, _): message
    case .warned(let lines, let count):
      "the command succeeded, and the kernel warned \(count == 1 ? "once" : "\(count) times")"
        + (count > lines.count ? ", of which these are the first" : "")
    case .timedOut(let seconds):
      "the command did not end within \(seconds) s; the machine was ended"
    case .left: "the machine was ended"
    }
  }

  /// Lines of the console, or of QEMU, that show why.
  package var lines: [String] {
    switch self {
    case .died(_, let lines), .failed(_, let lines), .warned(let lines, _): lines
    default: []
    }
  }
}
