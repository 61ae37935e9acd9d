#if !hasFeature(Embedded)
  import Formats
#endif

/// Carries the command's streams over the channel until it has ended and the host has all of it.
struct Relay {
  private var channel: Channel
  private var command: RunningCommand
  private let signals: Int32
  /// The file system that keeps what the guest changes; -1 for none.
  private let changes: Int32
  /// Bytes that the host still takes of stdout and stderr.
  private var windows = [RunFrame.window, RunFrame.window]
  /// What the command has not read yet of its stdin, and how much of the first it has.
  private var input: [[UInt8]] = []
  private var inputTaken = 0
  private var isInputEnding = false
  /// Bytes that the command took and the host was not told of.
  private var ungranted = 0
  /// Nobody has the command's terminal open, which the kernel says again and again.
  private var isHungUp = false
  /// How the command has ended, once it has.
  private var ended: Kernel.Ended?
  private var status: Int? { ended?.status }

  init(_ channel: Channel, _ command: RunningCommand, signals: Int32, changes: Int32) {
    self.channel = channel
    self.command = command
    self.signals = signals
    self.changes = changes
  }

  /// - Returns: the channel, when the host has acknowledged the end or is gone.
  mutating func run() -> Channel {
    while !channel.isLost {
      if status != nil, command.outputs.allSatisfy({ $0 < 0 }) { break }
      wait()
      reap()
      for stream in [0, 1] { forward(stream) }
      feed()
      channel.flush()
    }
    finish()
    return channel
  }

  // MARK: Waiting

  private mutating func wait() {
    // One piece of each stream waits for room in the channel at most.
    let hasRoom = !channel.hasOutput
    func wantsOutput(_ stream: Int) -> Bool {
      hasRoom && command.outputs[stream] >= 0 && windows[stream] > 0 && !isHungUp
    }
    var polls = [
      Kernel.Poll(file: channel.file, wantsInput: true, wantsOutput: channel.hasOutput),
      Kernel.Poll(file: signals, wantsInput: true),
      Kernel.Poll(file: command.outputs[0], wantsInput: wantsOutput(0)),
      Kernel.Poll(file: command.outputs[1], wantsInput: wantsOutput(1)),
      Kernel.Poll(file: command.input, wantsOutput: command.input >= 0 && !input.isEmpty),
    ]
    // With the command gone, what its pipes hold is there at once.
    let isDraining = status != nil && (wantsOutput(0) || wantsOutput(1))
    Kernel.poll(&polls, milliseconds: isDraining ? 0 : isHungUp ? 100 : nil)
    isHungUp = false
    if polls[0].isReadable {
      for frame in channel.receive() { take(frame) }
    }
  }

  private mutating func reap() {
    _ = Kernel.read(signals, count: 128)
    while let child = Kernel.reap() {
      if child.process == command.process { ended = child }
    }
  }

  private mutating func take(_ frame: RunFrame) {
    let stream = Int(frame.stream)
    switch frame.kind {
    case .data where stream == 0:
      if command.input >= 0 { input.append(frame.payload) }
    case .end where stream == 0: isInputEnding = true
    case .end:
      // Nobody reads it: the command is told by the next write, as in a pipeline.
      closeOutput(stream - 1)
    case .credit where stream > 0:
      windows[stream - 1] = min(
        RunFrame.window, windows[stream - 1] + Int(frame.numbers.first ?? 0))
    case .size:
      let numbers = frame.numbers
      if command.isTerminal, numbers.count == 2, command.outputs[0] >= 0 {
        Kernel.setSize(of: command.outputs[0], rows: numbers[0], columns: numbers[1])
      }
    case .signal:
      if status == nil, let number = frame.numbers.first, (1...64).contains(number) {
        Kernel.kill(-command.process, signal: Int(number))
      }
    default: break
    }
  }

  // MARK: Streams

  /// Sends a piece of stdout or stderr.
  private mutating func forward(_ stream: Int) {
    let file = command.outputs[stream]
    guard file >= 0, !channel.isLost, windows[stream] > 0, !channel.hasOutput else { return }
    let number = UInt8(stream + 1)
    let (bytes, count) = Kernel.read(
      file, count: min(RunFrame.pieceSize, windows[stream]),
      after: RunFrame.header(.data, stream: number, count: 0))
    if count == Kernel.again {
      // What is not there now comes of processes that the command has left behind.
      if status != nil { closeOutput(stream) }
      return
    }
    // 0: all have closed it. EIO: so it is with a terminal.
    guard count > 0 else {
      if !command.isTerminal || status != nil {
        closeOutput(stream)
      } else {
        // The command may open it again.
        isHungUp = true
      }
      return
    }
    windows[stream] -= count
    var frame = bytes
    let header = RunFrame.header(.data, stream: number, count: count)
    for index in header.indices { frame[index] = header[index] }
    channel.send(frame)
    channel.flush()
  }

  private mutating func closeOutput(_ stream: Int) {
    guard stream < command.outputs.count, command.outputs[stream] >= 0 else { return }
    if command.isTerminal { command.input = -1 }
    System.close(command.outputs[stream])
    command.outputs[stream] = -1
  }

  /// Hands the command what has come for its stdin.
  private mutating func feed() {
    while command.input >= 0, let bytes = input.first {
      let count = Kernel.write(bytes, from: inputTaken, to: command.input)
      if count == Kernel.again { break }
      guard count > 0 else {
        // The command does not read any more.
        closeInput()
        channel.send(RunFrame(.end, stream: 0))
        return
      }
      inputTaken += count
      ungranted += count
      if inputTaken == bytes.count {
        input.removeFirst()
        inputTaken = 0
      }
    }
    if ungranted >= RunFrame.window / 4 || input.isEmpty && ungranted > 0 {
      channel.send(RunFrame(.credit, stream: 0, numbers: [UInt32(ungranted)]))
      ungranted = 0
    }
    if isInputEnding, input.isEmpty, command.input >= 0, !command.isTerminal { closeInput() }
  }

  private mutating func closeInput() {
    if !command.isTerminal { System.close(command.input) }
    command.input = -1
    input = []
  }

  // MARK: The end

  /// Tells how the command ended, after all else that it did.
  private mutating func finish() {
    guard let ended, !channel.isLost else { return }
    let status = ended.status
    // Processes that it left behind end with the machine.
    Kernel.kill(-1, signal: 9)
    if changes >= 0 { Kernel.reapAll(milliseconds: 2000) }
    Kernel.sync()
    FileSystems.close(changes)
    let isSignal = status & 0x7f != 0
    let number = isSignal ? status & 0x7f : status >> 8 & 0xff
    var numbers = [isSignal ? 1 : 0, UInt32(number)]
    for value in ended.usage {
      numbers.append(UInt32(truncatingIfNeeded: value))
      numbers.append(UInt32(truncatingIfNeeded: value >> 32))
    }
    channel.send(RunFrame(.exited, numbers: numbers))
    channel.flushAll()
    let start = System.uptime
    while !channel.isLost, System.uptime - start < 10_000 {
      var polls = [Kernel.Poll(file: channel.file, wantsInput: true)]
      Kernel.poll(&polls, milliseconds: 1000)
      if polls[0].isReadable, channel.receive().contains(where: { $0.kind == .acknowledged }) {
        return
      }
    }
  }
}
