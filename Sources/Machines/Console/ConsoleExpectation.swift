/// Finds a text on a guest's console, and tells what the guest says from what the kernel repeats of its own
/// command line.
///
/// Only what comes after /init was started counts. Where the kernel is told not to say that it starts it
/// (`quiet`, `loglevel=`), lines without the kernel's time stamps count, but for the command line's.
struct ConsoleExpectation: Sendable {
  let text: String
  /// Whether the kernel's own messages count, from the first one on.
  let countsKernel: Bool
  /// Whether the kernel does not say that it starts /init.
  let isQuiet: Bool
  private var hasStarted = false
  /// Whether the text came where it does not count.
  private(set) var cameEarly = false

  init(_ text: String, countsKernel: Bool, isQuiet: Bool) {
    self.text = text
    self.countsKernel = countsKernel
    self.isQuiet = isQuiet
  }

  /// Takes a line of the console, or what there is of it up to now.
  /// - Returns: whether the text is in it, and counts.
  mutating func isMet(by line: String, isComplete: Bool) -> Bool {
    let hasText = line.contains(text)
    if countsKernel || hasStarted { return hasText }
    let read = ConsoleLine(line)
    if read.startsInit, isComplete {
      hasStarted = true
      cameEarly = cameEarly || hasText
      return false
    }
    if line.hasPrefix("minivm: ") {
      hasStarted = true
      return hasText
    }
    guard hasText else { return false }
    // Of a line that begins like a stamp, nothing is known before its end.
    let isPlain =
      read.stamp == nil && !read.mayBeEcho
      && (isComplete || line.first != "[" && line.first != "<")
    if isQuiet, isPlain { return true }
    cameEarly = true
    return false
  }
}
