internal import Glibc

@unsafe extension UnsafeRawBufferPointer {
  /// What comes after the first `count` bytes, of which there are as many.
  func bytes(after count: Int) -> UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(rebasing: self[count...])
  }

  /// What comes after the first `count` bytes, of which there are as many, to the first NUL or the end.
  func string(after count: Int) -> UnsafeRawBufferPointer {
    let rest = unsafe bytes(after: count)
    guard let begin = rest.baseAddress, let end = unsafe memchr(begin, 0, rest.count) else {
      return unsafe rest
    }
    return unsafe UnsafeRawBufferPointer(start: begin, count: UnsafeRawPointer(end) - begin)
  }
}
