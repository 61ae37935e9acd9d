package import Basics

/// The one door to the network.
package struct Network: Sendable {
  /// Hands on the bytes at a URL, in pieces, each with its place in the file. Throws `KitError.missing` where there is
  /// no such file, and `Interruption` where another try may do. It follows redirects.
  package typealias Get =
    @Sendable (
      _ request: DownloadRequest, _ receive: (_ bytes: [UInt8], _ offset: Int) throws -> Void
    ) throws -> Void

  /// One try of one request.
  package var get: Get
  /// Waits before another try, for some seconds.
  package var pause: @Sendable (_ seconds: Int) -> Void
  /// Whether nothing is asked of the network: the cache has it, or it is not there.
  package private(set) var isOffline = false
  /// The most seconds that a server may let us wait.
  private static let waitLimit = 120

  /// Seconds between one try of a download and the next.
  var pauses = [1, 3, 9]

  package init(
    get: @escaping Get, pause: @escaping @Sendable (_ seconds: Int) -> Void = Machine.pause
  ) {
    self.get = get
    self.pause = pause
  }

  /// Returns this machine's network, by HTTP.
  package static func system() -> Network { Network(get: HTTPClient().get) }

  /// Returns a network that nothing can be asked of.
  package func offline() -> Network {
    var network = self
    network.isOffline = true
    network.get = { request, _ in throw Self.notInCache(request.url) }
    return network
  }

  static func notInCache(_ name: String) -> KitError {
    KitError(.missing, "\(name): is not in the cache", advice: "run it once without --offline")
  }

  /// Returns a network where requests below a mirror's address carry its login.
  func signingIn(_ logins: [(mirror: String, login: MirrorLogin?)]) -> Network {
    let logins = logins.filter { $0.login != nil }
    guard !logins.isEmpty else { return self }
    var network = self
    network.get = { [get] request, receive in
      var request = request
      request.login = logins.first { request.url.hasPrefix("\($0.mirror)/") }?.login
      try get(request, receive)
    }
    return network
  }

  /// Gets a file and, where a transfer breaks off, tries again after a while.
  /// - Parameters:
  ///   - offset: where to begin, in bytes.
  ///   - end: where the file ends, in bytes; a transfer that ends before has broken off. Not all servers
  ///     announce a length. nil for wherever it ends.
  ///   - isResumed: whether another try goes on where the last one stopped; for files whose hashes
  ///     are known.
  ///   - begin: called before each try that begins at the start.
  ///   - receive: takes pieces with their places in the file; place 0 begins it anew.
  func download(
    _ url: String, from offset: Int = 0, to end: Int? = nil, isResumed: Bool,
    begin: () -> Void = {}, _ receive: (_ bytes: [UInt8], _ offset: Int) throws -> Void
  ) throws {
    var position = offset
    for pause in pauses.map(Optional.some) + [nil] {
      do {
        // An answer without a byte is one, too: nothing of an earlier try belongs to it.
        if !isResumed { begin() }
        try get(DownloadRequest(url, offset: isResumed ? position : 0)) { bytes, offset in
          try receive(bytes, offset)
          position = offset + bytes.count
        }
        guard let end, position < end else { return }
        throw Interruption(
          KitError(
            .invalid, "\(url): ended after \(position) of the \(end) bytes that the archive states",
            advice: "try again later, or use another mirror"))
      } catch let refusal as Unauthorized {
        throw refusal.reason
      } catch let interruption as Interruption {
        guard let pause else {
          var reason = interruption.reason
          reason.message += " (after \(pauses.count + 1) tries)"
          throw reason
        }
        self.pause(min(max(pause, interruption.wait ?? 0), Self.waitLimit))
      }
    }
  }

  /// A file in memory. Another try begins anew: the file may have changed in between.
  /// - Parameter progress: gets the number of bytes that have come.
  /// - Throws: `KitError.unverified` for one of more than `limit` bytes, and for a page that a network
  ///   shows instead of it.
  func download(
    _ url: String, limit: Int, progress: (Int) -> Void = { _ in }
  ) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try download(url, isResumed: false, begin: { bytes = [] }) { piece, offset in
      if offset == 0 { bytes = [] }
      guard bytes.count + piece.count <= limit else {
        throw KitError(
          .unverified, "\(url): is larger than \(limit) bytes",
          advice: "try again, or use another mirror")
      }
      bytes += piece
      progress(bytes.count)
    }
    if WebPage.isBegun(by: bytes) { throw WebPage.refusal(url) }
    return bytes
  }
}

/// What is asked of a server.
package struct DownloadRequest: Sendable, Hashable {
  /// The address, of http or https.
  package var url: String
  /// Where to begin, in bytes. A server may begin before that, at the file's start.
  package var offset: Int
  /// For this server only: no redirect takes it elsewhere.
  package var login: MirrorLogin?
  /// The value of `Authorization`, for this server only.
  package var authorization: String?
  /// Types that the answer may have, for `Accept`.
  package var accepted: [String] = []
  /// A file of certificates to trust instead of the system's.
  package var authorities: String?

  /// Asks for a file from a place in it, in bytes.
  package init(_ url: String, offset: Int = 0) {
    self.url = url
    self.offset = offset
  }
}

/// A transfer that failed in a way that another try may not.
package struct Interruption: Error, Sendable {
  /// What to say when there is no other try.
  package var reason: KitError
  /// Seconds that the server wants to have passed before another try.
  package var wait: Int?

  /// Makes an interruption of what to say when there is no other try.
  package init(_ reason: KitError, wait: Int? = nil) {
    self.reason = reason
    self.wait = wait
  }
}

/// A server's wish to know who asks. RFC 9110, 11.6.1.
package struct Unauthorized: Error, Sendable {
  package var url: String
  /// The values of WWW-Authenticate, a line each.
  package var challenge: String

  /// What to say where nobody answers it.
  var reason: KitError {
    KitError(
      .invalid, "\(url): the server answered with status 401",
      advice: "give a login that it takes in the address, or use another mirror")
  }
}
