internal import Basics
internal import Formats
internal import Glibc

extension RunEnding {
  /// What it means that the guest could not start the command.
  /// - Parameters:
  ///   - refusal: exit status and error number, and then a text.
  ///   - command: its name.
  ///   - lines: the last ones of the console.
  init(refusal: [UInt8], _ numbers: [UInt32], command: String, lines: [String]) {
    let (status, error) = (Int(numbers[0]), Int32(clamping: numbers[1]))
    let reason = unsafe String(cString: strerror(error))
    guard status == 126 || status == 127 else {
      let parts = [String(decoding: refusal, as: UTF8.self).visible, error == 0 ? "" : reason]
      self = .failed(
        "the guest can't run the command: \(parts.filter { !$0.isEmpty }.joined(separator: ": "))",
        lines: lines)
      return
    }
    let message =
      switch error {
      case _ where status == 127: "command not found"
      case ENOEXEC:
        "not a program for this kernel; begin a script with #!, or give it to a shell"
      case ENOENT: "its interpreter or dynamic loader does not exist"
      default: reason
      }
    self = .refused(status: status, "\(command): \(message)")
  }
}
