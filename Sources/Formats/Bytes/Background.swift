internal import Dispatch
internal import Synchronization

/// Something that is done on another core meanwhile.
public final class Background<Value: Sendable>: Sendable {
  private let result = Mutex<Result<Value, any Error>?>(nil)
  private let group = DispatchGroup()

  public init(_ work: @escaping @Sendable () throws -> Value) {
    DispatchQueue.global().async(group: group) { [self] in
      let result = Result { try work() }
      self.result.withLock { $0 = result }
    }
  }

  /// Waits for the value.
  /// - Throws: what the work failed with.
  public func value() throws -> Value {
    group.wait()
    return try result.withLock { result in
      guard let result else { preconditionFailure("the group has ended before its work") }
      return result
    }.get()
  }
}
