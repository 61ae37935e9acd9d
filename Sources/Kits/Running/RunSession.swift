internal import CMiniVM
internal import Formats
internal import Glibc
internal import Machines

/// One machine, from QEMU's start to its end: carries the streams between the guest's command and this
/// program's own, and finds out how it ended. All on the thread that calls `run`, with which QEMU ends.
final class RunSession {
  struct Times: Sendable {
    /// Seconds from QEMU's start.
    var hello: Double?
    var started: Double?
    var ended: Double?
  }

  struct Files {
    /// The channel's end on this side.
    var channel: Int32
    /// Numbers of signals as bytes.
    var signals: Int32
    /// Where the console goes, too; -1 for nowhere.
    var console: Int32
  }

  private let machine: ChildProcess
  private let servers: [ChildProcess]
  private let files: Files
  private let hello: [RunFrame]
  private let hasTerminal: Bool
  private let deadline: (time: UInt64, seconds: Int)?
  /// Nanoseconds until a machine that says nothing is given up; nil for never.
  private let silence: UInt64?
  /// Nanoseconds until a guest whose agent has not started is given up.
  private let startLimit: UInt64
  private let onNotice: (String) -> Void

  private let begin = monotonicTime()
  private(set) var times = Times()
  private(set) var resources: RunResources?
  private var channel: RunChannel
  private var input: RunInput
  private var outputs = [RunOutput(STDOUT_FILENO), RunOutput(STDERR_FILENO)]
  /// Bytes that were written and that the guest was not told of.
  private var ungranted = [0, 0]
  private var console = Console()
  private var complaints: RunTail
  private var serverComplaints: RunTail
  private var openFiles: Set<Int32>
  private var interruptions = 0
  private var notices = 0
  private(set) var warnings: KernelWarnings
  private let failsOnWarnings: Bool
  /// The kernel has stopped, and QEMU does not notice.
  private var hasStopped = false
  /// What the guest says of the command's end.
  private var verdict: RunEnding?

  /// - Parameters:
  ///   - job: what is sent when the guest is there.
  ///   - deadline: by `monotonicTime`, and the seconds that it stands for.
  ///   - warnings: collects the kernel's; nil where they make no success a failure.
  ///   - startLimit: nanoseconds; by far more than an emulated machine takes.
  init(
    _ machine: ChildProcess, servers: [ChildProcess], files: Files, job: [RunFrame],
    hasTerminal: Bool, deadline: (time: UInt64, seconds: Int)?, silence: UInt64?,
    startLimit: UInt64 = 600_000_000_000, inputWindow: Int = RunFrame.window,
    warnings: KernelWarnings? = nil,
    onNotice: @escaping (String) -> Void
  ) {
    self.machine = machine
    self.servers = servers
    self.files = files
    self.hello = job
    channel = RunChannel(files.channel)
    input = RunInput(isTerminal: hasTerminal, window: inputWindow)
    self.hasTerminal = hasTerminal
    self.deadline = deadline
    self.silence = silence
    self.startLimit = startLimit
    self.warnings = warnings ?? KernelWarnings()
    failsOnWarnings = warnings != nil
    self.onNotice = onNotice
    (complaints, serverComplaints) = (RunTail(), RunTail())
    openFiles = Set([machine.output, machine.errors] + servers.flatMap { [$0.output, $0.errors] })
  }

  var isSilent: Bool { console.isSilent && times.hello == nil }
  private var isStarted: Bool { times.started != nil }

  /// - Returns: nil for a machine that said nothing for too long.
  func run() -> RunEnding? {
    while true {
      if let verdict, outputs.allSatisfy({ !$0.wantsRoom }) { return finish(verdict) }
      if let ending = limits() { return ending }
      if let silence, isSilent, monotonicTime() - begin > silence { return nil }
      if let ending = step() { return ending }
    }
  }

  // MARK: Waiting

  private func limits() -> RunEnding? {
    guard verdict == nil else { return nil }
    let now = monotonicTime()
    if let deadline, now >= deadline.time { return .timedOut(seconds: deadline.seconds) }
    guard times.hello == nil, now - begin >= startLimit else { return nil }
    return .died(
      "the guest's agent did not start within \(startLimit / 1_000_000_000) s",
      lines: console.lines.suffix(12))
  }

  private func step() -> RunEnding? {
    var polls: [pollfd] = []
    func add(_ file: Int32, _ events: Int32) -> Int {
      polls.append(pollfd(fd: file, events: Int16(events), revents: 0))
      return polls.count - 1
    }
    let channelPoll = add(
      channel.isOpen ? files.channel : -1,
      POLLIN | (channel.waiting == 0 ? 0 : POLLOUT))
    let signalPoll = add(files.signals, POLLIN)
    let ends = [machine.endFile] + servers.map(\.endFile)
    let endPolls = ends.map { add(verdict == nil ? $0 : -1, POLLIN) }
    let inputPoll = add(wantsInput ? STDIN_FILENO : -1, POLLIN)
    let outputPolls = outputs.map { add($0.wantsRoom ? $0.file : -1, POLLOUT) }
    let texts = openFiles.map { ($0, add($0, POLLIN)) }
    let wait = waitingTime()
    let count = unsafe polls.withUnsafeMutableBufferPointer {
      unsafe poll($0.baseAddress, nfds_t($0.count), wait)
    }
    guard count > 0 else {
      // What the guest sent before has been read by now.
      return hasStopped && verdict == nil && !outputs.contains(where: \.wantsRoom) ? death : nil
    }
    func isReady(_ index: Int) -> Bool { polls[index].revents != 0 }
    for (file, index) in texts where isReady(index) { readText(file) }
    if isReady(signalPoll), let ending = takeSignals() { return ending }
    if isReady(channelPoll) {
      if polls[channelPoll].revents & Int16(POLLOUT) != 0 { channel.flush() }
      if polls[channelPoll].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0,
        let ending = receive()
      {
        return ending
      }
    }
    for (index, place) in outputPolls.enumerated() where isReady(place) { write(index) }
    if isReady(inputPoll), let frame = input.read() { channel.send(frame) }
    if input.hasLeft { return .left }
    if zip(endPolls, [machine] + servers).contains(where: { isReady($0) && $1.hasEnded }) {
      return machineEnded()
    }
    return nil
  }

  private var wantsInput: Bool {
    isStarted && input.wantsBytes && verdict == nil && channel.waiting < 8
  }

  private func waitingTime() -> Int32 {
    var limit: UInt64?
    let now = monotonicTime()
    if let deadline { limit = deadline.time - min(deadline.time, now) }
    if let silence, isSilent {
      let end = begin + silence
      limit = min(limit ?? .max, end - min(end, now))
    }
    if times.hello == nil {
      let end = begin + startLimit
      limit = min(limit ?? .max, end - min(end, now))
    }
    if hasStopped { limit = min(limit ?? .max, 200_000_000) }
    guard let limit else { return -1 }
    return Int32(min(limit / 1_000_000 + 1, 3_600_000))
  }

  /// What QEMU, virtiofsd and the guest's console say.
  private func readText(_ file: Int32) {
    let piece = ChildProcess.readPiece(file)
    if piece.isEmpty { openFiles.remove(file) }
    switch file {
    case machine.output:
      for line in console.receive(piece) {
        if KernelDeath.isStop(line) { hasStopped = true }
        warnings.take(line)
      }
      if files.console >= 0 { _ = unsafe Glibc.write(files.console, piece, piece.count) }
    case machine.errors: complaints.append(piece)
    default: serverComplaints.append(piece)
    }
  }

  // MARK: The channel

  private func receive() -> RunEnding? {
    let (frames, isMalformed): ([RunFrame], Bool) =
      switch channel.receive() {
      case .frames(let frames): (frames, false)
      case .malformed(let frames): (frames, true)
      }
    for frame in frames {
      if let ending = take(frame) { return ending }
    }
    return isMalformed
      ? .failed("the guest sent what is no message of its agent", lines: []) : nil
  }

  private func take(_ frame: RunFrame) -> RunEnding? {
    // After its verdict a guest has nothing to say.
    guard verdict == nil else { return nil }
    let numbers = frame.numbers
    let stream = Int(frame.stream)
    switch frame.kind {
    case .hello:
      guard numbers == [RunFrame.version] else {
        return .failed(
          "the guest's agent speaks version \(numbers.first ?? 0) of the channel, not \(RunFrame.version)",
          lines: [])
      }
      guard times.hello == nil else { break }
      times.hello = seconds
      for frame in hello {
        if frame.kind == .start { channel.send(.presentTime) }
        channel.send(frame)
      }
    case .started: times.started = times.started ?? seconds
    case .data where stream > 0:
      guard
        outputs[stream - 1].waiting + ungranted[stream - 1] + frame.payload.count
          <= RunFrame.window
      else { return .failed("the guest sent more than it was allowed to", lines: []) }
      outputs[stream - 1].append(frame.payload)
    case .end where stream == 0: input.close()
    case .credit where stream == 0: input.grant(Int(numbers.first ?? 0))
    case .notice where notices < 16:
      notices += 1
      onNotice(String(decoding: frame.payload, as: UTF8.self).visible)
    case .exited where numbers.count == 8 && numbers[1] < (numbers[0] == 0 ? 256 : 128):
      times.ended = seconds
      resources = RunResources(numbers[2...])
      verdict =
        numbers[0] == 0
        ? .exited(Int(numbers[1])) : .killed(signal: Int(numbers[1]))
    case .failed where numbers.count >= 2:
      verdict = RunEnding(
        refusal: Array(frame.payload.dropFirst(8)), numbers, command: commandName,
        lines: console.lines.suffix(5))
    default: break
    }
    return nil
  }

  // MARK: Streams

  private func write(_ index: Int) {
    let count = outputs[index].write()
    ungranted[index] += count
    let stream = UInt8(index + 1)
    if outputs[index].isClosed {
      channel.send(RunFrame(.end, stream: stream))
    } else if ungranted[index] >= RunFrame.window / 4 || !outputs[index].wantsRoom {
      if ungranted[index] > 0 {
        channel.send(RunFrame(.credit, stream: stream, numbers: [UInt32(ungranted[index])]))
      }
      ungranted[index] = 0
    }
  }

  private func takeSignals() -> RunEnding? {
    for byte in ChildProcess.readPiece(files.signals, count: 64) {
      let number = Int32(byte)
      if number == SIGWINCH {
        if hasTerminal, isStarted, let size = RunTerminal.size {
          channel.send(RunFrame(.size, numbers: [size.rows, size.columns]))
        }
        continue
      }
      interruptions += 1
      // Who asks twice does not want to wait for the command.
      guard isStarted, interruptions == 1 else { return .interrupted(signal: Int(number)) }
      channel.send(RunFrame(.signal, numbers: [UInt32(number)]))
    }
    return nil
  }

  // MARK: The end

  private func finish(_ verdict: RunEnding) -> RunEnding {
    channel.send(RunFrame(.acknowledged))
    if verdict != .exited(0),
      let line = console.lines.last(where: { $0.contains("Out of memory: Killed process") })
    {
      onNotice("the guest ran out of memory; raise --memory: \(line)")
    }
    guard let problem = outputs.compactMap(\.problem).first else { return judged(verdict) }
    // What the command wrote is not where it should be.
    let end =
      switch verdict {
      case .exited(let status) where status > 0: "; its exit status was \(status)"
      // The command was told by SIGPIPE.
      case .killed(let signal) where signal != Int(SIGPIPE): "; signal \(signal) ended it"
      default: ""
      }
    return .failed("the command's output can't be written: \(problem)\(end)", lines: [])
  }

  /// The verdict, when all that the kernel said is known.
  private func judged(_ verdict: RunEnding) -> RunEnding {
    guard failsOnWarnings else { return verdict }
    readLastWords()
    guard warnings.count > 0 else { return verdict }
    if verdict == .exited(0) { return .warned(warnings.lines, count: warnings.count) }
    for line in warnings.lines { onNotice("kernel warning: \(line)") }
    return verdict
  }

  /// Reads the console until the machine has powered off, for some seconds at most.
  private func readLastWords() {
    let end = monotonicTime() + 5_000_000_000
    while openFiles.contains(machine.output), monotonicTime() < end {
      channel.flush()
      var console = pollfd(fd: machine.output, events: Int16(POLLIN), revents: 0)
      if unsafe poll(&console, 1, 100) > 0 { readText(machine.output) }
    }
  }

  /// QEMU or a server has ended. What the guest said before counts.
  private func machineEnded() -> RunEnding? {
    if let server = servers.first(where: \.hasEnded), !machine.hasEnded, verdict == nil {
      return .failed(server.ending ?? "virtiofsd ended", lines: serverComplaints.lines.suffix(5))
    }
    guard machine.hasEnded else { return nil }
    while channel.isOpen {
      if let ending = receive() { return ending }
    }
    for file in openFiles where file == machine.output || file == machine.errors {
      while openFiles.contains(file) { readText(file) }
    }
    // The loop writes what is left of the output.
    if verdict != nil { return nil }
    if !machine.hasSucceeded {
      return .failed(machine.ending ?? "QEMU failed", lines: complaints.lines.suffix(5))
    }
    if isSilent {
      return .died("the machine ended before its kernel said a word; raise --memory", lines: [])
    }
    return death
  }

  private var commandName: String {
    let name = hello.first { $0.kind == .argument }?.payload ?? []
    return String(decoding: name, as: UTF8.self).visible
  }

  private var death: RunEnding { KernelDeath(console.lines).ending(isStarted: isStarted) }

  private var seconds: Double { Double(monotonicTime() - begin) / 1e9 }
}
