internal import Machines

/// What a kernel says of faults in itself or its drivers while it goes on: the lines that begin its reports.
///
/// A guest's root can write such lines, and fill its console with them: what is kept has a bound.
package struct KernelWarnings {
  private static let limit = 64

  /// How reports begin, behind the kernel's stamps. Linux: kernel/panic.c (WARNING:, also of lockdep and RCU), BUG: of
  /// mm, KASAN, KFENCE, KMSAN, KCSAN and atomic sleep, lib/ubsan.c, kernel/hung_task.c, kernel/rcu/tree_stall.h,
  /// kernel/watchdog.c, arch/*/kernel/traps.c, mm/slub.c, mm/kmemleak.c, lib/list_debug.c.
  static let beginnings = [
    "WARNING: ", "BUG: ", "BUG ", "kernel BUG at ", "UBSAN: ", "INFO: task ", "INFO: rcu",
    "INFO: possible ", "INFO: trying to register non-static key", "rcu: INFO: ",
    "watchdog: BUG: ", "watchdog: Watchdog detected ", "NMI watchdog: ", "Oops", "Internal error: ",
    "Unable to handle kernel ", "general protection fault", "stack segment: ", "double fault: ",
    "Kernel panic - not syncing", "kernel tried to execute ", "list_add corruption",
    "list_del corruption", "kmemleak: ", "DEBUG_LOCKS_WARN_ON", "sysfs: cannot create duplicate ",
    "unregister_netdevice: waiting for ", "Voluntary context switch within RCU",
  ]

  /// Texts of lines that are no matter.
  private let allowed: [String]
  private(set) var lines: [String] = []
  /// Those, and more that are not kept.
  private(set) var count = 0

  init(allowed: [String] = []) { self.allowed = allowed }

  mutating func take(_ line: String) {
    let text = ConsoleLine(line).text
    guard Self.beginnings.contains(where: { text.hasPrefix($0) }),
      !allowed.contains(where: { text.contains($0) })
    else { return }
    count += 1
    if lines.count < Self.limit { lines.append(String(line.prefix(400))) }
  }

  /// The texts of an allow list: one a line, without those that begin with `#`.
  package static func allowed(in text: String) -> [String] {
    text.split(whereSeparator: \.isNewline).map { line in
      let words = line.drop { $0 == " " || $0 == "\t" }
      return String(words.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
  }
}
