/// When a machine came how far, in seconds from QEMU's start, as its console tells.
package struct BootTimeline: Codable, Sendable, Hashable {
  /// The kernel's own clock began: by the times in front of its lines.
  package private(set) var kernel: Double?
  /// The kernel started /init of the RAM disk.
  package private(set) var initramfs: Double?
  /// init had mounted root.
  package private(set) var root: Double?
  /// init handed over to the root's own.
  package private(set) var newInit: Double?

  /// Makes the timeline of a machine that has not begun.
  package init() {}

  /// Takes a line of the console, which came `time` seconds after QEMU's start. The kernel's lines are
  /// told late when the console is slow or not there yet: the least late of them says when its clock began.
  mutating func take(_ line: String, at time: Double) {
    let read = ConsoleLine(line)
    if let stamp = read.stamp {
      let begin = min(kernel ?? .infinity, max(0, time - stamp))
      if let start = initramfs, let old = kernel { initramfs = start - old + begin }
      kernel = begin
      if initramfs == nil, read.startsInit { initramfs = begin + stamp }
    } else if root == nil, line.hasPrefix("minivm: root is ") {
      root = time
    } else if newInit == nil, line.hasPrefix("minivm: starting ") {
      newInit = time
    }
  }

  /// What is known, in order.
  package var phases: [(name: String, seconds: Double?)] {
    [
      ("the kernel's clock starts", kernel), ("/init of the initramfs", initramfs),
      ("root is mounted", root), ("root's init starts", newInit),
    ]
  }
}
