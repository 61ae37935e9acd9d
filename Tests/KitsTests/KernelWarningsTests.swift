import Formats
import TestSupport
import Testing

@testable import Kits

/// What counts as a kernel's warning.
@Suite struct KernelWarningsTests {
  private static func warnings(_ lines: [String], allowed: String = "") -> KernelWarnings {
    var warnings = KernelWarnings(allowed: KernelWarnings.allowed(in: allowed))
    lines.forEach { warnings.take($0) }
    return warnings
  }

  @Test(
    "Reports of faults, with and without stamps",
    arguments: [
      "[    1.203000] WARNING: CPU: 0 PID: 93 at net/core/dev.c:10 f+0x1/0x2 [veth]",
      "[    1.203000][  T93] WARNING: possible circular locking dependency detected",
      "<4>[    1.203000] WARNING: suspicious RCU usage",
      "WARNING: CPU: 1 PID: 1 at kernel/x.c:1",
      "[ 1.0] BUG: KASAN: slab-out-of-bounds in f+0x1/0x2",
      "[ 1.0] BUG: KFENCE: use-after-free read in f+0x1/0x2",
      "[ 1.0] BUG: sleeping function called from invalid context at mm/x.c:1",
      "[ 1.0] BUG kmalloc-64 (Not tainted): Poison overwritten",
      "[ 1.0] kernel BUG at mm/x.c:1!",
      "[ 1.0] UBSAN: shift-out-of-bounds in lib/x.c:1:2",
      "[ 1.0] INFO: task sh:12 blocked for more than 120 seconds.",
      "[ 1.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
      "[ 1.0] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:12]",
      "[ 1.0] Oops: 0002 [#1] PREEMPT SMP NOPTI",
      "[ 1.0] general protection fault, probably for non-canonical address 0x1: 0000 [#1]",
      "[ 1.0] Internal error: Oops: 96000044 [#1] SMP",
      "[ 1.0] Unable to handle kernel NULL pointer dereference at virtual address 0",
      "[ 1.0] list_del corruption. prev->next should be 0, but was 1",
    ])
  func found(_ line: String) {
    #expect(Self.warnings([line]).lines == [line])
  }

  @Test(
    "Other lines",
    arguments: [
      "", "[    1.2] Linux version 6.1.0 WARNING: no",
      "[ 1.0] Spectre V2 : WARNING: eBPF is enabled",
      "[ 1.0] ACPI BIOS Warning (bug): 32/64X", "[ 1.0] systemd[1]: BUG: none", "INFO: done",
      "[ 1.0] Debugging: BUG: x", "[ 1.0] info: task", "[ 1.0] test: Oops",
    ])
  func others(_ line: String) {
    #expect(Self.warnings([line]).count == 0)
  }

  @Test("An allow list has texts of lines, and comments")
  func allowed() {
    let list = "# known\n  at net/core/dev.c  \r\n\n\tsuspicious RCU usage\n"
    #expect(KernelWarnings.allowed(in: list) == ["at net/core/dev.c", "suspicious RCU usage"])
    let lines = [
      "WARNING: CPU: 0 PID: 93 at net/core/dev.c:10", "WARNING: suspicious RCU usage",
      "WARNING: CPU: 0 PID: 93 at net/core/other.c:10",
    ]
    #expect(Self.warnings(lines, allowed: list).lines == [lines[2]])
  }

  @Test("A guest that warns without end is kept within bounds")
  func bounds() {
    let line = "BUG: " + String(repeating: "x", count: 4000)
    let warnings = Self.warnings([String](repeating: line, count: 1000))
    #expect(warnings.count == 1000)
    #expect(warnings.lines.count == 64)
    #expect(warnings.lines.allSatisfy { $0.utf8.count <= 400 })
  }
}
