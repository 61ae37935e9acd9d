/// How a kernel ended before its command, as its console says.
///
/// A guest's root can write such lines. None of them makes a run a success.
struct KernelDeath {
  private enum Kind: String {
    case panic = "the kernel panicked"
    case halt = "the machine halted"
    case powerOff = "the machine powered off"
    case restart = "the machine restarted"
    case unknown = "the machine powered off or restarted"
  }

  private let lines: [String]
  private let kind: Kind

  init(_ lines: [String]) {
    self.lines = lines
    let found = Self.ends.first { mark, _ in lines.contains { $0.contains(mark) } }
    kind = found?.kind ?? .unknown
  }

  /// What kernels say last. Linux, kernel/panic.c, kernel/reboot.c, drivers/tty/sysrq.c.
  private static let ends: [(mark: String, kind: Kind)] = [
    ("Kernel panic - not syncing", .panic), ("reboot: System halted", .halt),
    ("reboot: Power down", .powerOff), ("reboot: Restarting system", .restart),
    ("sysrq: Resetting", .restart),
  ]

  /// Returns whether a kernel that says this does nothing more, while its machine goes on.
  static func isStop(_ line: String) -> Bool {
    line.hasSuffix("reboot: System halted") || line.contains("---[ end Kernel panic - not syncing")
  }

  /// How a message begins that tells why.
  private static let causes = [
    "Kernel panic", "BUG:", "Oops", " [#1]", "Unable to handle kernel", "general protection fault",
    "Out of memory:",
  ]

  func ending(isStarted: Bool) -> RunEnding {
    let cause = lines.firstIndex { line in Self.causes.contains { line.contains($0) } }
    var telling = cause.map { Array(lines[$0...].prefix(12)) } ?? []
    if telling.isEmpty, !isStarted { telling = lines.suffix(12) }
    let time = isStarted ? "before the command ended" : "before the command started"
    return .died("\(kind.rawValue) \(time)", lines: telling)
  }
}
