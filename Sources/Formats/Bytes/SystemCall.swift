internal import Glibc

extension FormatError {
  /// The last system call's failure, as `doing` names it.
  public static func system(_ doing: String, path: String) -> FormatError {
    let number = Glibc.errno
    let text = unsafe String(cString: strerror(number))
    return FormatError(.io, "\(doing): \(text)", path: [path], errno: number)
  }
}

/// Repeats a system call that a signal interrupted.
@discardableResult
func retrying<T: FixedWidthInteger>(_ call: () -> T) -> T {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}
