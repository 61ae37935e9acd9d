internal import Formats
internal import Glibc

/// One of this program's own output streams, which takes what a guest's command writes without ever making
/// its user wait for another.
struct RunOutput {
  let file: Int32
  private var queue: [[UInt8]] = []
  private var written = 0
  private(set) var waiting = 0
  /// Nobody reads it any more.
  private(set) var isClosed = false
  /// Why it can't be written to, other than that.
  private(set) var problem: String?
  /// A file always takes all; of others it is only sure that they take this much.
  private let pieceSize: Int

  init(_ file: Int32) {
    self.file = file
    var status = stat()
    let isFile = unsafe fstat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    // PIPE_BUF.
    pieceSize = isFile ? 1 << 20 : 4096
  }

  var wantsRoom: Bool { !queue.isEmpty }

  mutating func append(_ bytes: [UInt8]) {
    guard !isClosed, !bytes.isEmpty else { return }
    queue.append(bytes)
    waiting += bytes.count
  }

  /// Writes what poll(2) said that there is room for.
  /// - Returns: bytes that are written, or lost as nobody reads.
  mutating func write() -> Int {
    guard let bytes = queue.first else { return 0 }
    let count = min(pieceSize, bytes.count - written)
    let result = unsafe bytes.withUnsafeBytes {
      unsafe Glibc.write(file, $0.baseAddress! + written, count)
    }
    guard result > 0 else {
      if result < 0, errno == EINTR || errno == EAGAIN { return 0 }
      if result < 0, errno != EPIPE { problem = unsafe String(cString: strerror(errno)) }
      isClosed = true
      queue = []
      let lost = waiting
      waiting = 0
      return lost
    }
    written += result
    waiting -= result
    if written == bytes.count {
      queue.removeFirst()
      written = 0
    }
    return result
  }
}

/// The end of what somebody says, as lines.
struct RunTail {
  private static let limit = 1 << 14
  private var text: [UInt8] = []

  mutating func append(_ bytes: [UInt8]) {
    text += bytes
    if text.count > Self.limit { text.removeFirst(text.count - Self.limit) }
  }

  /// Without warnings, where there is more.
  var lines: [String] {
    let all = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline)
      .map { String($0).visible }
    let telling = all.filter { !$0.contains("warning:") }
    return telling.isEmpty ? all : telling
  }
}
