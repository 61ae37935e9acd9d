internal import Basics
internal import Formats
internal import Subprocess
internal import SystemPackage

/// Runs virtual machines, watches their consoles, and says how they ended.
///
/// How a run ended follows from the guest's console and from QEMU's exit status alone: the console is read to its
/// end, and QEMU is waited for. It is killed when the text that was expected has come, when time is up, and when the
/// guest can't go on without somebody at its console.
package struct QEMURunner: Sendable {
  /// How a run ended.
  package struct Outcome: Sendable {
    /// The accelerator that the guest ran on.
    package var accelerator: Accelerator
    /// From QEMU's start to the expected text; nil when it did not come.
    package var expectedAfter: Duration?
    /// The console's latest lines, without dumps of registers and stacks.
    package var lastLines: [String]
    /// Empty where the console is the user's terminal.
    package var timeline = BootTimeline()

    /// The exit status of the command of a root disk with this program's init; nil where no such command has ended.
    package var commandStatus: Int? {
      // Its line is the last but for what the kernel says of the machine's end.
      lastLines.suffix(8).reversed().lazy.compactMap { ConsoleLine($0).commandStatus }.first
    }
  }

  /// Those to try, one after the other, while the guest stays silent; nil for what suits this machine.
  package var accelerators: [Accelerator]?
  /// How long a guest may be silent before the next accelerator is tried.
  package var silenceLimit: Duration
  /// What the console has to show once /init has started; nil when nothing is expected, and the guest's end is
  /// awaited.
  package var expectation: String?
  /// Whether the kernel's messages before /init count, too.
  package var expectsKernel: Bool
  /// How long the guest may take in all; nil for any time.
  package var timeout: Duration?
  /// The user's terminal is the guest's console.
  package var isInteractive: Bool
  /// A file that gets the console as well.
  package var consoleFile: ConsoleFile?
  /// Called with each line of the console, when it is complete.
  package var onLine: @Sendable (String) -> Void

  /// Makes a runner; each parameter is the property of its name.
  package init(
    accelerators: [Accelerator]? = nil, silenceLimit: Duration = .seconds(15),
    expectation: String? = nil, expectsKernel: Bool = false, timeout: Duration? = nil,
    isInteractive: Bool = false, consoleFile: ConsoleFile? = nil,
    onLine: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.accelerators = accelerators
    self.silenceLimit = silenceLimit
    self.expectation = expectation
    self.expectsKernel = expectsKernel
    self.timeout = timeout
    self.isInteractive = isInteractive
    self.consoleFile = consoleFile
    self.onLine = onLine
  }

  /// Boots the machine, on the next accelerator when the guest stays silent on the first.
  /// - Throws: `KitError.unexpected` when the expectation is not met, with the console's last lines.
  package func run(_ machine: MachineDescription) async throws -> Outcome {
    try Self.checkProc()
    let candidates = accelerators ?? Accelerator.candidates(machine.model.architecture)
    for (index, candidate) in candidates.enumerated() {
      let isLast = index == candidates.count - 1
      if let outcome = try await run(machine, candidate, isLast: isLast) {
        return outcome
      }
    }
    throw KitError(.unexpected, "no output from the guest on any accelerator")
  }

  /// Checks that /proc is there: libdispatch, which waits for guests, ends the program where it can't read there how
  /// its threads are.
  /// - Throws: `KitError.missing` where it is not, as in a plain chroot(2).
  package static func checkProc() throws {
    guard FileTree.status("/proc/self/stat") == nil else { return }
    throw KitError(
      .missing, "/proc is not mounted, but watching a guest requires it",
      advice: "mount -t proc proc /proc")
  }

  /// Longer than any machine runs; the runtime traps on what its clock can't count to.
  private static let longestSleep = Duration.seconds(1 << 32)

  /// How long a guest that panicked is given to say more, or to start again.
  private static let panicSilence = Duration.seconds(3)

  /// - Returns: nil when the guest said nothing, and another accelerator may be tried.
  private func run(
    _ machine: MachineDescription, _ accelerator: Accelerator, isLast: Bool
  ) async throws -> Outcome? {
    let arguments = try machine.arguments(
      accelerator, isInteractive: isInteractive,
      consoleFile: isInteractive ? consoleFile?.path : nil)
    if isInteractive {
      return try await runInteractively(machine, arguments, accelerator, isLast: isLast)
    }
    // Nobody hears a healthy guest that was told to be quiet, and its disk may be the user's.
    let tellsNothing = isLast || machine.isQuiet
    let watch = GuestWatch(
      expectation.map {
        ConsoleExpectation($0, countsKernel: expectsKernel, isQuiet: machine.isQuiet)
      },
      refusesShellAsInit: expectation == nil && !machine.words.contains { $0.hasPrefix("init=") })
    let clock = ContinuousClock()
    let begin = clock.now
    let result: ExecutionResult<(Int32, BootTimeline, Complaint), SequenceOutput, SequenceOutput>
    let start = RunningProcesses.willStart()
    defer { RunningProcesses.forgetStart(start) }
    // They go on until QEMU has ended, which takes a while after its console has.
    var limits: [Task<Void, any Error>] = []
    defer { limits.forEach { $0.cancel() } }
    do {
      result = try await Subprocess.run(
        .name(machine.model.emulator), arguments: Arguments(arguments), input: .none,
        output: .sequence, error: .sequence
      ) { execution in
        let process = execution.processIdentifier.value
        RunningProcesses.add(process, start: start)
        consoleFile?.begin()
        let errors = execution.standardError
        async let complaint = Complaint(reading: errors)
        limits = startLimits(watch, process, isLast: tellsNothing)
        let timeline = try await follow(
          execution.standardOutput, watch, of: process, since: begin)
        return (process, timeline, await complaint)
      }
    } catch let error as SubprocessError {
      throw failure(of: machine.model, error)
    }
    let (process, timeline, complaint) = result.closureResult
    RunningProcesses.forget(process)
    let outcome = Outcome(
      accelerator: accelerator, expectedAfter: watch.expectedAfter, lastLines: watch.lines,
      timeline: timeline)
    let mayTryNext = try judge(
      watch, result.terminationStatus, complaint.line, machine, tellsNothing: tellsNothing,
      isLast: isLast)
    return mayTryNext ? nil : outcome
  }

  /// Says how a run ended, by what the guest said and QEMU's exit status.
  /// - Returns: whether the next accelerator may be tried; otherwise all went well.
  /// - Throws: `KitError.unexpected` for a guest that did not do what it should.
  private func judge(
    _ watch: GuestWatch, _ status: TerminationStatus, _ complaint: String?,
    _ machine: MachineDescription, tellsNothing: Bool, isLast: Bool
  ) throws -> Bool {
    if watch.expectedAfter != nil { return false }
    let lines = watch.lines
    if case .waitsForSomebody(let line) = watch.cause {
      throw gaveUp(line, lines, "nobody is at the console")
    }
    // A QEMU that ended by itself was quicker than whoever was about to kill it.
    let wasKilled = watch.cause != nil && !status.isSuccess
    if expectation == nil, let words = watch.lastWords {
      if words.kind == .failure { throw gaveUp(words.line, lines) }
      if wasKilled || status.isSuccess { return false }
    }
    if wasKilled {
      if case .silent = watch.cause { return true }
      if watch.isSilent, !tellsNothing { return true }
      throw unmet(withinTimeout, watch)
    }
    if watch.isSilent, status.isSuccess ? !tellsNothing : !isLast { return true }
    if expectation == nil, status.isSuccess { return false }
    if watch.isSilent || expectation == nil {
      throw KitError(
        .unexpected, complaint ?? ended(machine, status),
        advice: complaint == nil && watch.isSilent
          ? "give the guest more --memory, or another --accel" : nil)
    }
    throw unmet("before the guest ended", watch, complaint)
  }

  private func gaveUp(_ line: String, _ lines: [String], _ note: String? = nil) -> KitError {
    KitError(
      .unexpected,
      "the guest gave up: \(lines.reason(for: line) ?? line)\(note.map { " (\($0))" } ?? "")",
      advice: "the console's last lines:", details: lines.lastLines())
  }

  /// Takes the console's bytes until there are no more, or what they say ends the guest.
  private func follow(
    _ console: SubprocessOutputSequence, _ watch: GuestWatch, of process: Int32,
    since begin: ContinuousClock.Instant
  ) async throws -> BootTimeline {
    var timeline = BootTimeline()
    for try await piece in console {
      let time = ContinuousClock.now - begin
      let bytes = unsafe piece.withUnsafeBytes { unsafe Array($0) }
      consoleFile?.write(bytes)
      let (lines, isOver) = watch.receive(bytes, at: time)
      for line in lines {
        timeline.take(line, at: time / .seconds(1))
        onLine(line)
      }
      if isOver {
        RunningProcesses.end(process)
        break
      }
    }
    let rest = watch.unfinishedLine
    if !rest.isEmpty { onLine(rest) }
    return timeline
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

  /// Ends the guest when it stays silent, if another accelerator may be tried, when it has panicked, and when time
  /// is up.
  private func startLimits(
    _ watch: GuestWatch, _ process: Int32, isLast: Bool
  ) -> [Task<Void, any Error>] {
    var limits: [Task<Void, any Error>] = []
    if !isLast {
      limits.append(
        Task {
          try await Task.sleep(for: silenceLimit)
          if watch.isSilent { watch.end(process, .silent) }
        })
    }
    if expectation == nil, !isInteractive {
      limits.append(
        Task {
          try await watch.waitForPanic(silence: Self.panicSilence)
          watch.end(process, .panicked)
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

  /// A QEMU that fails sooner than this has not begun: the accelerator is at fault, or the arguments are.
  private static let soon = Duration.seconds(2)

  /// - Returns: nil when QEMU failed at once, and another accelerator may be tried.
  private func runInteractively(
    _ machine: MachineDescription, _ arguments: [String], _ accelerator: Accelerator, isLast: Bool
  ) async throws -> Outcome? {
    let clock = ContinuousClock()
    let begin = clock.now
    let start = RunningProcesses.willStart()
    defer { RunningProcesses.forgetStart(start) }
    let watch = GuestWatch(nil)
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
    guard status.isSuccess else {
      if watch.cause != nil { throw unmet(withinTimeout, watch) }
      if !isLast, clock.now - begin < Self.soon { return nil }
      throw KitError(.unexpected, ended(machine, status))
    }
    return Outcome(accelerator: accelerator, lastLines: consoleFile?.lastLines ?? [])
  }

  private func ended(_ machine: MachineDescription, _ status: TerminationStatus) -> String {
    let emulator = machine.model.emulator
    return switch status {
    case .exited(0): "\(emulator) ended without a message"
    case .exited(let code): "\(emulator) exited with status \(code)"
    case .signaled(let number): "\(emulator) was killed by signal \(number)"
    }
  }

  private func failure(of model: MachineModel, _ error: SubprocessError) -> KitError {
    guard error.code == .executableNotFound else {
      return KitError(.unexpected, "\(model.emulator) failed to run: \(error)")
    }
    return KitError(
      .missing, "\(model.emulator) is not installed or not on PATH",
      advice: "install QEMU (Debian, Ubuntu: \(model.emulatorPackages))")
  }

  private var withinTimeout: String {
    "within \(timeout.map { "\($0.components.seconds)" } ?? "") s (--timeout)"
  }

  private func unmet(_ when: String, _ watch: GuestWatch, _ complaint: String? = nil) -> KitError {
    let lines = watch.lines + [complaint].compactMap { $0 }
    guard let expectation else {
      return KitError(
        .unexpected, "the guest did not end \(when)",
        advice: lines.isEmpty ? nil : "the console's last lines:", details: lines.lastLines())
    }
    let early =
      watch.cameEarly
      ? "; it came before /init started, which --expect-kernel \(expectation.shellQuoted) counts"
      : ""
    return KitError(
      .unexpected, "\(expectation.quoted) did not come \(when)\(early)",
      advice: lines.isEmpty ? nil : "the console's last lines:", details: lines.lastLines())
  }
}
