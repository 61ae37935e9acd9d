internal import Glibc

extension [UInt8] {
  /// Whether all bytes are zero: the first one is, and each equals the one before it.
  var isAllZero: Bool {
    unsafe withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress, buffer.count > 0 else { return true }
      let difference = unsafe memcmp(start, start + 1, buffer.count - 1)
      return unsafe buffer[0] == 0 && difference == 0
    }
  }
}
