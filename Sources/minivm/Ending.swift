import ArgumentParser
import CMemory
import CMiniVM
import Formats
import Glibc
import KernelKit

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
      printText(text)
      exit(0)
    }
    let prefix = "Error: "
    if !text.isEmpty {
      writeToStandardError(
        text.hasPrefix(prefix) ? "minivm: \(text.dropFirst(prefix.count))" : text)
    }
    exit(
      MiniVM.failureStatus(
        code == .validationFailure ? KitError.Code.usage.rawValue : code.rawValue))
  }
  writeToStandardError("minivm: \(failure)")
  exit(MiniVM.failureStatus(failure.code.rawValue))
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
