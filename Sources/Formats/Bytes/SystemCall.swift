internal import Glibc

extension FormatError {
  /// The last system call's failure, as `doing` names it.
  package static func system(_ doing: String, path: String) -> FormatError {
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

/// Whether a system call worked, or was about what the file system does not have, or gives out itself: CIFS, exFAT, 9p
/// and others refuse permissions, times and locks. cp(1) and mke2fs(8) go on then.
/// - Parameter refusal: another error number that means no more than that.
func isDoneOrRefused(_ result: Int32, _ refusal: Int32 = EOPNOTSUPP) -> Bool {
  result == 0 || [EPERM, EOPNOTSUPP, ENOSYS, refusal].contains(errno)
}

/// Up to `count` bytes from `offset`, fewer only at the end; nil when a read fails.
func readFully(_ descriptor: Int32, at offset: Int, count: Int) -> [UInt8]? {
  var failed = false
  let result = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    filled = 0
    while filled < count {
      let got = retrying {
        unsafe pread(descriptor, buffer.baseAddress! + filled, count - filled, offset + filled)
      }
      failed = got < 0
      if got <= 0 { return }
      filled += got
    }
  }
  return failed ? nil : result
}

/// Writes all of `bytes`, at the descriptor's position or at `offset`.
/// - Returns: false when a write fails.
func writeFully(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int? = nil) -> Bool
{
  var done = 0
  while done < bytes.count {
    let put = retrying {
      unsafe offset.map {
        unsafe pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, $0 + done)
      } ?? write(descriptor, bytes.baseAddress! + done, bytes.count - done)
    }
    if put <= 0 { return false }
    done += put
  }
  return true
}
