import ArgumentParser
import CMiniVM
import Formats
import Glibc
import KernelKit

/// Writes one line about a failure to stderr and ends the program with the failure's exit code.
func end(with error: any Error) -> Never {
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

func writeToStandardError(_ line: String) {
  write(Array((line + "\n").utf8), to: STDERR_FILENO)
}

func writeToStandardOutput(_ bytes: [UInt8]) {
  write(bytes, to: STDOUT_FILENO)
}

/// Nobody can be told when this fails.
private func write(_ bytes: [UInt8], to descriptor: Int32) {
  unsafe bytes.withUnsafeBytes { bytes in
    var done = 0
    while done < bytes.count {
      let put = unsafe Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      guard put > 0 || errno == EINTR else { return }
      done += max(0, put)
    }
  }
}

/// Ctrl-C and `kill` leave no temporary file behind.
func removeUnfinishedFilesOnTermination() {
  _ = minivm_on_termination {
    RunningProcesses.killAll()
    TemporaryPaths.removeAll()
  }
}
