import Basics
import CMiniVM
import Formats
import Glibc

/// Nobody can be told when this fails.
func writeToStandardError(_ line: String) {
  CommandEnvironment.progressLine.end()
  _ = write(Array((line + "\n").utf8), to: STDERR_FILENO)
}

func writeToStandardOutput(_ bytes: [UInt8]) throws(KitError) {
  guard write(bytes, to: STDOUT_FILENO) else { throw standardOutputFailure }
}

/// Prints a line to stdout. Names of files, packages and kernels are others' words in most lines, so control
/// characters are shown and have no effect, in whatever comes through here: in this module, there is no other
/// `print` of a line.
func print(_ line: String) {
  Swift.print(line.visible)
}

/// Prints a line of what may come from others: a kit, a package, a guest.
func printVisibly(_ line: String) {
  print(line)
}

/// Prints text of this program's own, which may have several lines.
func printText(_ text: String) {
  Swift.print(text)
}

/// Prints JSON in which control characters are escaped: those beyond ASCII, too, which JSON may have as they are.
func printJSON(_ value: some Encodable) throws {
  Swift.print(
    String(decoding: try JSON.encode(value), as: UTF8.self).jsonWithVisibleControls, terminator: "")
}

extension String {
  /// JSON text that means the same and has no control characters but line feeds.
  var jsonWithVisibleControls: String {
    guard unicodeScalars.contains(where: { $0.value > 0x7e && $0.isControl }) else { return self }
    return unicodeScalars.map { scalar in
      guard scalar.value > 0x7e, scalar.isControl else { return String(scalar) }
      let digits = String(scalar.value, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }.joined()
  }
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
