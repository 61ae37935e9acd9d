import CMiniVM
import Formats
import Glibc
import KernelKit

/// Nobody can be told when this fails.
func writeToStandardError(_ line: String) {
  CommandEnvironment.progressLine.end()
  _ = write(Array((line + "\n").utf8), to: STDERR_FILENO)
}

func writeToStandardOutput(_ bytes: [UInt8]) throws(KitError) {
  guard write(bytes, to: STDOUT_FILENO) else { throw standardOutputFailure }
}

/// A line of what may come from others: a kit, a package, a guest.
func printVisibly(_ line: String) {
  print(line.visible)
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
