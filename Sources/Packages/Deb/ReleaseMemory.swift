internal import Formats
internal import Synchronization

/// The signed lists that a run of the program has verified: what it takes from an archive comes from one
/// list, which it asks for once.
final class ReleaseMemory: Sendable {
  struct Request: Hashable {
    var suite: DebianSuite
    var keyrings: [Keyring]
    var at: Int?
    var isOffline: Bool
  }

  private let lists = Mutex<[Request: (release: Release, trust: TrustedRelease)]>([:])

  subscript(_ request: Request) -> (release: Release, trust: TrustedRelease)? {
    get { lists.withLock { $0[request] } }
    set { lists.withLock { $0[request] = newValue } }
  }
}
