import Dispatch
import Formats
import Glibc
import Synchronization

/// An HTTP server on this machine that answers as it is told, also with what no server should send.
package final class TestServer: Sendable {
  package struct Request: Sendable {
    /// As it stands in the request line; a whole address when the server is used as a proxy.
    package var target: String
    /// Where the wanted range begins; nil when there is none.
    package var offset: Int?
    package var headers: String
    /// How many requests came before.
    package var number: Int
  }

  package enum Step: Sendable {
    case send([UInt8])
    case wait(milliseconds: Int)
    /// The connection is reset instead of closed.
    case reset
  }

  package typealias Handler = @Sendable (Request) -> [Step]

  private let listener: Int32
  private let handler: Handler
  private let seen = Mutex<[Request]>([])
  package let port: Int

  package var address: String { "http://127.0.0.1:\(port)" }
  /// What was asked so far.
  package var requests: [Request] { seen.withLock { $0 } }

  package init(_ handler: @escaping Handler) throws {
    self.handler = handler
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        unsafe bind(listener, pointer, length) == 0 && listen(listener, 64) == 0
          && getsockname(listener, pointer, &length) == 0
      }
    }
    guard isBound else { throw FormatError.system("can't be served", path: "127.0.0.1") }
    self.listener = listener
    port = Int(UInt16(bigEndian: address.sin_port))
    Self.accept(listener, self)
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
  }

  /// A server of the files below a folder.
  /// - Parameters:
  ///   - rate: bytes a second; nil for as fast as it goes.
  package static func files(below root: String, rate: Int? = nil) throws -> TestServer {
    try TestServer { request in
      let path = request.target.prefix { $0 != "?" }.replacing("%2B", with: "+")
      guard !path.contains(".."), let file = try? InputFile(root + path),
        let bytes = try? file.readAll(limit: 1 << 30)
      else { return [.send(head("404 Not Found", length: 0))] }
      let offset = request.offset ?? 0
      guard offset < bytes.count || offset == 0 else {
        return [.send(head("416 Range Not Satisfiable", length: 0))]
      }
      let status = offset > 0 ? "206 Partial Content" : "200 OK"
      let range =
        offset > 0 ? ["Content-Range: bytes \(offset)-\(bytes.count - 1)/\(bytes.count)"] : []
      let head = head(status, length: bytes.count - offset, range)
      guard let rate else { return [.send(head), .send(Array(bytes[offset...]))] }
      var steps: [Step] = [.send(head)]
      for start in stride(from: offset, to: bytes.count, by: max(1, rate / 50)) {
        steps += [
          .send(Array(bytes[start..<min(bytes.count, start + max(1, rate / 50))])),
          .wait(milliseconds: 20),
        ]
      }
      return steps
    }
  }

  package static func head(_ status: String, length: Int?, _ more: [String] = []) -> [UInt8] {
    let lines =
      ["HTTP/1.1 \(status)", "Connection: close"] + (length.map { ["Content-Length: \($0)"] } ?? [])
      + more
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }

  private static func accept(_ listener: Int32, _ server: TestServer) {
    // The thread does not keep the server alive: it ends with it.
    let answer: @Sendable (Int32) -> Bool = { [weak server] connection in
      guard let server else { return false }
      Thread.start { server.serve(connection) }
      return true
    }
    Thread.start {
      while true {
        let connection = Glibc.accept(listener, nil, nil)
        if connection < 0 && (errno == EINTR || errno == ECONNABORTED) { continue }
        guard connection >= 0 else { break }
        if !answer(connection) { close(connection) }
      }
      close(listener)
    }
  }

  private func serve(_ connection: Int32) {
    defer { close(connection) }
    _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
    var text = [UInt8]()
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while !text.suffix(4).elementsEqual("\r\n\r\n".utf8) {
      let count = unsafe recv(connection, &buffer, buffer.count, 0)
      guard count > 0, text.count < 1 << 16 else { return }
      text += buffer[..<count]
    }
    let headers = String(decoding: text, as: UTF8.self)
    let target = headers.split(separator: " ").dropFirst().first.map(String.init) ?? ""
    let offset = headers.split(separator: "\r\n").first {
      $0.lowercased().hasPrefix("range: bytes=")
    }
    .flatMap { Int($0.dropFirst("range: bytes=".count).prefix { $0 != "-" }) }
    let request = seen.withLock { seen in
      let request = Request(
        target: target, offset: offset, headers: headers, number: seen.count)
      seen.append(request)
      return request
    }
    for step in handler(request) {
      switch step {
      case .send(let bytes): guard send(bytes, connection) else { return }
      case .wait(let milliseconds): usleep(UInt32(milliseconds) * 1000)
      case .reset:
        var linger = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(
          connection, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        return
      }
    }
    shutdown(connection, Int32(SHUT_WR))
    // What is still unread would turn the end into a reset.
    while unsafe recv(connection, &buffer, buffer.count, 0) > 0 {}
  }

  private func send(_ bytes: [UInt8], _ connection: Int32) -> Bool {
    unsafe bytes.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let put = unsafe Glibc.send(
          connection, bytes.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL))
        guard put > 0 else { return false }
        done += put
      }
      return true
    }
  }
}

/// A thread of its own: those of the test runner are few, and a server waits a lot.
private enum Thread {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  static func start(_ run: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let body = unsafe Unmanaged.passRetained(Body(run)).toOpaque()
    let result = unsafe pthread_create(
      &thread, nil,
      { body in
        guard let body = unsafe body else { return nil }
        unsafe Unmanaged<Body>.fromOpaque(body).takeRetainedValue().run()
        return nil
      }, body)
    precondition(result == 0, "no thread for the test's server")
    pthread_detach(thread)
  }
}
