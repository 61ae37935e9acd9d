internal import Glibc

extension String {
  /// Whether it comes before another one in the order of their bytes.
  package func isBefore(_ other: String) -> Bool {
    let (own, others) = (utf8.span, other.utf8.span)
    let order = unsafe own.withUnsafeBytes { left in
      unsafe others.withUnsafeBytes { right in
        guard let left = left.baseAddress, let right = right.baseAddress else { return Int32(0) }
        return unsafe memcmp(left, right, min(own.count, others.count))
      }
    }
    return order == 0 ? own.count < others.count : order < 0
  }
}
