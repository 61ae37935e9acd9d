internal import Formats
internal import Subprocess
internal import Synchronization
internal import SystemPackage

/// Runs virtual machines and watches their consoles.
public struct QEMURunner: Sendable {
  /// How a run ended.
  public struct Outcome: Sendable {
    public var accelerator: Accelerator
    /// From QEMU's start to the expected text; nil when it did not come.
    public var expectedAfter: Duration?
    /// The console's latest lines.
    public var lastLines: [String]
    /// Empty where the console is the user's terminal.
    public var timeline = BootTimeline()
  }

  /// Those to try, one after the other, while the guest stays silent; nil for what suits this machine.
  public var accelerators: [Accelerator]?
  /// How long a guest may be silent before the next accelerator is tried.
  public var silenceLimit: Duration
  /// What the console has to show; nil when nothing is expected, and the guest's end is awaited.
  public var expectation: String?
  public var timeout: Duration?
  /// The user's terminal is the guest's console.
  public var isInteractive: Bool
  /// Called with each line of the console, when it is complete.
  public var onLine: @Sendable (String) -> Void

  public init(
    accelerators: [Accelerator]? = nil, silenceLimit: Duration = .seconds(15),
    expectation: String? = nil, timeout: Duration? = nil,
    isInteractive: Bool = false, onLine: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.accelerators = accelerators
    self.silenceLimit = silenceLimit
    self.expectation = expectation
    self.timeout = timeout
    self.isInteractive = isInteractive
    self.onLine = onLine
  }

  /// Boots the machine, on the next accelerator when the guest stays silent on the first.
  /// - Throws: `KitError.unexpected` when the expectation is not met, with the console's last lines.
  public func run(_ machine: VirtualMachine) async throws -> Outcome {
    let candidates = accelerators ?? Accelerator.candidates(machine.model.architecture)
    for (index, candidate) in candidates.enumerated() {
      let isLast = index == candidates.count - 1
      if let outcome = try await run(machine, candidate, isLast: isLast) {
        return outcome
      }
    }
    throw KitError(.unexpected, "the guest stays silent on every accelerator")
  }

  /// Longer than any machine runs; the runtime traps on what its clock can't count to.
  private static let longestSleep = Duration.seconds(1 << 32)

  private enum Event: Sendable {
    case ended, expected(Duration), silent, timedOut
  }

  /// - Returns: nil when the guest said nothing, and another accelerator may be tried.
  private func run(
    _ machine: VirtualMachine, _ accelerator: Accelerator, isLast: Bool
  ) async throws -> Outcome? {
    let arguments = try machine.arguments(accelerator, isInteractive: isInteractive)
    if isInteractive {
      return try await runInteractively(machine, arguments, accelerator, isLast: isLast)
    }
    // Nobody hears a healthy guest that was told to be quiet, and its disk may be the user's.
    let tellsNothing = isLast || machine.isQuiet
    let watch = Watch()
    let clock = ContinuousClock()
    let begin = clock.now
    let result: ExecutionResult<(Event, BootTimeline, Complaint), SequenceOutput, SequenceOutput>
    let start = RunningProcesses.willStart()
    defer { RunningProcesses.forgetStart(start) }
    do {
      result = try await Subprocess.run(
        .name(machine.model.emulator), arguments: Arguments(arguments), input: .none,
        output: .sequence, error: .sequence
      ) { execution in
        let process = execution.processIdentifier.value
        RunningProcesses.add(process, start: start)
        let errors = execution.standardError
        async let complaint = Complaint(reading: errors)
        let limits = startLimits(watch, process, isLast: tellsNothing)
        defer { limits.forEach { $0.cancel() } }
        let (event, timeline) = try await follow(execution.standardOutput, watch, since: begin)
        RunningProcesses.end(process)
        return (event, timeline, await complaint)
      }
    } catch let error as SubprocessError {
      throw failure(of: machine.model, error)
    }
    let (lines, isSilent) = (watch.lines, watch.isSilent)
    let (event, timeline, complaint) = result.closureResult
    var outcome = Outcome(accelerator: accelerator, lastLines: lines, timeline: timeline)
    switch event {
    case .expected(let after):
      outcome.expectedAfter = after
      return outcome
    case .silent: return nil
    case .timedOut:
      if isSilent, !tellsNothing { return nil }
      throw unmet(withinTimeout, lines)
    case .ended:
      let hasFailed = !result.terminationStatus.isSuccess
      if isSilent, hasFailed ? !isLast : !tellsNothing { return nil }
      if expectation == nil, let line = Self.lastWords(lines) {
        throw KitError(
          .unexpected, "the guest gave up: \(line)", advice: "the console's last lines:",
          details: lines.suffix(15))
      }
      if expectation == nil, !hasFailed { return outcome }
      if isSilent || expectation == nil {
        let message = complaint.line ?? ended(machine, result.terminationStatus)
        throw KitError(
          .unexpected, message,
          advice: complaint.line == nil && isSilent
            ? "give the guest more --memory, or another --accel" : nil)
      }
      throw unmet("before the guest ended", lines + [complaint.line].compactMap { $0 })
    }
  }

  /// What a kernel that panics, and the RAM disk's init, say when they can't go on; of the console's last lines,
  /// as others may tell of such a thing. An init that ends with 0 is how some guests end on purpose.
  private static func lastWords(_ lines: [String]) -> String? {
    lines.suffix(80).first { line in
      let isStamped = line.hasPrefix("[") && line.contains("] ")
      let text =
        isStamped ? line[(line.firstRange(of: "] ")?.upperBound ?? line.startIndex)...] : line[...]
      return text.hasPrefix("Kernel panic - not syncing") && !text.hasSuffix("exitcode=0x00000000")
        || text.hasPrefix("minivm: starting again (panic=")
        || text.hasPrefix("minivm: ")
          && text.hasSuffix(" was repaired; the machine has to start again")
    }
  }

  /// Takes the console's lines until what is expected shows up, or there is nothing more.
  private func follow(
    _ console: SubprocessOutputSequence, _ watch: Watch, since begin: ContinuousClock.Instant
  ) async throws -> (Event, BootTimeline) {
    var timeline = BootTimeline()
    for try await piece in console {
      let time = ContinuousClock.now - begin
      let (lines, unfinished) = watch.receive(unsafe piece.withUnsafeBytes { unsafe Array($0) })
      for line in lines {
        timeline.take(line, at: time / .seconds(1))
        onLine(line)
      }
      guard let expectation else { continue }
      let isInLine = lines.contains { $0.contains(expectation) }
      if isInLine || unfinished.contains(expectation) {
        if !isInLine { onLine(unfinished) }
        return (.expected(time), timeline)
      }
    }
    return (watch.verdict ?? .ended, timeline)
  }

  /// What QEMU says on stderr of why it ends: its last line that is no warning.
  private struct Complaint: Sendable {
    /// Bytes of it that are kept.
    private static let limit = 1 << 14

    private(set) var line: String?

    init(reading errors: SubprocessOutputSequence) async {
      var text: [UInt8] = []
      do {
        for try await piece in errors {
          text += unsafe piece.withUnsafeBytes { unsafe Array($0) }
          if text.count > Self.limit { text.removeFirst(text.count - Self.limit) }
        }
      } catch {
        // What came before it broke off says enough.
      }
      let lines = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline)
      let line = lines.last { !$0.contains("warning:") } ?? lines.last
      self.line = line.map { String($0).visible }
    }
  }

  /// Ends the guest when it stays silent, if another accelerator may be tried, and when time is up.
  private func startLimits(_ watch: Watch, _ process: Int32, isLast: Bool) -> [Task<
    Void, any Error
  >] {
    var limits: [Task<Void, any Error>] = []
    if !isLast {
      limits.append(
        Task {
          try await Task.sleep(for: silenceLimit)
          if watch.isSilent { watch.end(process, .silent) }
        })
    }
    if let timeout {
      limits.append(
        Task {
          try await Task.sleep(for: min(timeout, Self.longestSleep))
          watch.end(process, .timedOut)
        })
    }
    return limits
  }

  /// The console, and why the guest was ended, shared with what watches the time.
  private final class Watch: Sendable {
    private let state = Mutex((console: Console(), verdict: Event?.none))

    var verdict: Event? { state.withLock { $0.verdict } }
    var isSilent: Bool { state.withLock { $0.console.isSilent } }
    var lines: [String] {
      state.withLock { $0.console.lines + [$0.console.unfinishedLine].filter { !$0.isEmpty } }
    }

    func receive(_ bytes: [UInt8]) -> (lines: [String], unfinished: String) {
      state.withLock { ($0.console.receive(bytes), $0.console.unfinishedLine) }
    }

    func end(_ process: Int32, _ verdict: Event) {
      state.withLock { $0.verdict = verdict }
      RunningProcesses.end(process)
    }
  }

  /// A QEMU that fails sooner than this has not begun: the accelerator is at fault, or the arguments are.
  private static let soon = Duration.seconds(2)

  /// - Returns: nil when QEMU failed at once, and another accelerator may be tried.
  private func runInteractively(
    _ machine: VirtualMachine, _ arguments: [String], _ accelerator: Accelerator, isLast: Bool
  ) async throws -> Outcome? {
    let clock = ContinuousClock()
    let begin = clock.now
    let start = RunningProcesses.willStart()
    defer { RunningProcesses.forgetStart(start) }
    let watch = Watch()
    var limits: [Task<Void, any Error>] = []
    defer { limits.forEach { $0.cancel() } }
    let status: TerminationStatus
    do {
      let result = try await Subprocess.run(
        .name(machine.model.emulator), arguments: Arguments(arguments),
        input: .currentStandardInput, output: .currentStandardOutput, error: .currentStandardError
      ) { execution in
        let process = execution.processIdentifier.value
        RunningProcesses.add(process, start: start)
        limits = startLimits(watch, process, isLast: true)
        return process
      }
      RunningProcesses.forget(result.closureResult)
      status = result.terminationStatus
    } catch let error as SubprocessError {
      throw failure(of: machine.model, error)
    }
    if watch.verdict != nil { throw unmet(withinTimeout, []) }
    guard status.isSuccess else {
      if !isLast, clock.now - begin < Self.soon { return nil }
      throw KitError(.unexpected, ended(machine, status))
    }
    return Outcome(accelerator: accelerator, lastLines: [])
  }

  private func ended(_ machine: VirtualMachine, _ status: TerminationStatus) -> String {
    let emulator = machine.model.emulator
    return switch status {
    case .exited(0): "\(emulator) ended without a word"
    case .exited(let code): "\(emulator) ended with exit code \(code)"
    case .signaled(let number): "\(emulator) was ended by signal \(number)"
    }
  }

  private func failure(of model: MachineModel, _ error: SubprocessError) -> KitError {
    guard error.code == .executableNotFound else {
      return KitError(.unexpected, "\(model.emulator) could not be run to its end: \(error)")
    }
    return KitError(
      .missing, "\(model.emulator) is not installed, or not in PATH",
      advice: "install QEMU (Debian, Ubuntu: \(model.emulatorPackages))")
  }

  private var withinTimeout: String {
    "within \(timeout.map { "\($0.components.seconds)" } ?? "") s"
  }

  private func unmet(_ when: String, _ lines: [String]) -> KitError {
    let expected = expectation?.quoted ?? "the guest's end"
    return KitError(
      .unexpected, "\(expected) did not come \(when)",
      advice: lines.isEmpty ? nil : "the console's last lines:", details: lines.suffix(15))
  }
}

/// Children of this program that must not outlive it.
public enum RunningProcesses {
  private struct State {
    var identifiers: Set<Int32> = []
    /// Children that may be there already, and whose identifiers are not known yet.
    var starting: Set<Int> = []
    var count = 0
    var isEnding = false
  }

  private static let state = Mutex(State())

  /// Says that a child is about to be started. Never returns when the program is ending.
  /// - Returns: what the start is known by to `add` and `forgetStart`.
  static func willStart() -> Int {
    while true {
      let start = state.withLock { state -> Int? in
        if state.isEnding { return nil }
        state.count += 1
        state.starting.insert(state.count)
        return state.count
      }
      if let start { return start }
      Machine.wait(milliseconds: 1000)
    }
  }

  static func add(_ identifier: Int32, start: Int) {
    state.withLock { state in
      state.identifiers.insert(identifier)
      state.starting.remove(start)
    }
  }

  static func forgetStart(_ start: Int) {
    state.withLock { state in _ = state.starting.remove(start) }
  }

  /// The process has ended; its number may be another's soon.
  static func forget(_ identifier: Int32) {
    state.withLock { state in _ = state.identifiers.remove(identifier) }
  }

  /// Ends a process that was added, once: whoever comes later does not hit another process that has
  /// got its number.
  static func end(_ identifier: Int32) {
    state.withLock { state in
      if state.identifiers.remove(identifier) != nil { Machine.kill(identifier) }
    }
  }

  /// Ends them all. For a program that ends by a signal.
  public static func killAll() {
    state.withLock { $0.isEnding = true }
    for _ in 0..<2000 where state.withLock({ !$0.starting.isEmpty }) {
      Machine.wait(milliseconds: 1)
    }
    state.withLock { $0.identifiers.forEach(Machine.kill) }
  }
}
