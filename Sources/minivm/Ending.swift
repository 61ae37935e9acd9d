import ArgumentParser
import Basics
import CMiniVM
import Formats
import Glibc
import Machines

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

/// Files that a command may have open at a time: `fetch` takes more than 20.
private let openFilesNeeded = 64

/// Nothing is begun without room for open files: libdispatch and Subprocess trap then.
func checkOpenFiles() throws(KitError) {
  let limit = minivm_open_file_limit()
  if limit < openFilesNeeded {
    throw KitError(
      .invalid, "this process may have \(limit) open files, but needs \(openFilesNeeded)",
      advice: "raise the limit (ulimit -n)")
  }
}

/// Checks that threads can be started before anything waits for one: libdispatch would try again forever.
/// - Throws: `KitError.invalid` with what keeps this process from having threads.
func checkThreads() throws(KitError) {
  let error = minivm_try_threads(Int32(threadsNeeded))
  guard error != 0 else { return }
  let reason = unsafe String(cString: strerror(error))
  throw KitError(
    .invalid, "cannot start \(threadsNeeded) threads: \(reason)",
    advice: error == EAGAIN
      ? "raise the limit on processes (ulimit -u, or the container's pids limit) or on memory (ulimit -v)"
      : "allow clone3 in the container's seccomp profile, or update its container runtime")
}

/// Threads that a command may have at a time: libdispatch's and its own workers, one of either a core, and those
/// that wait for signals, for processes, and for the network. Beyond eight cores, workers that cannot be had are
/// done without.
private var threadsNeeded: Int { 8 + 2 * min(Machine.cores, 8) }
