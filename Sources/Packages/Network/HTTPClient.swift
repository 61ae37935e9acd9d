internal import Basics
internal import CMiniVM
internal import Formats

/// GETs over libcurl. RFC 9110, RFC 9112.
struct HTTPClient: Sendable {
  private static let redirectLimit = 5
  private static let advice = "check the network and the mirror, and try again"

  /// Seconds without progress after which a transfer is given up.
  var stall = 30

  /// What a transfer and its C callback share.
  private struct Transfer {
    var receive: ([UInt8], Int) throws -> Void
    var failure: (any Error)?
  }

  /// How a server answered.
  private struct Answer {
    var result: Int
    var status: Int
    /// Where a redirect leads; empty for none.
    var location: String
    var reason: String
    var challenge: String
    /// Seconds that the server wants to have passed before another try.
    var retryAfter: Int?
    /// Whether the answer is a part of the file that was not asked for.
    var isOtherPart: Bool { status == 206 && result == MINIVM_HTTP_OTHER_PART }
  }

  /// Hands on the bytes at a URL, in pieces, each with its place in the file.
  /// - Throws: `KitError.missing` when the server has no such thing, `Interruption`, and what
  ///   `receive` throws.
  func get(_ request: DownloadRequest, _ receive: ([UInt8], Int) throws -> Void) throws {
    var url = request.url
    guard Self.scheme(url) != nil else {
      throw KitError(.usage, "\(url): is not an http or https address")
    }
    for _ in 0...Self.redirectLimit {
      var own = request
      if Self.server(url) != Self.server(request.url) {
        (own.login, own.authorization) = (nil, nil)
      }
      var answer = try transfer(url, own, receive)
      // Nothing is there: the file is shorter than what we have of it. Or the server sends another part than
      // was asked for, as it will the next time: then it is asked for the whole.
      if request.offset > 0, answer.status == 416 || answer.isOtherPart {
        own.offset = 0
        answer = try transfer(url, own, receive)
      }
      guard (300..<400).contains(answer.status), !answer.location.isEmpty else {
        return try check(answer, url)
      }
      guard Self.mayLead(url, to: answer.location) else {
        throw KitError(
          .invalid,
          "\(url): redirects to \(answer.location), which is refused: it is not \(Self.scheme(url) ?? "")",
          advice: "use another mirror")
      }
      url = answer.location
    }
    throw KitError(
      .invalid, "\(request.url): redirects more than \(Self.redirectLimit) times",
      advice: "use another mirror")
  }

  /// Whether a redirect is followed: to http and https, and never out of https.
  static func mayLead(_ url: String, to next: String) -> Bool {
    guard let scheme = scheme(next) else { return false }
    return scheme == "https" || Self.scheme(url) == "http"
  }

  private static func scheme(_ url: String) -> String? {
    ["http", "https"].first { url.lowercased().hasPrefix("\($0)://") }
  }

  /// `http://server:80`, in small letters.
  private static func server(_ url: String) -> String {
    url.lowercased().split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
      .prefix(3).joined(separator: "/")
  }

  private func check(_ answer: Answer, _ url: String) throws {
    switch answer.result {
    case MINIVM_HTTP_OK where answer.status == 200 || answer.status == 206: return
    case MINIVM_HTTP_OTHER_PART:
      throw KitError(
        .invalid, "\(url): the server sent another part of the file than requested",
        advice: "use another mirror")
    case MINIVM_HTTP_OK where answer.status == 404 || answer.status == 410:
      throw KitError(.missing, "\(url): the server has no such file")
    case MINIVM_HTTP_OK where answer.status == 401 && !answer.challenge.isEmpty:
      throw Unauthorized(url: url, challenge: answer.challenge)
    case MINIVM_HTTP_OK where answer.status == 407: throw Self.proxyLogin(url)
    case MINIVM_HTTP_OK where answer.status == 511:
      throw KitError(
        .invalid, "\(url): this network requires you to sign in",
        advice: "open any page in a browser, and try again")
    case MINIVM_HTTP_OK:
      var error = KitError(
        .invalid, "\(url): the server answered with status \(answer.status)",
        advice: "try again later, or use another mirror")
      error.isForbidden = answer.status == 403
      let isPassing = answer.status >= 500 || [408, 425, 429].contains(answer.status)
      throw isPassing ? Interruption(error, wait: answer.retryAfter) : error
    case MINIVM_HTTP_NO_LIBRARY:
      throw KitError(
        .invalid, "downloads require libcurl, which is not installed",
        advice: "install libcurl4 (Debian, Ubuntu) or libcurl (Fedora, Arch)")
    case MINIVM_HTTP_UNTRUSTED:
      throw KitError(
        .unverified, "\(url): \(answer.reason)",
        advice:
          "check this machine's clock, or use another mirror; set SSL_CERT_FILE for a certificate authority of your own"
      )
    // What libcurl says of a proxy that refuses a tunnel to an https server.
    case _
    where answer.reason.hasPrefix("CONNECT tunnel failed, response 407")
      || answer.reason.hasPrefix("Received HTTP code 407 from proxy"):
      throw Self.proxyLogin(url)
    case MINIVM_HTTP_INTERRUPTED:
      throw Interruption(KitError(.invalid, "\(url): \(answer.reason)", advice: Self.advice))
    default:
      throw KitError(.invalid, "\(url): \(answer.reason)", advice: Self.advice)
    }
  }

  private static func proxyLogin(_ url: String) -> KitError {
    KitError(
      .invalid, "\(url): the proxy requires a user and a password (status 407)",
      advice:
        "set them in http_proxy and https_proxy: http://USER:PASSWORD@PROXY:PORT, with %40 for an @ in them"
    )
  }

  /// One request and its answer.
  private func transfer(
    _ url: String, _ request: DownloadRequest, _ receive: ([UInt8], Int) throws -> Void
  ) throws -> Answer {
    var lines: [String] = []
    if let authorization = request.authorization { lines.append("Authorization: \(authorization)") }
    if !request.accepted.isEmpty {
      lines.append("Accept: \(request.accepted.joined(separator: ", "))")
    }
    // A line end in a value would begin a header of its own.
    guard !lines.contains(where: { $0.utf8.contains { $0 < 0x20 } }) else {
      throw KitError(.invalid, "\(url): a control character in a request")
    }
    var headers = minivm_http_headers()
    headers.retry_after = -1

    var status = 0
    var message = [UInt8](repeating: 0, count: 512)
    var location = [UInt8](repeating: 0, count: 4096)
    var failure: (any Error)?
    let result = withoutActuallyEscaping(receive) { receive in
      var transfer = Transfer(receive: receive)
      let result = unsafe withUnsafeMutablePointer(to: &transfer) { pointer in
        unsafe message.withUnsafeMutableBytes { message in
          unsafe location.withUnsafeMutableBytes { location in
            unsafe minivm_http_get(
              url, "minivm/\(ProgramVersion.current)", request.login?.user,
              request.login?.password,
              lines.isEmpty ? nil : lines.joined(separator: "\n"), request.authorities, &headers,
              Int64(request.offset), stall,
              Self.receiver, pointer, &status,
              location.baseAddress!.assumingMemoryBound(to: CChar.self), location.count,
              message.baseAddress!.assumingMemoryBound(to: CChar.self), message.count)
          }
        }
      }
      failure = transfer.failure
      return Int(result)
    }
    if let failure { throw failure }
    func text(_ bytes: [UInt8]) -> String {
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    return Answer(
      result: result, status: status, location: text(location), reason: text(message),
      challenge: unsafe withUnsafeBytes(of: headers.challenge) { unsafe text(Array($0)) },
      retryAfter: headers.retry_after >= 0 ? headers.retry_after : nil)
  }

  private static let receiver: minivm_receiver = { context, bytes, count, offset in
    guard let transfer = unsafe context?.assumingMemoryBound(to: Transfer.self) else { return 1 }
    do {
      let piece = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
      try unsafe transfer.pointee.receive(piece, Int(offset))
      return 0
    } catch {
      unsafe transfer.pointee.failure = error
      return 1
    }
  }
}
