import Formats
import Glibc
import Synchronization

/// A mirror on this machine, over HTTP/1.0 and the loopback interface, that may be slow.
public final class LoopbackServer: Sendable {
  public let url: String
  private let descriptor: Int32
  private let files: [String: [UInt8]]
  private let pause: UInt32

  /// - Parameters:
  ///   - files: by their paths, from the slash on.
  ///   - pause: milliseconds between pieces of 4 KiB.
  public init(_ files: [String: [UInt8]], pause: UInt32 = 0) throws {
    self.files = files
    self.pause = pause
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let (server, size) = (descriptor, length)
    let isUp = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        unsafe bind(server, pointer, size) == 0 && listen(server, 16) == 0
          && getsockname(server, pointer, &length) == 0
      }
    }
    url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
    guard isUp else { throw ToolFailure(description: "no server on the loopback interface") }
    start()
  }

  deinit {
    shutdown(descriptor, Int32(SHUT_RDWR))
    close(descriptor)
  }

  private func start() {
    let (server, files, pause) = (descriptor, files, pause)
    Thread.detach {
      while true {
        let client = accept(server, nil, nil)
        if client < 0 { return }
        Thread.detach { Self.answer(client, files, pause) }
      }
    }
  }

  private static func answer(_ client: Int32, _ files: [String: [UInt8]], _ pause: UInt32) {
    defer { close(client) }
    var request: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while !String(decoding: request, as: UTF8.self).contains("\r\n\r\n") {
      let count = unsafe recv(client, &buffer, buffer.count, 0)
      if count <= 0 { return }
      request += buffer[..<count]
    }
    let path = String(decoding: request, as: UTF8.self).split(separator: " ").dropFirst().first
    let body = files[String(path ?? "")]
    let status = body == nil ? "404 Not Found" : "200 OK"
    let size = body?.count ?? 0
    var answer = Array("HTTP/1.0 \(status)\r\nContent-Length: \(size)\r\n\r\n".utf8)[...]
    answer += body ?? []
    while !answer.isEmpty {
      let piece = Array(answer.prefix(4096))
      let count = unsafe send(client, piece, piece.count, Int32(MSG_NOSIGNAL))
      if count <= 0 { return }
      answer = answer.dropFirst(count)
      usleep(pause * 1000)
    }
  }
}

/// Threads that may block.
private enum Thread {
  static func detach(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
      let body: @Sendable () -> Void
      init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(Box(body)).toOpaque()
    unsafe pthread_create(
      &thread, nil,
      { context in
        guard let context = unsafe context else { return nil }
        unsafe Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
        return nil
      }, context)
    pthread_detach(thread)
  }
}
