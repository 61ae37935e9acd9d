import Basics
import Formats
import TestSupport
import Testing

@testable import Packages

extension HTTPClientTests {
  struct Fault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// A part of the message.
    var message: String
    var code: KitError.Code
    /// How often it is asked.
    var tries: Int
    var steps: @Sendable (TestServer.Request) -> [TestServer.Step]

    init(
      _ name: String, _ message: String, code: KitError.Code = .invalid, tries: Int = 1,
      _ steps: @escaping @Sendable (TestServer.Request) -> [TestServer.Step]
    ) {
      testDescription = name
      self.message = message
      self.code = code
      self.tries = tries
      self.steps = steps
    }
  }

  static let head = TestServer.head("200 OK", length: file.count)

  static let faults: [Fault] = [
    Fault("closed before headers", "(after 4 tries)", tries: 4) { _ in [] },
    Fault("reset before headers", "(after 4 tries)", tries: 4) { _ in [.reset] },
    Fault("cut in the headers", "(after 4 tries)", tries: 4) { _ in
      [.send(Array(head.prefix(20))), .reset]
    },
    Fault("headers without end", "have no end") { _ in
      let line = "X-Line: \(String(repeating: "x", count: 2000))\r\n"
      return [.send(Array("HTTP/1.1 200 OK\r\n".utf8))]
        + (0..<400).map { _ in .send(Array(line.utf8)) }
    },
    Fault("no HTTP", "", tries: 1) { _ in [.send(Array("hello\r\n\r\n".utf8))] },
    Fault("not there", "no such file", code: .missing) { _ in
      [.send(TestServer.head("404 Not Found", length: 0))]
    },
    Fault("forbidden, with a page that has no end", "status 403") { _ in
      [.send(TestServer.head("403 Forbidden", length: nil))]
        + (0..<200).map { _ in .send([UInt8](repeating: 0x20, count: 1 << 16)) }
    },
    Fault("busy", "status 503 (after 4 tries)", tries: 4) { _ in
      [.send(TestServer.head("503 Service Unavailable", length: 0))]
    },
    Fault("too many requests", "status 429 (after 4 tries)", tries: 4) { _ in
      [.send(TestServer.head("429 Too Many Requests", length: 0))]
    },
    Fault("a captive portal's page", "is a web page", code: .unverified) { _ in
      let page = Array("\n<!DOCTYPE html><title>Welcome to the hotel</title>".utf8)
      return [.send(TestServer.head("200 OK", length: page.count)), .send(page)]
    },
    Fault("a portal that says so", "requires you to sign in") { _ in
      [.send(TestServer.head("511 Network Authentication Required", length: 0))]
    },
    Fault("a body without end", "is larger than", code: .unverified) { _ in
      [.send(TestServer.head("200 OK", length: nil)), .send(file)]
        + (0..<1000).map { _ in .send([UInt8](repeating: 1, count: 1 << 16)) }
    },
    Fault("one byte too many", "is larger than", code: .unverified) { _ in
      [.send(TestServer.head("200 OK", length: file.count + 1)), .send(file + [0])]
    },
    Fault("a Content-Length that is too small", "ended after 1000 of", tries: 4) { _ in
      [.send(TestServer.head("200 OK", length: 1000)), .send(file)]
    },
    Fault("another file of the same size", "the archive states", code: .unverified) { _ in
      [.send(head), .send([UInt8](repeating: 1, count: file.count))]
    },
    Fault("a redirect loop", "more than 5 times", tries: 6) { request in
      [
        .send(
          TestServer.head("302 Found", length: 0, ["Location: /\(request.number)"]))
      ]
    },
    Fault("a redirect to a file", "which is refused") { _ in
      [.send(TestServer.head("302 Found", length: 0, ["Location: file:///etc/passwd"]))]
    },
    Fault("a redirect to nowhere", "status 302") { _ in
      [.send(TestServer.head("302 Found", length: 0))]
    },
    Fault("a range that nobody asked for", "another part") { _ in
      [
        .send(
          TestServer.head(
            "206 Partial Content", length: 10, ["Content-Range: bytes 5-14/300000"])),
        .send(Array(file[5..<15])),
      ]
    },
  ]
}
