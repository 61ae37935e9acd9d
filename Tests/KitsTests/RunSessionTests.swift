import Formats
import Glibc
import TestSupport
import Testing

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// What `minivm run` makes of a guest that says what it likes; in the machine's place stands a program that does
/// nothing.
@Suite struct RunSessionTests {
  /// - Parameters:
  ///   - machine: what QEMU does: sleep, end with success or fail.
  ///   - bytes: what the guest sends.
  /// - Returns: how it ended, and the kinds of the frames that the guest got.
  private static func run(
    _ machine: [String], _ bytes: [UInt8], seconds: Int? = nil,
    startLimit: UInt64 = 600_000_000_000, warnings: KernelWarnings? = nil
  ) throws -> (ending: RunEnding?, got: [RunFrame.Kind]) {
    let channel = try RunSocket.pair()
    var signals: [Int32] = [0, 0]
    #expect(unsafe pipe(&signals) == 0)
    let child = try ChildProcess(machine[0], Array(machine.dropFirst()))
    #expect(unsafe write(channel.theirs, bytes, bytes.count) == bytes.count)
    // Nothing more comes; what is sent back can still be read.
    shutdown(channel.theirs, Int32(SHUT_WR))
    let session = RunSession(
      child, servers: [],
      files: RunSession.Files(channel: channel.ours, signals: signals[0], console: -1),
      job: [RunFrame(.argument, Array("x".utf8)), RunFrame(.start)], hasTerminal: false,
      deadline: seconds.map { (monotonicTime() + UInt64($0) * 1_000_000_000, $0) }, silence: nil,
      startLimit: startLimit, warnings: warnings, onNotice: { _ in })
    let ending = session.run()
    child.end()
    close(channel.ours)
    var decoder = RunFrameDecoder()
    decoder.append(ChildProcess.readPiece(channel.theirs))
    var got: [RunFrame.Kind] = []
    while case .frame(let frame) = decoder.next() { got.append(frame.kind) }
    for file in [channel.theirs] + signals { close(file) }
    return (ending, got)
  }

  private static let idle = ["/bin/sleep", "600"]
  private static let hello = RunFrame(.hello, numbers: [RunFrame.version]).bytes
  private static let started = RunFrame(.started, numbers: [7]).bytes

  private static func exited(_ numbers: UInt32...) -> [UInt8] {
    RunFrame(.exited, numbers: numbers + [2_500_000, 0, 1, 1, 2048, 0]).bytes
  }

  @Test("The command's end is acknowledged")
  func ends() throws {
    let exit = try Self.run(Self.idle, Self.hello + Self.started + Self.exited(0, 3))
    #expect(exit.ending == .exited(3))
    #expect(exit.got == [.argument, .time, .start, .acknowledged])
    let signal = try Self.run(Self.idle, Self.hello + Self.started + Self.exited(1, 9))
    #expect(signal.ending == .killed(signal: 9))
    #expect(signal.ending?.status == 137)
    let missing = RunFrame(.failed, numbers: [127, 2]).bytes
    #expect(
      try Self.run(Self.idle, Self.hello + missing).ending
        == .refused(status: 127, "x: command not found"))
  }

  @Test("Without the command's end there is no success, whatever QEMU's exit code")
  func dies() throws {
    // 256 is no exit code, and an end that is cut off is none.
    for tail in [
      [], Self.exited(0, 256), Self.exited(0),
      RunFrame(.exited, numbers: [0, 0]).bytes, Array(Self.exited(0, 0).dropLast()),
    ] {
      let result = try Self.run(["/bin/true"], Self.hello + Self.started + tail)
      guard case .died = result.ending else {
        Issue.record("\(tail): \(String(describing: result.ending))")
        continue
      }
      #expect(result.ending?.status == 255)
    }
    let failed = try Self.run(["/bin/false"], Self.hello)
    #expect(failed.ending == .failed("false exited with status 1", lines: []))
    #expect(try Self.run(["/bin/true"], []).ending?.message?.contains("--memory") == true)
  }

  @Test("An end that came before QEMU's counts")
  func endsBefore() throws {
    let result = try Self.run(["/bin/false"], Self.hello + Self.started + Self.exited(0, 0))
    #expect(result.ending == .exited(0))
  }

  @Test("What is no message, or of another version, ends the run as a failure")
  func malformed() throws {
    for bytes in [
      Self.hello + [9, 9, 9, 9, 0, 0, 0, 0], RunFrame(.hello, numbers: [1]).bytes,
    ] {
      #expect(try Self.run(Self.idle, bytes).ending?.status == 125)
    }
  }

  @Test("A guest that says nothing is ended in time")
  func timeout() throws {
    #expect(
      try Self.run(Self.idle, Self.hello + Self.started, seconds: 1).ending
        == .timedOut(seconds: 1))
  }

  @Test("An agent that does not start is not waited for without end")
  func startLimit() throws {
    let ending = try Self.run(Self.idle, [], startLimit: 1_000_000_000).ending
    #expect(ending == .died("the guest's agent did not start within 1 s", lines: []))
    // Once it has started, its command may take its time.
    #expect(
      try Self.run(Self.idle, Self.hello + Self.started, seconds: 2, startLimit: 1_000_000_000)
        .ending == .timedOut(seconds: 2))
  }

  @Test("A kernel's last words: what it did, and why")
  func lastWords() {
    for (line, message) in [
      ("[    3.5] reboot: Power down", "the machine powered off before the command ended"),
      ("[    3.5] reboot: Restarting system", "the machine restarted before the command ended"),
      ("[    3.5] sysrq: Resetting", "the machine restarted before the command ended"),
      ("[    3.5] reboot: System halted", "the machine halted before the command ended"),
      ("nothing", "the machine powered off or restarted before the command ended"),
    ] {
      #expect(
        KernelDeath(["first", line]).ending(isStarted: true) == .died(message, lines: []))
    }
    let lines = [
      "[1] Internal error: Oops: 96000045 [#1] SMP", "[2] Kernel panic - not syncing: x",
    ]
    #expect(
      KernelDeath(["first"] + lines).ending(isStarted: false)
        == .died("the kernel panicked before the command started", lines: lines))
    #expect(KernelDeath.isStop("[3] ---[ end Kernel panic - not syncing: x ]---"))
    #expect(KernelDeath.isStop("[3] reboot: System halted"))
    #expect(!KernelDeath.isStop("reboot: System halted, said a program"))
  }

  @Test(
    "A success with warnings of the kernel is none where they count, and another end stays what it is"
  )
  func warnings() throws {
    let line = "[    1.2] WARNING: CPU: 0 PID: 1 at x.c:1"
    let machine = ["/bin/sh", "-c", "echo '\(line)'"]
    let success = Self.hello + Self.started + Self.exited(0, 0)
    #expect(
      try Self.run(machine, success, warnings: KernelWarnings()).ending
        == .warned([line], count: 1))
    #expect(RunEnding.warned([line], count: 1).status == 254)
    #expect(try Self.run(machine, success).ending == .exited(0))
    #expect(
      try Self.run(machine, success, warnings: KernelWarnings(allowed: ["x.c"])).ending
        == .exited(0))
    #expect(
      try Self.run(
        machine, Self.hello + Self.started + Self.exited(0, 3), warnings: KernelWarnings()
      ).ending == .exited(3))
  }
}
