/// A line of a guest's console: who wrote it, and what it says of the boot's end.
package struct ConsoleLine {
  /// Seconds on the kernel's clock; nil for a line that the kernel did not write, or not with printk.time.
  package let stamp: Double?
  /// The line without the kernel's stamps.
  package let text: Substring

  /// Reads the stamps of `[    1.974218] Run /init as init process`, with or without a level in front
  /// (`<6>`) and a caller behind (`[    T1]`). Linux, kernel/printk/printk.c.
  package init(_ line: String) {
    var rest = line[...]
    if rest.first == "<", let end = rest.firstIndex(of: ">"),
      rest[rest.index(after: rest.startIndex)..<end].allSatisfy(\.isNumber)
    {
      rest = rest[rest.index(after: end)...]
    }
    guard rest.first == "[", let end = rest.firstIndex(of: "]"),
      let stamp = Double(rest[..<end].dropFirst().drop { $0 == " " }), stamp >= 0, stamp < 1e9
    else {
      (self.stamp, text) = (nil, line[...])
      return
    }
    rest = rest[rest.index(after: end)...]
    if rest.first == "[", let end = rest.firstIndex(of: "]") {
      rest = rest[rest.index(after: end)...]
    }
    (self.stamp, text) = (stamp, rest.drop { $0 == " " })
  }

  /// Whether the kernel says that it starts /init, or whatever `rdinit=` names.
  var startsInit: Bool { text.hasPrefix("Run ") && text.hasSuffix(" as init process") }

  /// What the kernel's repetitions of its command line begin with. Linux, init/main.c, arch/*/kernel/setup.c.
  static let echoes = [
    "Command line: ", "Kernel command line: ", "Unknown kernel command line parameters ",
    "Malformed early option ", "Bootconfig:",
  ]

  /// Whether the kernel repeats its command line here, or may do so in what is yet to come of the line.
  var mayBeEcho: Bool {
    Self.echoes.contains { text.hasPrefix($0) || $0.hasPrefix(text) }
  }

  /// How a guest that can't go on says so.
  enum LastWords {
    case failure
    /// Root's init ended with exit status 0, on which the kernel panics: how some guests end on purpose.
    case cleanEnd
  }

  /// What the kernel and the RAM disk's init say when the guest ends by itself; nil for other lines.
  var lastWords: LastWords? {
    if text.hasPrefix("Kernel panic - not syncing") {
      return text.hasSuffix("exitcode=0x00000000") ? .cleanEnd : .failure
    }
    let givesUp =
      text.hasPrefix("minivm: starting again (panic=")
      || text.hasPrefix("minivm: ")
        && text.hasSuffix(" was repaired; the machine has to start again")
    return givesUp ? .failure : nil
  }

  /// The exit status that this program's init says a root disk's command ended with; nil for other lines.
  package var commandStatus: Int? {
    let end = ": exit status "
    guard text.hasPrefix("minivm: "), let range = text.ranges(of: end).last,
      let status = Int(text[range.upperBound...]), (0...255).contains(status)
    else { return nil }
    return status
  }

  /// Whether the RAM disk's init opens a shell, which waits for somebody at the console.
  var opensShell: Bool { text.hasPrefix("minivm: this is a shell in the RAM disk") }

  /// Whether root has no init, and gets a shell in its place.
  var startsShellAsInit: Bool { text == "minivm: starting /bin/sh" }

  private static let dumps = [
    "CPU: ", "Hardware name: ", "RIP: ", "RSP: ", "Code: ", "RAX: ", "RDX: ", "RBP: ", "R10: ",
    "R13: ", "FS: ", "CS: ", "CR2: ", "DR0: ", "DR3: ", "PKRU: ", "EIP: ", "EAX: ", "ESI: ", "DS: ",
    "CR0: ", "Call Trace:", "Call trace:", "<TASK>", "</TASK>", "<IRQ>", "</IRQ>", "<NMI>",
    "</NMI>",
    "---[ end ", "Modules linked in:", "Kernel Offset: ", "CPU features: ", "Memory Limit: ",
    "PHYS_OFFSET: ", "pstate: ", "pc : ", "lr : ", "sp : ", "epc : ", "gp : ", "t0 : ", "t2 : ",
    "s1 : ",
    "a1 : ", "a3 : ", "a5 : ", "a7 : ", "s3 : ", "s5 : ", "s7 : ", "s9 : ", "s11: ", "t4 : ",
    "t6 : ", "t5 : ",
    "status: ", "user pgtable:",
  ]

  /// Whether the line belongs to the registers and the stack that a kernel dumps.
  var isDump: Bool {
    let text = text.drop { $0 == " " }
    if Self.dumps.contains(where: { text.hasPrefix($0) }) { return true }
    // x29: ffff800008003d60 x28: …
    if text.first == "x", let colon = text.firstIndex(of: ":"),
      (2...3).contains(text.distance(from: text.startIndex, to: colon)),
      text[..<colon].dropFirst().allSatisfy({ $0.isNumber || $0 == " " })
    {
      return true
    }
    // ? panic+0x10a/0x2f0, [<ffffffff81000000>] panic+0x10a/0x2f0
    var words = text.split(separator: " ")[...]
    if words.first == "?" || words.first?.hasPrefix("[<") == true { words = words.dropFirst() }
    guard let word = words.first, let plus = word.firstRange(of: "+0x") else { return false }
    return word[plus.upperBound...].contains("/0x")
  }
}

extension [String] {
  /// What the RAM disk's init complained of before it started again or opened a shell; nil for other lines.
  func reason(for line: String) -> String? {
    guard ConsoleLine(line).opensShell || line.hasPrefix("minivm: starting again"),
      let end = lastIndex(of: line)
    else { return nil }
    return self[..<end].last { $0.hasPrefix("minivm: ") }
  }

  /// The lines to show of a boot that failed: the last ones, and where they don't hold it, the line that says why.
  func lastLines(limit: Int = 15) -> [String] {
    var chosen = Set(indices.suffix(limit))
    let words = indices.last { ConsoleLine(self[$0]).lastWords != nil }
    // What init said before the panic is the reason for it.
    if let words { chosen.formUnion(indices.filter { (words - 3...words).contains($0) }) }
    chosen.formUnion(indices.filter { self[$0].hasPrefix("minivm: ") }.suffix(3))
    return chosen.sorted().map { self[$0] }
  }
}
