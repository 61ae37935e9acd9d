import ArgumentParser
import CMemory
import CMiniVM
import Formats
import Glibc
import KernelKit
import Synchronization

/// Writes one line about a failure to stderr and ends the program with the failure's exit code.
func end(with error: any Error) -> Never {
  TemporaryPaths.waitIfEnding()
  // Threads that are still at work may hold files that go when the last of them lets go.
  TemporaryPaths.removeAll()
  let failure: KitError
  switch error {
  case let error as KitError: failure = error
  case let error as FormatError: failure = KitError(error)
  default:
    let code = MiniVM.exitCode(for: error)
    let text = MiniVM.fullMessage(for: error)
    if code == .success {
      print(text)
      exit(0)
    }
    if !text.isEmpty { writeToStandardError(text) }
    exit(code == .validationFailure ? KitError.Code.usage.rawValue : code.rawValue)
  }
  writeToStandardError("minivm: \(failure)")
  exit(failure.code.rawValue)
}

/// Nobody can be told when this fails.
func writeToStandardError(_ line: String) {
  _ = write(Array((line + "\n").utf8), to: STDERR_FILENO)
}

func writeToStandardOutput(_ bytes: [UInt8]) throws(KitError) {
  guard write(bytes, to: STDOUT_FILENO) else { throw standardOutputFailure }
}

func printJSON(_ value: some Encodable) throws {
  print(String(decoding: try JSON.encode(value), as: UTF8.self), terminator: "")
}

private func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
  unsafe bytes.withUnsafeBytes { bytes in
    var done = 0
    while done < bytes.count {
      let put = unsafe Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      guard put > 0 || errno == EINTR else { return false }
      done += max(0, put)
    }
    return true
  }
}

private let standardOutputFailure = KitError(
  .invalid, "stdout: can't be written", advice: "files that were asked for are complete")

/// Results on stdout are results: a full disk or a closed file there is a failure.
func finishStandardOutput() throws(KitError) {
  guard minivm_finish_stdout() == 0 else {
    throw standardOutputFailure
  }
}

/// The user's terminal as it was before a guest had it.
private let terminal = Mutex<termios?>(nil)

func keepTerminal() {
  var settings = termios()
  guard unsafe tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
  terminal.withLock { [settings] in $0 = settings }
}

func restoreTerminal() {
  terminal.withLock { kept in
    guard var settings = kept else { return }
    unsafe _ = tcsetattr(STDIN_FILENO, TCSANOW, &settings)
  }
}

/// Ctrl-C and `kill` leave no temporary file and no guest behind.
func removeUnfinishedFilesOnTermination() {
  _ = minivm_on_termination {
    // First of all, so that the end of a guest is not taken for a failure.
    TemporaryPaths.removeAll()
    RunningProcesses.killAll()
    restoreTerminal()
  }
}

/// Memory that can't be had is a failure like others: one line, an exit code, nothing half-written.
func endOnMemoryShortage() {
  minivm_on_memory_shortage { bytes in
    // There may be none for a text that is put together.
    if bytes > 0 {
      writeStatic("minivm: there is not enough memory: ")
      writeNumber(bytes)
      writeStatic(" bytes more are not to be had; raise the limit (ulimit -v)\n")
    } else if bytes < 0 {
      writeStatic(
        "minivm: another file in /proc can't be opened; raise the limit of open files (ulimit -n)\n"
      )
    } else {
      writeStatic(
        "minivm: another thread is not to be had; raise the limits of memory and processes (ulimit -v, -u)\n"
      )
    }
    minivm_terminate(KitError.Code.invalid.rawValue)
  }
}

private func writeNumber(_ number: Int) {
  var place = 1
  while number / place >= 10 { place *= 10 }
  while place > 0 {
    var digit = UInt8(ascii: "0") + UInt8(number / place % 10)
    unsafe _ = Glibc.write(STDERR_FILENO, &digit, 1)
    place /= 10
  }
}

private func writeStatic(_ text: StaticString) {
  unsafe _ = Glibc.write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
}

/// Files that a command may have open at a time: `fetch` takes more than 20.
private let openFilesNeeded = 64

/// Nothing is begun without room for open files: libdispatch and Subprocess trap then.
func checkOpenFiles() throws(KitError) {
  let limit = minivm_open_file_limit()
  if limit < openFilesNeeded {
    throw KitError(
      .invalid, "this process may have \(limit) open files, and needs \(openFilesNeeded)",
      advice: "raise the limit (ulimit -n)")
  }
}

/// A job that is sure to be killed for its memory, or to wait for threads that it can't have, is not
/// begun.
/// - Parameter needed: MiB of memory that it takes at least.
func checkMemoryLimits(_ needed: Int) throws(KitError) {
  // Threads' stacks and arenas are addresses; most of them never become memory.
  for (limit, needed, name) in [
    (minivm_memory_limit(), needed, "its control group"),
    (minivm_address_space_limit(), needed + 128, "ulimit -v"),
  ] where limit < needed << 20 {
    throw KitError(
      .invalid, "this process may have \(limit >> 20) MiB of memory, and needs \(needed)",
      advice: "raise the limit that \(name) sets")
  }
}
